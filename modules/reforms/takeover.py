"""What each new unit takes over in a reform: systems with their namespaces, and from whose stack they come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import KitError
from modules import agency_file
from modules.agency import Agency
from modules.inheritance import Former, Inheritance
from modules.levels import LEVELS
from modules.reforms.models import ReformPlan, Succession


@dataclass(frozen=True)
class Move:
    """Namespaces that go from the stack of an old unit into that of a new one. The namespaces stay."""

    source: str
    """Stack of the old unit."""
    namespaces: tuple[str, ...]


@dataclass
class Takeover:
    """What one new unit takes over."""

    heir: Agency
    inherited: list[Inheritance] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)


def ending(plan: ReformPlan) -> list[Succession]:
    """Return the old units that are no more."""
    return [it for it in plan.successions if it.principal != it.unit and it.change != "unchanged"]


def takeovers(
    plan: ReformPlan,
    old: Mapping[str, Agency],
    new: Mapping[str, Agency],
    files: Mapping[str, Path],
    inherited: Mapping[str, Sequence[Inheritance]],
) -> list[Takeover]:
    """Return what each heir takes over, those above before those below.

    ``old`` and ``new`` are the agencies by key, ``files`` the old units' files by key, ``inherited`` what old units
    took over in reforms before, by stack. Raises KitError naming every unit that has no file, or does not fit.
    """
    wrong: list[str] = []
    made: dict[str, Takeover] = {}
    for it in ending(plan):
        agency = old.get(it.unit)
        if agency is None:
            wrong.append(f"{it.unit} ({it.name}) has no agency file among the old units")
            continue
        for key, systems in _shares(it, agency).items():
            if (heir := new.get(key)) is None:
                wrong.append(f"{key}, heir of {it.unit}, has no agency file among the new units")
                continue
            wrong += _unfit(agency, heir, systems)
            taken = made.setdefault(key, Takeover(heir))
            here = Former(slug=agency.slug, until=plan.names_until)
            places = tuple(agency.namespace(s, z) for s in agency.systems if s.name in systems for z in s.places)
            if systems:
                taken.inherited.append(Inheritance(file=files[it.unit], systems=systems, former=(here,)))
            if key == it.principal:
                more = inherited.get(agency.slug, ())
                taken.inherited += [_passed_on(one, here) for one in more]
                places += _places(more, agency.slug)
            taken.moves.append(Move(agency.slug, places))
    if wrong:
        raise KitError("\n".join(dict.fromkeys(wrong)), "write these files: govcloud agency new")
    return sorted(made.values(), key=lambda it: (_depth(it.heir, new), it.heir.slug))


def check_day(plan: ReformPlan, today: dt.date) -> None:
    """Refuse a reform before its day. Raises KitError."""
    if today < plan.effective:
        raise KitError(f"the reform takes effect on {plan.effective}, and today is {today}", "apply it on that day")


def _shares(succession: Succession, agency: Agency) -> dict[str, tuple[str, ...]]:
    """Return which systems go to which heir; the principal has a part even where it gets none."""
    owners = {it.system: it.heir for it in succession.namespaces}
    shares: dict[str, list[str]] = {succession.principal: []}
    for system in agency.systems:
        shares.setdefault(owners.get(system.name, succession.principal), []).append(system.name)
    return {heir: tuple(systems) for heir, systems in shares.items()}


def _unfit(old: Agency, heir: Agency, systems: Sequence[str]) -> list[str]:
    """Say why what an old unit has cannot go on where it is: nothing is carried from one cluster to another."""
    wrong = []
    if (old.placement.cluster, old.placement.kubeconfig) != (heir.placement.cluster, heir.placement.kubeconfig):
        wrong.append(f"{old.slug} and its heir {heir.slug} have different placements: move it by archive and restore")
    alone = [it.name for it in old.systems if it.name in systems and not LEVELS[it.level].shares_cluster]
    if alone:
        wrong.append(f"{old.slug}: {alone[0]} stands on a cluster alone: hand that cluster over by hand")
    return wrong


def _passed_on(one: Inheritance, here: Former) -> Inheritance:
    return one.model_copy(update={"former": (*one.former, here)})


def _places(more: Sequence[Inheritance], slug: str) -> tuple[str, ...]:
    """Return the namespaces that an old unit had itself taken over, with that of its names."""
    origins = ((agency_file.load(it.file), it.systems) for it in more)
    taken = [a.namespace(s, z) for a, names in origins for s in a.systems if s.name in names for z in s.places]
    return (*taken, f"agc-{slug}") if taken else ()


def _depth(agency: Agency, known: Mapping[str, Agency]) -> int:
    depth = 0
    while agency.parent is not None and str(agency.parent) in known:
        agency, depth = known[str(agency.parent)], depth + 1
    return depth
