"""Every fault there is, by name. A module is an area; whatever ``Fault`` it holds is a fault to switch on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

from core.errors import KitError
from testbed.faults import (
    alerts,
    backup,
    front,
    identity,
    logs,
    object_store,
    platform,
    pod_network,
    provider,
    tenants,
    zone,
)
from testbed.faults.fault import Fault

AREAS: tuple[ModuleType, ...] = (
    alerts,
    backup,
    front,
    identity,
    logs,
    object_store,
    platform,
    pod_network,
    provider,
    tenants,
    zone,
)


def _collect() -> dict[str, Fault]:
    found: dict[str, Fault] = {}
    for module in AREAS:
        area = module.__name__.rpartition(".")[2].replace("_", "-")
        for value in vars(module).values():
            if isinstance(value, Fault):
                if value.name in found:
                    raise ValueError(f"two faults are called {value.name}")
                found[value.name] = replace(value, area=area)
    return found


FAULTS: Mapping[str, Fault] = _collect()


def fault(name: str) -> Fault:
    """Return the fault of that name. Raises KitError with the names that are like it."""
    if name in FAULTS:
        return FAULTS[name]
    alike = [known for known in FAULTS if set(name.split("-")) & set(known.split("-"))]
    raise KitError(
        f"there is no fault called {name!r}",
        f"like it are: {', '.join(alike)}" if alike else "'govcloud testbed fault list' shows all",
    )
