"""On which clusters an agency's systems are put, and what must be shown before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import KitError
from modules import conforming
from modules.agency import Agency
from modules.certificate import Certificate
from modules.levels import LEVELS
from modules.settings import AgencySettings


@dataclass(frozen=True)
class Place:
    """Where an agency runs."""

    kubeconfig: Path
    central: bool
    """Its systems stand on the central cloud's cluster, where the shared services are."""
    alone: Mapping[str, Path]
    """Kubeconfigs of the clusters of single systems, by name."""
    certificate: Certificate | None
    """What allows it to run on a commercial cloud."""


def place(agency: Agency, settings: AgencySettings, environment: Mapping[str, str], on: dt.date) -> Place:
    """Decide where an agency is put. Raises KitError where it must not be put there, or a file is missing."""
    given, folder = agency.placement, settings.agency.resolve().parent
    shown = None
    if given.cluster == "egc":
        asked = max(system.level for system in agency.systems)
        shown = conforming.certified(settings, folder / (given.certificate or ""), given.egc or "", asked, on)
    if given.cluster == "shared":
        home = settings.kubeconfig_path(environment)
    else:
        home = _file(folder / (given.kubeconfig or ""), "placement.kubeconfig")
    alone = {name: _file(path, f"alone.{name}") for name, path in settings.alone.items()}
    check_alone(agency, alone, home)
    return Place(home, given.cluster == "shared" and settings.central, alone, shown)


def check_alone(agency: Agency, alone: Mapping[str, Path], home: Path) -> None:
    """Refuse a system that needs machines of its own (level 5) beside another one. Raises KitError."""
    systems = {system.name: system for system in agency.systems}
    if unknown := sorted(set(alone) - set(systems)):
        raise KitError(f"alone.{unknown[0]}: {agency.slug} has no such system", f"systems: {', '.join(systems)}")
    where = {name: alone.get(name, home) for name in systems}
    for name, system in systems.items():
        others = [it for it, path in where.items() if path == where[name] and it != name]
        if others and not LEVELS[system.level].shares_cluster:
            raise KitError(
                f"{agency.slug}: {name} is of level {system.level} and has a cluster alone; {others[0]} is on the same",
                f"pulumi config set --path alone.{name} KUBECONFIG",
            )


def _file(path: Path, what: str) -> Path:
    if not path.is_file():
        raise KitError(f"{what}: {path} is not a file", "give the path of the cluster's kubeconfig")
    return path.resolve()
