"""The whole country in both eras: from the real lists where they are, and made up with the same shape."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from modules.units import era, listing, sample
from modules.units.tree import Tree
from tests.modules.test_units import UNITS


def folder() -> Path:
    """Return the folder of the real lists; a test that asks for it is skipped where it is absent."""
    if not UNITS.is_dir():
        pytest.skip(f"{UNITS} is absent: the real lists of units are not part of the kit (GOVCLOUD_UNITS names them)")
    return UNITS


@cache
def country(name: str, source: str) -> Tree:
    """Return the tree of an era."""
    shape = era.load(name)
    if source == "made up":
        return listing.parse(sample.listing(shape), shape, Path("made-up.csv"))
    return listing.load(folder() / f"units-{name}.csv", shape)


@cache
def part(name: str, provinces: int) -> Tree:
    """Return the first provinces of a made-up country with all below them: for what needs no whole country."""
    whole = country(name, "made up")
    wanted = {unit.key for unit in whole.roots[:provinces]}
    units = [unit for unit in whole if {unit.key, *(above.key for above in whole.ancestors(unit.key))} & wanted]
    return Tree.of(units, era.load(name))
