"""The object as the engine keeps it: the live object, with the inputs and the names needed to change it later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import naming, normalize, values
from toolchain.plugins.kubernetes_provider.values import UNKNOWN

INPUTS: Final = "__inputs"
INITIAL_API_VERSION: Final = "__initialApiVersion"
FIELD_MANAGER: Final = "__fieldManager"

_ALLOCATED: Final = (("spec", "clusterIP"), ("spec", "clusterIPs"))
"""Fields of a Service that are given out at creation."""


def state(live: Mapping[str, Any], inputs: Mapping[str, Any], *, api_version: str, manager: str) -> dict[str, Any]:
    """Return the state of an object, secret wherever ``inputs`` (with its marks) is, and wherever a Secret is."""
    kept = values.mark_secrets(normalize.live_state(live), inputs)
    return {
        **kept,
        INPUTS: values.mark_secrets(dict(inputs), {}),
        INITIAL_API_VERSION: api_version,
        FIELD_MANAGER: manager,
    }


def last_inputs(olds: Mapping[str, Any], old_inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs applied last, plain: as the engine sends them, or as kept in the state."""
    return dict(values.plain(old_inputs or olds.get(INPUTS) or {}))


def manager_of(olds: Mapping[str, Any]) -> str:
    """Return the name of the fields' owner kept in the state, or nothing."""
    name = values.plain(olds.get(FIELD_MANAGER))
    return name if isinstance(name, str) else ""


def previewed(live: Mapping[str, Any], inputs: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """Return what a dry run tells of an object: without its status, and unknown where an update decides."""
    result = {key: value for key, value in live.items() if key != "status"}
    if not new:
        return result
    meta = dict(result.get("metadata", {}))
    given_name = naming.metadata(inputs).get("name")
    for key in ("uid", "resourceVersion", "creationTimestamp", *(() if given_name else ("name",))):
        if key in meta:
            meta[key] = UNKNOWN
    result["metadata"] = meta
    spec, wanted = result.get("spec"), inputs.get("spec")
    if result.get("kind") == "Service" and isinstance(spec, dict):
        given = wanted if isinstance(wanted, dict) else {}
        result["spec"] = {
            key: UNKNOWN if ("spec", key) in _ALLOCATED and key not in given else value for key, value in spec.items()
        }
    return result
