"""What the provider answers the engine: checked inputs, differences, and errors without secrets in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from toolchain.plugins.kubernetes_provider import values
from toolchain.plugins.kubernetes_provider.calls import PartialError, RefusedError
from toolchain.plugins.kubernetes_provider.client import ApiError, RunCancelledError, UnreachableError
from toolchain.plugins.kubernetes_provider.configuration import ConfigurationError
from toolchain.plugins.kubernetes_provider.diff import Comparison
from toolchain.plugins.kubernetes_provider.discovery import UnknownKindError
from toolchain.plugins.kubernetes_provider.kubeconfig import KubeconfigError
from toolchain.plugins.kubernetes_provider.naming import UnnamedError

EXPECTED = (
    ApiError,
    RunCancelledError,
    ConfigurationError,
    KubeconfigError,
    UnnamedError,
    RefusedError,
    UnreachableError,
    UnknownKindError,
    ValueError,
)
"""Errors whose text is the whole story; any other is a fault of this program and keeps its traceback."""


def answered(context: grpc.ServicerContext, work: Callable[[], Any], *secret: Any) -> Any:
    """Do the work and return its answer; tell an expected error in one message without secrets."""
    try:
        return work()
    except PartialError as error:
        message = redacted(str(error), secret)
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=error.identity,
                properties=values.to_struct(error.state),
                reasons=[message],
                inputs=values.to_struct(error.inputs),
            )
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, message)
    except RunCancelledError:
        context.abort(grpc.StatusCode.CANCELLED, "cancelled")
    except EXPECTED as error:
        context.abort(grpc.StatusCode.UNKNOWN, redacted(str(error), secret))


def redacted(message: str, secret: tuple[Any, ...]) -> str:
    """Return a message without what is secret in some properties."""
    return values.redact(message, *map(values.from_struct, secret))


def checked(inputs: dict[str, Any], failures: list[tuple[str, str]]) -> Any:
    """Return complete inputs and what is wrong with them, as (property, reason)."""
    return provider_pb2.CheckResponse(
        inputs=values.to_struct(inputs),
        failures=[provider_pb2.CheckFailure(property=where, reason=reason) for where, reason in failures],
    )


def difference(found: Comparison) -> Any:
    """Return what an update would change, field by field."""
    response = provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if found.differences or found.always else response.DIFF_NONE,
        replaces=found.replaces,
        deleteBeforeReplace=found.delete_first,
        diffs=sorted({str(one.path[0]) for one in found.differences}),
        detailedDiff={
            one.text: provider_pb2.PropertyDiff(
                kind=provider_pb2.PropertyDiff.Kind.Value(f"{one.change}_REPLACE" if one.replaces else one.change),
                inputDiff=True,
            )
            for one in found.differences
        },
        hasDetailedDiff=True,
    )
