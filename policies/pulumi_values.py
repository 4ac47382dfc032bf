"""What the Pulumi engine sends of a resource, as the manifest it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_policy import proxy
from pulumi_policy.secret import Secret

from policies.pulumi_once import once
from policies.unknown import UNKNOWN

PROVIDER: Final = "kubernetes:"
_UNKNOWN_TEXTS: Final = frozenset(
    value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_") and isinstance(value, str)
)
"""What the SDK passes for a value that a preview does not know."""


@once
def manifest_of(resource_type: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a resource of the Kubernetes provider into the manifest it stands for, unknown values marked.

    A resource that only patches an object has ``Patch`` at the end of its kind, as in the provider.
    """
    version, kind = identity(resource_type)
    return {**plain(properties), "apiVersion": version, "kind": kind}


def identity(resource_type: str) -> tuple[str, str]:
    """Return apiVersion and kind of a resource of the Kubernetes provider; of any other, what matches no rule."""
    provider, _, rest = resource_type.partition(":")
    api, _, kind = rest.partition(":")
    return (api.removeprefix("core/"), kind) if f"{provider}:" == PROVIDER else ("", "")


def plain(value: Any) -> Any:
    """Take a value out of the SDK's proxies, which raise when an unknown part of it is touched."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        members = value if isinstance(value, dict) else value["__target"]
        return {key: plain(item) for key, item in members.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = value if isinstance(value, list) else value["__target"]  # type: ignore[call-overload] # SDK's own key
        return [plain(item) for item in items]
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWN_TEXTS else value


def raw(value: Any) -> Any:
    """Take a value out of the SDK's proxies, secrets and unknown values left in it as the engine sent them."""
    if isinstance(value, Mapping):
        members = value if isinstance(value, dict) else value["__target"]
        return {key: raw(item) for key, item in members.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = value if isinstance(value, list) else value["__target"]  # type: ignore[call-overload] # SDK's own key
        return [raw(item) for item in items]
    return value
