"""How much of the catalogue the kit's checks decide, and what is left open, with the reason. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from conformance.catalogue import Catalogue, Kind, Requirement
from conformance.results import Check

State = Literal["checked", "in part", "no check", "documents"]
STATES: tuple[State, ...] = ("checked", "in part", "no check", "documents")


@dataclass(frozen=True)
class Line:
    """What the kit does of one requirement."""

    id: str
    title: str
    methods: tuple[str, ...]
    """Ways to check it, as the catalogue has them."""
    state: State
    checks: tuple[str, ...]
    """The functions that check it, by name; each may run with several parameters."""
    reason: str
    """Why not, or what is left to a person; '' where the checks decide all."""


def coverage(catalogue: Catalogue, checks: Sequence[Check], kind: Kind, level: int | None = None) -> list[Line]:
    """Say of each requirement of a kind of cloud, at a level or at any, what decides it."""
    asked = catalogue.values() if level is None else catalogue.applicable(kind, level)
    return [_line(catalogue, checks, it) for it in asked if kind in it.applies_to]


def counts(lines: Sequence[Line]) -> dict[State, int]:
    """Count requirements by state; together, all lines."""
    found = Counter(line.state for line in lines)
    return {state: found[state] for state in STATES}


def _line(catalogue: Catalogue, checks: Sequence[Check], requirement: Requirement) -> Line:
    own = dict.fromkeys(check.name.partition("[")[0] for check in checks if requirement.id in check.requirements)
    reason = ""
    state: State
    if own:
        reason = catalogue.partly.get(requirement.id, "")
        state = "in part" if reason else "checked"
    elif requirement.for_a_person:
        state, reason = "documents", "; ".join(method.how for method in requirement.check)
    else:
        state, reason = "no check", catalogue.unchecked.get(requirement.id, "the kit does not say why")
    methods = tuple(method.method for method in requirement.check)
    return Line(requirement.id, requirement.title, methods, state, tuple(own), reason)
