"""The map shows every unit, says nothing that its names could smuggle in, and needs no network."""

from __future__ import annotations

import datetime as dt
import json
import re
from xml.etree import ElementTree as ET

import pytest

from modules.addresses import prefixes
from modules.addresses.ledger import Ledger
from modules.planning import estates, national, settings, tree_map
from modules.planning.national import NationalPlan
from modules.units import era
from modules.units.key import UnitKey
from modules.units.tree import Tree, Unit
from tests.modules.planning.test_national import planned
from tests.modules.test_units import NEW, OLD

EVIL = "</script><script>alert('x')</script> & \"Xã\" Đắk"
SVG = "{http://www.w3.org/2000/svg}"


def small(name: str) -> NationalPlan:
    """Plan one province with one commune, both of this name."""
    keys = [UnitKey.model_validate({"code": code, "effective": "2025-07-01"}) for code in ("01", "00001")]
    units = [Unit(keys[0], name, "province", "a"), Unit(keys[1], name, "commune", "b", keys[0])]
    given = estates.assumed(Tree.of(units, era.load("from-2025-07-01")), settings.load())
    return national.plan(given, settings.load(), Ledger(prefixes.load()), dt.date(2026, 11, 22))


@pytest.mark.parametrize(("name", "said"), [(NEW, "5 provinces, "), (OLD, " districts, ")])
def test_every_unit_has_a_tile(name: str, said: str) -> None:
    """Page and picture have one tile for each unit, with its name and key."""
    plan = planned(name, 5)
    html = tree_map.html(plan)
    assert sorted(map(int, re.findall(r'<i class="\w+" data-n="(\d+)"', html))) == list(range(len(plan.units)))
    tiles = [it.text or "" for it in ET.fromstring(tree_map.svg(plan)).iter(f"{SVG}title")][1:]  # noqa: S314
    assert sorted(re.findall(r"\((\S+)\)\n", "".join(tiles))) == sorted(unit.key for unit in plan.units)
    assert said in html


def test_names_are_text_wherever_they_stand() -> None:
    """A name that looks like a program is shown as it is, in the page, in its data and in the picture."""
    plan = small(EVIL)
    html = tree_map.html(plan)
    assert "<script>alert" not in html
    assert html.count("<script") == 2
    facts = re.search(r'<script type="application/json" id="facts">(.*?)</script>', html, re.DOTALL)
    assert facts
    assert json.loads(facts[1])[0][1] == EVIL
    titles = [it.text or "" for it in ET.fromstring(tree_map.svg(plan)).iter(f"{SVG}title")]  # noqa: S314
    assert sum(EVIL in title for title in titles) == 2


def test_map_needs_no_network() -> None:
    """No file but this one is asked for, in light and in dark."""
    plan = small("Hà Nội")
    for text in (tree_map.html(plan), tree_map.svg(plan)):
        bare = text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|url\((?!#)|@import|src=", bare)
        assert "prefers-color-scheme: dark" in text
