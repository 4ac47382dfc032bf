"""What an agency took over in a reform: systems of units that are no more, in their old namespaces with their data.

Nothing is moved: a system stays in the namespaces that it was made in, and gets another owner. Its old name answers,
and its old owner's groups have their rights, until a day that is set.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from core.errors import KitError
from modules import agency_file, guards, identity, labels, workloads
from modules.agency import Agency, System
from modules.configuration import Settings
from modules.levels import LEVELS, Zone
from modules.spaces import kept, space, workload
from modules.units.names import fit

CLUSTER_DOMAIN: Final = "cluster.local"
"""Domain of the clusters' own names, as kubeadm sets it."""


class Former(Settings):
    """An owner of old, whose names and rights go on for a time."""

    slug: str
    until: dt.date
    """First day on which its name no longer answers and its groups have no rights."""


class Inheritance(Settings):
    """Systems of one unit of old."""

    file: Path
    """The agency file of that unit."""
    systems: Annotated[tuple[str, ...], Field(min_length=1)]
    """Which of its systems."""
    former: Annotated[tuple[Former, ...], Field(min_length=1)]
    """Who had them, the unit itself first."""


@dataclass(frozen=True)
class Heirloom:
    """A system that was taken over."""

    origin: Agency
    """The unit of old with this system alone, as it is to be now: it gives the names of the namespaces."""
    owner: Agency
    system: System
    alias: str
    """Name of the system among all that its owner has."""
    former: tuple[Former, ...]

    def standing(self, today: dt.date) -> list[Former]:
        """Return the owners of old whose names still answer."""
        return [it for it in self.former if today < it.until]

    def space(self, zone: Zone | None, logs: str, today: dt.date) -> guards.Space:
        """Return one of its namespaces, under its new owner."""
        made = space(self.origin, self.system, zone, logs)
        facts = {
            labels.AGENCY: self.owner.slug,
            labels.AGENCY_KEY: str(self.owner.key),
            labels.FOUNDER: self.origin.slug,
        }
        names = {f"{labels.PREFIX}/agency-name-{lang}": it for lang, it in self.owner.name.model_dump().items()}
        notes = {**made.annotations, **names}
        if logs:
            notes[labels.LOGS_TO] = f"{logs.rstrip('/')}/{self.owner.slug}/{self.alias}"
        return replace(
            made,
            labels={**made.labels, **facts},
            annotations=notes,
            group=identity.group(self.owner),
            also=tuple(identity.group_of(it.slug) for it in self.standing(today)),
        )

    def workload(self, zone: Zone | None, image: str) -> workloads.Workload:
        """Return its server, which goes on under the name that it has within its namespace."""
        return replace(workload(self.origin, self.system, zone, image), dns_name="")

    def services(self, zone: Zone | None, image: str, today: dt.date) -> list[workloads.Manifest]:
        """Return the Services of its entry: that of the owner, and those of old while they answer."""
        if zone != self.system.entry or self.system.exposure == "none":
            return []
        server = self.workload(zone, image)
        first = self.former[0].slug
        named = {
            (self.system.name if it.slug == first else _service(self.system, it.slug)): f"{self.system.name}.{it.slug}"
            for it in self.standing(today)
        }
        named[_service(self.system, self.owner.slug)] = f"{self.alias}.{self.owner.slug}"
        return [workloads.named_service(server, name, dns) for name, dns in named.items()]

    def answer(self, namespace: str, name: str) -> workloads.Manifest:
        """Return another name for the system, in a namespace of names.

        It has no address of its own: whoever asks for it gets the addresses of both families of what it stands for.
        """
        place = self.origin.namespace(self.system, self.system.entry)
        target = f"{_service(self.system, self.owner.slug)}.{place}.svc.{CLUSTER_DOMAIN}"
        return workloads.alias(namespace, name, target)


def load(given: Sequence[Inheritance], owner: Agency) -> list[Heirloom]:
    """Read what an agency took over. Raises KitError where a file, or the owner's own, does not fit."""
    found: list[tuple[Agency, System, tuple[Former, ...]]] = []
    for it in given:
        origin = agency_file.load(it.file)
        systems = {system.name: system for system in origin.systems}
        if unknown := sorted(set(it.systems) - systems.keys()):
            raise KitError(f"{it.file}: {origin.slug} has no system {unknown[0]}", f"its systems: {', '.join(systems)}")
        found += [(origin, systems[name], it.former) for name in it.systems]
    return list(_settled(found, owner))


def _settled(found: Sequence[tuple[Agency, System, tuple[Former, ...]]], owner: Agency) -> Iterator[Heirloom]:
    times = Counter(system.name for _, system, _ in found)
    declared = {system.name: system for system in owner.systems}
    for origin, system, former in found:
        once = times[system.name] == 1
        now, exchange = system, origin.exchange
        if once and system.name in declared:
            now, exchange = declared[system.name], owner.exchange
            if now.places != system.places:
                raise KitError(
                    f"{owner.slug}: {system.name} comes from {origin.slug} with the zones {_places(system)}, and the "
                    f"file gives it {_places(now)}: namespaces with data would be deleted",
                    "give it the same zones in the file, or another name to a new system",
                )
        alias = _alias(origin, system, times)
        whole = origin.model_copy(update={"systems": (now,), "exchange": exchange, "placement": owner.placement})
        yield Heirloom(whole, owner, now, alias, former)


def own_systems(owner: Agency, heirlooms: Sequence[Heirloom]) -> list[System]:
    """Return the systems that are made anew: those of the file that no single unit of old brought along."""
    taken = {it.alias for it in heirlooms}
    return [system for system in owner.systems if system.name not in taken]


def names_of(
    owner: Agency, heirlooms: Sequence[Heirloom], today: dt.date
) -> Iterator[tuple[guards.Space, list[workloads.Manifest]]]:
    """Return the namespaces in which names alone stand: the owner's, and those of owners between the first and it."""
    called = [it for it in heirlooms if it.system.exposure != "none"]
    between = {former.slug for it in called for former in it.former[1:] if today < former.until}
    for slug in [owner.slug, *sorted(between)]:
        own = [it for it in called if slug in {owner.slug, *(former.slug for former in it.former[1:])}]
        if not own:
            continue
        highest = max(own, key=lambda it: it.system.level)
        room = LEVELS[highest.system.level].quota.model_copy(update={"pods": 0})
        facts = {
            labels.AGENCY: owner.slug,
            labels.AGENCY_KEY: str(owner.key),
            labels.SYSTEM: "names",
            labels.DATA_CLASS: highest.system.data,
            **kept(owner, highest.system),
        }
        place = guards.Space(f"agc-{slug}", "agc", highest.system.level, room, identity.group(owner), facts)
        times = Counter(it.system.name for it in own)
        yield place, [it.answer(place.name, _alias(it.origin, it.system, times)) for it in own]


def _alias(origin: Agency, system: System, times: Mapping[str, int]) -> str:
    return system.name if times[system.name] == 1 else fit(f"{system.name}-{origin.slug}")


def _service(system: System, slug: str) -> str:
    return fit(f"{system.name}-{slug}")


def _places(system: System) -> str:
    return ", ".join(system.all_zones) if system.zoned else "none"
