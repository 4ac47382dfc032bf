"""Making the plan of a reform from the units before it, those after it, and the links between them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modules.planning.estates import Estate
from modules.planning.quotas import grant
from modules.planning.settings import Planning
from modules.quantities import Amounts
from modules.reforms.links import Link
from modules.reforms.models import Change, Foundation, Grant, Handover, ReformPlan, Succession
from modules.units.tree import Tree, Unit


@dataclass(frozen=True)
class _Fate:
    """Who gets what of one old unit."""

    change: Change
    heirs: tuple[Unit, ...]
    principal: str
    """Key of the unit that gets all that is not assigned."""
    why: str


def plan(
    estates: Sequence[Estate], new: Tree, links: Sequence[Link], effective: dt.date, planning: Planning
) -> ReformPlan:
    """Plan a reform: every old unit has a successor or is listed, every namespace has one owner, none is deleted.

    ``estates`` are the old units. A system that the links do not assign goes to the principal heir: the one that keeps
    the code, else the name, else the first one named. What no link names is kept by the heir of the unit above it.
    """
    heirs: dict[str, list[Link]] = {}
    forebears: dict[str, list[str]] = {}
    for link in links:
        heirs.setdefault(str(link.old.key), []).append(link)
        forebears.setdefault(str(link.new.key), []).append(str(link.old.key))
    fates = _fates(estates, new, heirs, forebears)
    successions = tuple(_succession(it, fates, heirs.get(it.key, ())) for it in estates)
    budgets = _budgets(estates, successions, planning)
    counts: dict[str, int] = {}
    for succession in successions:
        for handover in succession.namespaces:
            counts[handover.heir] = counts.get(handover.heir, 0) + 1
    return ReformPlan(
        effective=effective,
        names_until=effective + dt.timedelta(days=planning.old_names_days),
        successions=successions,
        foundations=tuple(_foundation(it, forebears, counts, budgets) for it in new),
        doubts=tuple(_doubts(links, estates, heirs)),
    )


def _fates(
    estates: Sequence[Estate], new: Tree, heirs: Mapping[str, Sequence[Link]], forebears: Mapping[str, Sequence[str]]
) -> Mapping[str, _Fate]:
    fates: dict[str, _Fate] = {}
    for estate in estates:
        key, unit = estate.key, estate.unit
        if unit.key in new:
            fates[key] = _Fate("unchanged", (), key, "goes on under the same key")
        elif key in heirs:
            units = [link.new for link in heirs[key]]
            principal, why = _principal(unit, units)
            shared = any(len(forebears[str(it.key)]) > 1 for it in units)
            fates[key] = _Fate(_change(unit, units, shared=shared), tuple(units), str(principal.key), why)
    named = dict(fates)
    parents = {it.key: it.parent for it in estates}
    for key in parents.keys() - named.keys():
        above = parents[key]
        while above in parents and above not in named:
            above = parents[above]
        keeper = named[above].principal if above in named else key
        why = f"the file does not name it; {keeper} keeps what it has until a person decides"
        fates[key] = _Fate("not-linked", (), keeper, why)
    return fates


def _change(old: Unit, heirs: Sequence[Unit], *, shared: bool) -> Change:
    if len(heirs) > 1:
        return "merged-and-divided" if shared else "divided"
    if shared:
        return "merged"
    return "kept" if heirs[0].name == old.name else "renamed"


def _principal(old: Unit, heirs: Sequence[Unit]) -> tuple[Unit, str]:
    """Return the heir that gets all that is not assigned, and why it is that one."""
    if len(heirs) == 1:
        return heirs[0], "the only heir"
    for it in heirs:
        if it.key.code == old.key.code:
            return it, "of the heirs, the one that keeps the code"
    for it in heirs:
        if it.short == old.short:
            return it, "of the heirs, the one that keeps the name"
    return heirs[0], "the first heir that the file names; a person checks this"


def _succession(estate: Estate, fates: Mapping[str, _Fate], links: Sequence[Link]) -> Succession:
    fate = fates[estate.key]
    assigned = {system: str(link.new.key) for link in links for system in link.systems}
    owners = {system.name: assigned.get(system.name, fate.principal) for system in estate.systems}
    heirs = tuple(str(it.key) for it in fate.heirs)
    above = (str(it.parent) for it in fate.heirs if it.parent)
    moved = fate.principal != estate.key
    return Succession(
        unit=estate.key,
        name=estate.unit.name,
        kind=estate.unit.kind,
        stack=estate.unit.slug,
        change=fate.change,
        heirs=heirs,
        principal=fate.principal,
        why=fate.why,
        namespaces=tuple(
            Handover(namespace=name, system=system, heir=owners[system])
            for system, zones in estate.namespaces.items()
            for name in zones.values()
        ),
        grants=tuple(
            Grant(
                service=use.service,
                system=use.system,
                heir=owners[use.system],
                provider=str(use.provider),
                new_provider=fates[str(use.provider)].principal if str(use.provider) in fates else str(use.provider),
            )
            for use in estate.consumes
        ),
        approvers=tuple(dict.fromkeys([estate.key, *heirs, *above, fate.principal])) if moved else (),
    )


def _budgets(estates: Sequence[Estate], successions: Sequence[Succession], planning: Planning) -> Mapping[str, Amounts]:
    """Return the budgets that units have afterwards: those of their forebears, and of systems that were assigned."""
    granted = grant([it.wish(planning) for it in estates])
    budgets: dict[str, Amounts] = {}

    def add(unit: str, amount: Amounts) -> None:
        budgets[unit] = budgets.get(unit, Amounts()) + amount

    for estate, it in zip(estates, successions, strict=True):
        if it.change == "not-linked" and it.principal != it.unit:
            continue  # it is a part of the budget of the unit above, which its keeper takes over
        add(it.principal, granted.budgets.get(it.unit, Amounts()))
        owners = {handover.system: handover.heir for handover in it.namespaces}
        for system in estate.systems:
            if owners.get(system.name, it.principal) != it.principal:
                add(owners[system.name], system.needs)
                add(it.principal, Amounts() - system.needs)
    return budgets


def _foundation(
    unit: Unit, forebears: Mapping[str, Sequence[str]], counts: Mapping[str, int], budgets: Mapping[str, Amounts]
) -> Foundation:
    key = str(unit.key)
    return Foundation(
        unit=key,
        name=unit.name,
        kind=unit.kind,
        stack=unit.slug,
        parent=str(unit.parent) if unit.parent else None,
        forebears=tuple(forebears.get(key, ())),
        namespaces=counts.get(key, 0),
        budget=budgets[key].texts() if key in budgets else {},
    )


def _doubts(links: Sequence[Link], estates: Sequence[Estate], heirs: Mapping[str, Sequence[Link]]) -> Iterator[str]:
    """Find links into a unit that stands elsewhere than where the unit above went, and systems that nobody has."""
    by_key = {it.key: it for it in estates}
    for link in links:
        old, new = str(link.old.key), str(link.new.key)
        above = by_key[old].parent
        while above and above not in heirs:
            above = by_key[above].parent if above in by_key else None
        expected = {str(it.new.key) for it in heirs[above]} if above else set()
        if expected and link.new.parent and str(link.new.parent) not in expected:
            yield f"{old} into {new}: that stands under {link.new.parent}, and {above} went into {', '.join(expected)}"
        there = {system.name for system in by_key[old].systems}
        if unknown := [name for name in link.systems if name not in there]:
            yield f"{old} into {new}: it has no system {', '.join(unknown)}; its systems: {', '.join(sorted(there))}"
