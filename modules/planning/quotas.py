"""Who is granted how much: what a unit and those below it have together never exceeds what the unit was granted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modules.quantities import Amounts


@dataclass(frozen=True, slots=True)
class Wish:
    """What one unit asks for."""

    unit: str
    """Its key."""
    parent: str | None
    """Key of the unit above."""
    systems: Mapping[str, Amounts]
    """What its own systems need, by their names."""
    budget: Amounts | None = None
    """What it asks for itself and all below it; without one, the sum of what they need."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that is not granted, and why."""

    unit: str
    what: str
    """``budget``, or the name of a system."""
    why: str

    def __str__(self) -> str:
        return f"{self.unit}: {self.what}: {self.why}"


@dataclass(frozen=True)
class Grants:
    """Who was granted what, and everything that was refused."""

    budgets: dict[str, Amounts]
    """What a unit and all below it have, by its key; a unit that was refused is not in it."""
    systems: dict[str, dict[str, Amounts]]
    """What its own systems have of that, by its key and their names."""
    refused: list[Refusal]


def grant(wishes: Sequence[Wish]) -> Grants:
    """Grant what fits, in the order given: a unit's own systems first, then the units below it, one after the other.

    Units whose parent is not among the wishes have no other limit than their own budget. Everything that is refused
    is said, each with what was left.
    """
    known = {wish.unit for wish in wishes}
    below: dict[str | None, list[Wish]] = {}
    for wish in wishes:
        below.setdefault(wish.parent if wish.parent in known else None, []).append(wish)
    order = list(_walk(below))
    asks: dict[str, Amounts] = {}
    for wish in reversed(order):  # those below before those above
        needs = [*wish.systems.values(), *(asks[child.unit] for child in below.get(wish.unit, ()))]
        asks[wish.unit] = wish.budget or sum(needs, Amounts())
    grants, left = Grants({}, {}, []), dict[str, Amounts]()
    for wish in order:
        parent = wish.parent if wish.parent in known else None
        if why := _obstacle(asks[wish.unit], parent, left):
            grants.refused.append(Refusal(wish.unit, "budget", why))
            continue
        if parent:
            left[parent] -= asks[wish.unit]
        grants.budgets[wish.unit] = left[wish.unit] = asks[wish.unit]
        grants.systems[wish.unit] = {}
        for name, needs_of in wish.systems.items():
            if beyond := needs_of.beyond(left[wish.unit]):
                grants.refused.append(Refusal(wish.unit, name, f"{'; '.join(beyond)} of its own budget"))
            else:
                grants.systems[wish.unit][name] = needs_of
                left[wish.unit] -= needs_of
    return grants


def _obstacle(ask: Amounts, parent: str | None, left: Mapping[str, Amounts]) -> str:
    """Say why a unit's budget cannot be granted; '' when it can."""
    if parent is None:
        return ""
    if parent not in left:
        return f"{parent} above it was refused"
    beyond = ask.beyond(left[parent])
    return f"{'; '.join(beyond)} of the budget of {parent}" if beyond else ""


def _walk(below: Mapping[str | None, Sequence[Wish]]) -> Iterator[Wish]:
    """Give every unit after the one above it, sisters in the order given."""
    waiting = [*reversed(below.get(None, ()))]
    while waiting:
        wish = waiting.pop()
        yield wish
        waiting.extend(reversed(below.get(wish.unit, ())))
