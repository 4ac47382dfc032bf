"""Random trees made of a few random bytes: a tenth of the time that a strategy of parts takes, and they shrink too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

KINDS = ("ministry", "province", "district", "commune", "other")
BYTES = st.binary(min_size=2, max_size=80)


@dataclass(frozen=True)
class Plant:
    """One unit of a random tree: what a test makes of it is its own affair."""

    unit: str
    parent: str | None
    kind: str
    numbers: tuple[int, ...]
    """Five numbers from 0 to 255."""


def forest(data: bytes, size: int = 6) -> Iterator[Plant]:
    """Give a unit for every ``size`` bytes; it stands under one of those before it, or under none."""
    for index in range(-(-len(data) // size)):
        above, *numbers = data[index * size : (index + 1) * size].ljust(size, b"\0")
        parent = None if above % (index + 1) == index else str(above % (index + 1))
        yield Plant(str(index), parent, KINDS[numbers[0] % len(KINDS)], tuple(numbers))
