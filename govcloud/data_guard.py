"""The last look before an apply that must keep data: no step of the engine takes away what holds any."""

from __future__ import annotations

from typing import Final

from core.errors import KitError
from toolchain.automation import Summary

BEARS_DATA: Final = frozenset(
    {
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:core/v1:Namespace",
        "kubernetes:core/v1:PersistentVolume",
        "kubernetes:core/v1:PersistentVolumeClaim",
    }
)


def refuse_loss(summary: Summary) -> None:
    """Raise KitError where a preview would delete or replace what holds data."""
    lost = [it.name for it in summary.steps if it.type in BEARS_DATA and it.action.startswith(("delete", "replace"))]
    if lost:
        raise KitError(
            f"refused: the engine would delete {', '.join(sorted(set(lost)))}, with all data in it",
            "nothing was changed; see the configuration of the stack",
        )
