"""What no field of an agency file shows alone: fields that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modules import shares
from modules.agency.model import Agency
from modules.agency.system import System
from modules.document import Field
from modules.levels import LEAST_LEVEL, LEVELS, PROVIDER_LOGS
from modules.units import era


@dataclass(frozen=True)
class Finding:
    """A contradiction, told at one field."""

    field: Field
    wrong: str
    allowed: str = ""
    also: tuple[Field, ...] = ()
    """The other fields that it rests on."""

    @property
    def rests_on(self) -> tuple[Field, ...]:
        """All fields without which it says nothing."""
        return (self.field, *self.also)


def findings(agency: Agency) -> Iterator[Finding]:
    """Find what contradicts itself in an agency whose fields are each right."""
    yield from _place_in_the_tree(agency)
    yield from _placement(agency)
    yield from _names(agency)
    for index, system in enumerate(agency.systems):
        place: Field = ("systems", index)
        yield from _level(agency, system, place)
        yield from _zones(system, place)
        yield from _shares(system, place)
        yield from _figures(agency, system, place)
    yield from _provided(agency)
    yield from _consumed(agency)


def _place_in_the_tree(agency: Agency) -> Iterator[Finding]:
    time = era.in_force(agency.effective)
    date: Field = ("effective",)
    if (rule := time.rules.get(agency.kind)) is None:
        wrong = f"there is no {agency.kind} from {time.effective} on"
        yield Finding(("kind",), wrong, ", ".join(time.rules), (date,))
    elif agency.parent is None and not rule.top:
        allowed = f"code and date of the {' or '.join(rule.under)} above"
        yield Finding(("parent",), f"is missing: a {agency.kind} stands under another unit", allowed, (("kind",), date))
    elif agency.parent is not None and not rule.under:
        yield Finding(("parent",), f"a {agency.kind} stands under no other unit", "take it out", (("kind",), date))
    if agency.parent == agency.key:
        yield Finding(("parent",), "is the agency itself", "the unit above", (("code",), date))


def _placement(agency: Agency) -> Iterator[Finding]:
    given = agency.placement
    place: Field = ("placement", "cluster")
    needed = {"shared": (), "own": ("kubeconfig",), "egc": ("kubeconfig", "egc", "certificate")}[given.cluster]
    for name in ("kubeconfig", "egc", "certificate"):
        field: Field = ("placement", name)
        if name in needed and getattr(given, name) is None:
            yield Finding(field, f"is missing: 'cluster: {given.cluster}' needs it", also=(place,))
        elif name not in needed and getattr(given, name) is not None:
            yield Finding(field, f"says nothing for 'cluster: {given.cluster}'", "take it out", (place,))


def _names(agency: Agency) -> Iterator[Finding]:
    """Each system, and each of its zones, has a namespace of its own."""
    taken: dict[str, int] = {}
    for index, system in enumerate(agency.systems):
        field: Field = ("systems", index, "name")
        names = {agency.namespace(system), *(agency.namespace(system, zone) for zone in system.all_zones)}
        clash = next((taken[name] for name in sorted(names) if name in taken), None)
        if clash is not None:
            other = agency.systems[clash].name
            wrong = f"{system.name!r} gives the names of the system {other!r} too"
            if other == system.name:
                wrong = f"{system.name!r} names another system too"
            yield Finding(field, wrong, "a name once", (("systems", clash, "name"),))
        taken |= dict.fromkeys(names, index)


def _level(agency: Agency, system: System, place: Field) -> Iterator[Finding]:
    field: Field = (*place, "level")
    least = LEAST_LEVEL[system.data]
    data: Field = (*place, "data")
    if system.level < least:
        wrong = f"{system.level} is below the least level of a system that holds {system.data} data"
        yield Finding(field, wrong, f"{least} or more", (data,))
    elif system.level > least and system.reason is None:
        wrong = f"is missing: {system.data} data alone asks for level {least}, and the level is {system.level}"
        yield Finding((*place, "reason"), wrong, "one line that says why the level is raised", (data, field))
    if system.level > agency.level:
        wrong = f"{system.level} is above the agency's own level"
        yield Finding(field, wrong, f"1 to {agency.level}", (("level",),))
    elif agency.placement.cluster == "shared" and not LEVELS[system.level].shares_cluster:
        wrong = f"a system of level {system.level} needs machines of its own, and this cluster is shared"
        yield Finding(field, wrong, "1, 2, 3 or 4; or 'cluster: own' in placement", (("placement",),))


def _zones(system: System, place: Field) -> Iterator[Finding]:
    field, level = (*place, "zones"), (*place, "level")
    for number, zone in enumerate(system.zones):
        if zone in system.zones[:number]:
            yield Finding((*field, number), f"{zone!r} is given twice", "each zone once")
    missing = [zone for zone in LEVELS[system.level].zones if zone not in system.all_zones]
    if missing:
        allowed = f"also: {', '.join(missing)}"
        yield Finding(field, f"are too few for a system of level {system.level}", allowed, (level,))
    for number, flow in enumerate(system.flows):
        at: Field = (*place, "flows", number)
        for name, zone in (("from", flow.source), ("to", flow.target)):
            if zone not in system.all_zones:
                allowed = ", ".join(system.all_zones)
                yield Finding((*at, name), f"{zone!r} is no zone of this system", allowed, (field, level))
        if flow.source == flow.target and LEVELS[system.level].zones_open:
            yield Finding((*at, "to"), "a zone is open to itself already", "another zone", ((*at, "from"),))
        if (flow.source, flow.target) == ("edge", "database"):
            wrong = "the edge does not call the database (GVC-NET-02)"
            yield Finding((*at, "to"), wrong, "application", ((*at, "from"),))
        if flow in system.flows[:number]:
            yield Finding(at, "is given twice", "each flow once")


def _shares(system: System, place: Field) -> Iterator[Finding]:
    if system.zoned:
        also: tuple[Field, ...] = ((*place, "zones"), (*place, "flows"), (*place, "level"))
        for name, needed in shares.lacking(system.limits, system.all_zones, LEVELS[system.level]).items():
            wrong = f"is too little for {len(set(system.all_zones))} zones at level {system.level}"
            yield Finding((*place, "quota", name), wrong, f"{needed} or more", also)


def _figures(agency: Agency, system: System, place: Field) -> Iterator[Finding]:
    profile, backup, level = LEVELS[system.level], system.backup, (*place, "level")
    provider = agency.placement.cluster == "egc"
    logs = max(profile.logs, PROVIDER_LOGS) if provider else profile.logs
    if system.retention.logs is not None and system.retention.logs < logs:
        where = "on a commercial cloud" if provider else f"at level {system.level}"
        wrong = f"{system.retention.logs} months are too short {where} (GVC-LOG-02)"
        yield Finding((*place, "retention", "logs"), wrong, f"{logs} or more", (level, ("placement",)))
    if backup.copies is not None and backup.copies < profile.copies:
        wrong = f"{backup.copies} copies are too few at level {system.level} (GVC-BKP-01)"
        yield Finding((*place, "backup", "copies"), wrong, f"{profile.copies} or more", (level,))
    if backup.test is not None and backup.test > profile.test:
        wrong = f"{backup.test} months are too long at level {system.level} (GVC-BKP-02)"
        yield Finding((*place, "backup", "test"), wrong, f"{profile.test} or less", (level,))
    if profile.second_site and backup.site is None:
        wrong = f"is missing: a system of level {system.level} has a second site (GVC-BKP-04)"
        yield Finding((*place, "backup", "site"), wrong, "the name of a site at least 30 km away", (level,))
    if backup.keep * 24 < backup.every:
        wrong = f"{backup.keep} days are shorter than the {backup.every} hours between two backups"
        yield Finding((*place, "backup", "keep"), wrong, "a longer time", ((*place, "backup", "every"),))


def _provided(agency: Agency) -> Iterator[Finding]:
    systems = {system.name: (index, system) for index, system in reversed(list(enumerate(agency.systems)))}
    offered: set[str] = set()
    for number, service in enumerate(agency.exchange.provides):
        at: Field = ("exchange", "provides", number)
        if service.service in offered:
            yield Finding((*at, "service"), f"{service.service!r} names another service too", "a name once")
        offered.add(service.service)
        yield from _known(agency, at, service.system)
        if service.system in systems:
            index, system = systems[service.system]
            also: tuple[Field, ...] = (("systems", index), (*at, "data"))
            if system.exposure not in {"state", "internet"}:
                wrong = f"the exposure of {system.name!r} is {system.exposure}, so no other agency can call it"
                yield Finding((*at, "system"), wrong, "a system with exposure state or internet", also)
            if LEAST_LEVEL[service.data] > LEAST_LEVEL[system.data]:
                wrong = f"{service.data} data is more than {system.name!r} holds ({system.data})"
                yield Finding((*at, "data"), wrong, f"{system.data} or less sensitive", also)


def _consumed(agency: Agency) -> Iterator[Finding]:
    taken: set[tuple[str, str, str]] = set()
    for number, use in enumerate(agency.exchange.consumes):
        at: Field = ("exchange", "consumes", number)
        identity = (use.service, str(use.provider), use.system)
        if identity in taken:
            yield Finding(at, "is given twice", "each use of a service once")
        taken.add(identity)
        yield from _known(agency, at, use.system)
        if use.provider == agency.key:
            wrong = "is the agency itself"
            yield Finding((*at, "provider"), wrong, "another agency", (("code",), ("effective",)))
        if use.grant.until is not None and use.grant.until < use.grant.date:
            wrong = f"{use.grant.until} is before the first day, {use.grant.date}"
            yield Finding((*at, "grant", "until"), wrong, "a later day", ((*at, "grant", "date"),))


def _known(agency: Agency, at: Field, name: str) -> Iterator[Finding]:
    names = [system.name for system in agency.systems]
    if name not in names:
        yield Finding((*at, "system"), f"{name!r} is no system of this agency", ", ".join(names), (("systems",),))
