"""The tree that units form, whole or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from core.errors import KitError
from modules.units import names
from modules.units.era import Era
from modules.units.key import UnitKey


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the state."""

    key: UnitKey
    name: str
    """As people write it in Vietnamese, diacritics kept (NFC)."""
    kind: str
    """A kind of the era: ``province``, ``commune``, ..."""
    short: str
    """Readable part of the names that are derived, 20 characters at most."""
    parent: UnitKey | None = None
    english: str | None = None
    """Its name in English, where known."""

    @property
    def slug(self) -> str:
        """Name of its stack, its DNS label and start of its names; unique, 38 characters at most."""
        return names.slug(self.short, self.key)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one of the units that should form a tree."""

    index: int
    """Place of the unit in the sequence."""
    field: str
    """``code``, ``kind`` or ``parent``."""
    wrong: str
    allowed: str = ""


@dataclass(frozen=True)
class Tree:
    """Units by key, in the order they were given, with those above and below each. Made with ``of``."""

    units: Mapping[UnitKey, Unit]
    _below: Mapping[UnitKey | None, tuple[Unit, ...]]

    @classmethod
    def of(cls, units: Sequence[Unit], era: Era) -> Self:
        """Make a tree. Raises KitError that says all that ``findings`` says."""
        if found := findings(units, era):
            lines = [f"{units[it.index].key}: {it.field}: {it.wrong}" for it in found]
            raise KitError("\n".join(lines), f"the era {era.name} says which kinds stand under which")
        below: dict[UnitKey | None, list[Unit]] = {}
        for unit in units:
            below.setdefault(unit.parent, []).append(unit)
        return cls({unit.key: unit for unit in units}, {key: tuple(found) for key, found in below.items()})

    def __len__(self) -> int:
        return len(self.units)

    def __iter__(self) -> Iterator[Unit]:
        return iter(self.units.values())

    def __contains__(self, key: object) -> bool:
        return key in self.units

    def __getitem__(self, key: UnitKey) -> Unit:
        return self.units[key]

    @property
    def roots(self) -> tuple[Unit, ...]:
        """The units under no other."""
        return self._below.get(None, ())

    def children(self, key: UnitKey) -> tuple[Unit, ...]:
        """Return the units right under one."""
        return self._below.get(key, ())

    def ancestors(self, key: UnitKey) -> tuple[Unit, ...]:
        """Return the units above one, the nearest first."""
        above: list[Unit] = []
        parent = self.units[key].parent
        while parent is not None:
            above.append(self.units[parent])
            parent = above[-1].parent
        return tuple(above)

    def walk(self) -> Iterator[Unit]:
        """Give every unit, each after the one above it and before its sisters' children."""
        waiting = list(reversed(self.roots))
        while waiting:
            unit = waiting.pop()
            yield unit
            waiting.extend(reversed(self.children(unit.key)))


def findings(units: Sequence[Unit], era: Era) -> list[Finding]:
    """Return all that keeps units from forming a tree of this era, in their order; none for a good tree."""
    found: list[Finding] = []
    first: dict[UnitKey, int] = {}
    for index, unit in enumerate(units):
        if first.setdefault(unit.key, index) != index:
            found.append(
                Finding(index, "code", f"{unit.key} is another unit's key too ({units[first[unit.key]].name})")
            )
    for index, unit in enumerate(units):
        found.extend(_misplaced(index, unit, units, first, era))
    found.extend(_cycles(units, first))
    return sorted(found, key=lambda it: it.index)


def _misplaced(
    index: int, unit: Unit, units: Sequence[Unit], first: Mapping[UnitKey, int], era: Era
) -> Iterator[Finding]:
    rule = era.rules.get(unit.kind)
    if rule is None:
        yield Finding(index, "kind", f"{unit.kind!r} is no kind of unit in the era {era.name}", ", ".join(era.rules))
        return
    above = " or ".join(rule.under)
    if unit.parent is None:
        if not rule.top:
            yield Finding(index, "parent", f"is missing: a {unit.kind} stands under a {above}", f"the key of a {above}")
    elif (place := first.get(unit.parent)) is None:
        yield Finding(index, "parent", f"there is no unit {unit.parent}", f"the key of a {above}" if above else "none")
    elif units[place].kind not in rule.under:
        wrong = f"a {unit.kind} does not stand under a {units[place].kind} ({units[place].name})"
        yield Finding(index, "parent", wrong, f"the key of a {above}" if above else "none")


def _cycles(units: Sequence[Unit], first: Mapping[UnitKey, int]) -> Iterator[Finding]:
    """Find each circle of units once, at its first unit."""
    done: set[int] = set()
    for start in range(len(units)):
        path: dict[int, None] = {}
        at: int | None = start
        while at is not None and at not in done and at not in path:
            path[at] = None
            parent = units[at].parent
            at = None if parent is None else first.get(parent)
        if at is not None and at in path:
            steps = list(path)
            circle = steps[steps.index(at) :]
            round_ = " → ".join(str(units[it].key) for it in [*circle, at])
            yield Finding(min(circle), "parent", f"stands under itself: {round_}", "a unit that is not below this one")
        done.update(path)
