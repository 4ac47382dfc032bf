"""Which fault fails which checks, and which faults can be on at the same time without hiding one another.

Faults whose checks have nothing in common are switched on together: what fails then has to be, exactly, what they fail
together. In an arrangement every fault is on once; where there are several, no two faults meet twice, so that a fault
that fails another one's checks cannot hide.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("matrix.yaml")


@dataclass(frozen=True)
class Matrix:
    """What ``matrix.yaml`` says. Patterns name checks, with ``*`` for any characters."""

    faults: Mapping[str, Sequence[str]]
    """Fault -> what fails under it."""
    undecided: Mapping[str, Sequence[str]]
    """Fault -> what cannot be decided under it, and says so."""
    apart: Sequence[Collection[str]]
    """Faults that break the same thing in two ways."""
    unbroken: Mapping[str, str]
    """Check -> why no fault breaks it."""

    def touched(self, fault: str) -> Sequence[str]:
        """Every pattern of a fault."""
        return [*self.faults[fault], *self.undecided.get(fault, ())]

    def collide(self, one: str, other: str) -> bool:
        """Whether two faults cannot be told apart, or cannot be on at once."""
        same = any({one, other} <= set(group) for group in self.apart)
        return same or any(overlap(p, q) for p in self.touched(one) for q in self.touched(other))


def read(path: Path = FILE) -> Matrix:
    """Read the matrix of the tests."""
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Matrix(content["faults"], content["undecided"], content["apart"], content["unbroken"])


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern names a check; brackets are what they are, since names of checks have them."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def named(patterns: Collection[str], names: Collection[str]) -> set[str]:
    """Those names that any of the patterns names."""
    return {name for name in names if any(matches(name, pattern) for pattern in patterns)}


def overlap(one: str, other: str) -> bool:
    """Whether two patterns could name the same check; where that is hard to say, they could."""
    if matches(one, other) or matches(other, one):
        return True
    both = "*" in one and "*" in other
    head, tail = ((a.split("*")[i], b.split("*")[i]) for i, (a, b) in ((0, (one, other)), (-1, (one, other))))
    starts = head[0].startswith(head[1]) or head[1].startswith(head[0])
    return both and starts and (tail[0].endswith(tail[1]) or tail[1].endswith(tail[0]))


def arrangements(matrix: Matrix, count: int) -> list[list[list[str]]]:
    """Return groups of faults to switch on together, ``count`` times over, no pair of faults in two groups."""
    met: set[frozenset[str]] = set()
    made = []
    for turn in range(count):
        groups: list[list[str]] = []
        # those that collide most come first, else they would need groups of their own in the end
        order = sorted(matrix.faults, key=lambda f: (-sum(matrix.collide(f, o) for o in matrix.faults), f))
        for fault in order if turn % 2 == 0 else [*order[::2], *order[1::2]]:
            fitting = [
                group
                for group in groups
                if not any(matrix.collide(fault, other) or frozenset((fault, other)) in met for other in group)
            ]
            if fitting:
                min(fitting, key=len).append(fault)
            else:
                groups.append([fault])
        met |= {frozenset((one, other)) for group in groups for one in group for other in group if one != other}
        made.append(groups)
    return made
