"""Changes computed here and sent as patches, for programs that turn server-side apply off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import naming, normalize
from toolchain.plugins.kubernetes_provider.kinds import Path

MANAGER: Final = "pulumi-kubernetes"
"""Owner of the fields of every object made without server-side apply."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"


def labelled(inputs: dict[str, Any], olds: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs with the label that says who manages the object, if it is new or had the label before."""
    meta = inputs.get("metadata", {})
    if not isinstance(meta, dict) or not isinstance(labels := meta.get("labels", {}), dict):
        return inputs
    had = naming.metadata(olds).get("labels")
    if olds and not (isinstance(had, dict) and had.get(MANAGED_BY) == "pulumi"):
        return inputs
    return {**inputs, "metadata": {**meta, "labels": {**labels, MANAGED_BY: "pulumi"}}}


def patch(old: Mapping[str, Any], live: Mapping[str, Any], new: Mapping[str, Any], path: Path = ()) -> dict[str, Any]:
    """Return the merge patch that makes a live object what the program asks for.

    It sets what ``new`` has and the live object has not, and removes what ``old`` (the inputs applied last) had and
    ``new`` has not. What others set stays. A list is one value.
    """
    changes: dict[str, Any] = {}
    for key, value in new.items():
        held = live.get(key)
        if isinstance(value, dict) and isinstance(held, dict):
            before = old.get(key)
            if deeper := patch(before if isinstance(before, dict) else {}, held, value, (*path, key)):
                changes[key] = deeper
        elif key not in live or not normalize.same(held, value, (*path, key)):
            changes[key] = value
    changes.update({key: None for key in old if key not in new and key in live})
    return changes
