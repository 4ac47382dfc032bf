"""The higher the level, the more is refused: never less."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import packs
from policies.levels import judge_at
from policies.rules import FOLDER, about, shipped

pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]

FILES = sorted(FOLDER.glob("*/*/*.yaml"))
OBJECTS: dict[Path, list[Mapping[str, Any]]] = {}


def objects(file: Path) -> list[Mapping[str, Any]]:
    """Return the objects of a fixture, read once."""
    return OBJECTS.setdefault(file, list(yaml.safe_load_all(file.read_text(encoding="utf-8"))))


def refused(pack: packs.Pack, manifests: list[Mapping[str, Any]]) -> set[str]:
    """Return what a pack finds, as people read it."""
    return {str(it) for it in judge_at(pack.rules(shipped()), pack.level, manifests)}


def test_rules_hold_at_their_level_and_above() -> None:
    """No rule ends below level 5."""
    for entry in shipped():
        levels = about(entry).levels
        assert levels == tuple(range(levels[0], 6)), about(entry).id


@settings(max_examples=60)
@given(st.lists(st.sampled_from(FILES), min_size=1, max_size=3, unique=True))
def test_what_is_refused_stays_refused_above(files: list[Path]) -> None:
    """Whatever stands together, what one level finds the next one finds too."""
    manifests = [manifest for file in files for manifest in objects(file)]
    found = [refused(packs.find(f"level-{level}"), manifests) for level in range(1, 6)]
    for lower, higher in pairwise(found):
        assert lower <= higher
