"""The tree of units: loaded whole and fast for both eras, or refused with every mistake."""

from __future__ import annotations

import os
import time
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from core.errors import KitError
from core.paths import REPOSITORY
from modules.mistakes import FileError
from modules.units import era, listing, sample
from modules.units.era import Era
from modules.units.key import UnitKey
from modules.units.tree import Tree, Unit, findings

UNITS = Path(os.environ.get("GOVCLOUD_UNITS") or REPOSITORY.parent / "shared" / "data" / "administrative-units")
OLD, NEW = "until-2025-06-30", "from-2025-07-01"
COUNTS = {OLD: {"province": 63, "district": 696, "commune": 10_035}, NEW: {"province": 34, "commune": 3_321}}
LIMIT = 5.0
"""Seconds in which each era is loaded and checked, on one core."""

NOW = era.load(NEW)
FILE = Path("units.csv")
HEAD = "code,name,level,parent_code\n"
GOOD = f"{HEAD}01,Thành phố Hà Nội,province,\n22,Tỉnh Quảng Ninh,province,\n06688,Phường Hạ Long,commune,22\n"


def key(code: str, day: str = "2025-07-01") -> UnitKey:
    return UnitKey.model_validate({"code": code, "effective": day})


def check_shape(tree: Tree, name: str) -> None:
    """See that a tree has the counts of its era, each unit in its place, and no name twice."""
    assert Counter(unit.kind for unit in tree) == COUNTS[name]
    assert len({unit.slug for unit in tree}) == len(tree)
    assert [unit.key for unit in tree.roots] == [unit.key for unit in tree if unit.kind == "province"]
    above = {"province": 0, "district": 1, "commune": 2 if name == OLD else 1}
    assert all(len(tree.ancestors(unit.key)) == above[unit.kind] for unit in tree)
    seen: set[UnitKey] = set()
    for unit in tree.walk():
        assert unit.parent is None or unit.parent in seen
        seen.add(unit.key)
    assert len(seen) == len(tree)


@pytest.mark.parametrize("name", [OLD, NEW])
def test_real_lists_are_loaded_in_time(name: str) -> None:
    """The country before and after 1 July 2025 is loaded whole, each in five seconds or less."""
    if not UNITS.is_dir():
        pytest.skip(f"{UNITS} is absent: the real lists of units are not part of the kit (GOVCLOUD_UNITS names them)")
    begun = time.process_time()
    tree = listing.load(UNITS / f"units-{name}.csv", era.load(name))
    assert time.process_time() - begun < LIMIT
    check_shape(tree, name)


@pytest.mark.parametrize("name", [OLD, NEW])
def test_made_up_lists_have_the_shape_of_the_real_ones(name: str) -> None:
    """A made-up list has the counts of its era, one unit with the most others under it, and names that repeat."""
    then = era.load(name)
    text = sample.listing(then, seed=7)
    assert text == sample.listing(then, seed=7) != sample.listing(then, seed=8)
    begun = time.process_time()
    tree = listing.parse(text, then, FILE)
    assert time.process_time() - begun < LIMIT
    check_shape(tree, name)
    below = Counter(unit.parent for unit in tree if unit.kind == "commune")
    assert max(below.values()) == then.rules["commune"].most
    assert len({unit.short for unit in tree}) < len(tree) * 0.9


def test_made_up_units_are_spread_within_the_limit() -> None:
    """No unit of a made-up list has more others under it than the one that has most."""
    kinds = [
        {"kind": "province", "top": True, "count": 4, "digits": 2},
        {"kind": "commune", "under": ["province"], "count": 19, "most": 5, "digits": 5},
    ]
    small = Era.model_validate({"name": "small", "title": "Small", "effective": "2025-07-01", "kinds": kinds})
    for seed in range(10):
        tree = listing.parse(sample.listing(small, seed), small, FILE)
        assert sorted(len(tree.children(unit.key)) for unit in tree.roots) == [4, 5, 5, 5]


def test_the_two_eras_share_codes_and_no_key() -> None:
    """A code that is given again after a reform is another unit's: keys and names differ."""
    old, new = (listing.parse(sample.listing(era.load(name)), era.load(name), FILE) for name in (OLD, NEW))
    assert {unit.key.code for unit in old} & {unit.key.code for unit in new}
    assert not set(old.units) & set(new.units)
    assert not {unit.slug for unit in old} & {unit.slug for unit in new}


def test_good_list() -> None:
    """Units keep their names with diacritics, stand under each other and are found by key."""
    tree = listing.parse(GOOD, NOW, FILE)
    ward = tree[key("06688")]
    assert (ward.name, ward.kind, ward.slug) == ("Phường Hạ Long", "commune", "ha-long-06688-250701")
    assert [it.name for it in tree.ancestors(ward.key)] == ["Tỉnh Quảng Ninh"]
    assert [it.name for it in tree.children(key("22"))] == ["Phường Hạ Long"]
    assert tree.children(ward.key) == ()
    assert key("06688") in tree
    assert key("06688", "2024-01-01") not in tree


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_forms_of_unicode_give_one_unit(form: str) -> None:
    """However the letters of a list were typed, and whatever a spreadsheet put before them, the units are the same."""
    text = "\ufeff" + unicodedata.normalize(form, GOOD).replace("\n", "\r\n")  # type: ignore[arg-type]
    path = FILE
    assert list(listing.parse(text.removeprefix("\ufeff"), NOW, path)) == list(listing.parse(GOOD, NOW, path))


def test_spreadsheet_mark_is_read_over(tmp_path: Path) -> None:
    """A file that a spreadsheet saved begins with a mark that is no part of the first column's name."""
    file = tmp_path / "units.csv"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert len(listing.load(file, NOW)) == 3


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "said"),
    [
        ("06688,", ",", 4, "code", "is empty"),
        ("06688,", "0668,", 4, "code", "no code of a commune"),
        ("06688,", "o6688,", 4, "code", "cannot be used"),
        ("06688,", "0668٨,", 4, "code", "cannot be used"),
        ("22,Tỉnh", "01,Tỉnh", 3, "code", "another unit's key too"),
        ("Phường Hạ Long", "", 4, "name", "is empty"),
        ("Phường Hạ Long", "x" * 201, 4, "name", "at most 200"),
        ("commune", "ward", 4, "level", "no kind of unit"),
        ("commune", "district", 4, "level", "no kind of unit"),
        ("commune,22", "commune,", 4, "parent_code", "stands under a province"),
        ("commune,22", "commune,23", 4, "parent_code", "no unit has the code '23'"),
        ("commune,22", "commune,06688", 4, "parent_code", "does not stand under a commune"),
        ("province,\n22", "province,22\n22", 2, "parent_code", "does not stand under a province"),
        (",commune,22", ",commune", 4, "row", "holds 3 values"),
        (",commune,22", ",commune,22,x", 4, "row", "holds 5 values"),
        ("parent_code", "above", 1, "parent_code", "no such column"),
        ("code,name", "code,code", 1, "name", "no such column"),
        ("Phường Hạ Long", '"Phường" Hạ Long', 4, "row", "cannot be read"),
        ("code,", '"co"de,', 1, "row", "cannot be read"),
        ("level", "level,level", 1, "level", "given twice"),
    ],
)
def test_mistake_is_named(old: str, new: str, line: int, field: str, said: str) -> None:
    """One mistake in a good list is told with its line, its column and what is wrong."""
    assert old in GOOD
    with pytest.raises(FileError) as caught:
        listing.parse(GOOD.replace(old, new, 1), NOW, FILE)
    found = caught.value.mistakes
    assert (line, field) in [(it.line, it.field) for it in found]
    assert any(said in it.wrong for it in found if (it.line, it.field) == (line, field))


def test_every_mistake_at_once() -> None:
    """All mistakes of a list come together; what only follows from another is not told."""
    text = (
        f"{HEAD}1,Tỉnh A,province,\n22,,province,\n06688,Phường B,ward,22\n06689,Xã C,commune,1\n06690,Xã D,commune,9\n"
    )
    with pytest.raises(FileError) as caught:
        listing.parse(text, NOW, FILE)
    found = [(it.line, it.field) for it in caught.value.mistakes]
    assert found == [(2, "code"), (3, "name"), (4, "level"), (6, "parent_code")]
    assert str(caught.value.mistakes[0]).startswith(
        "units.csv:2: code: '1' is no code of a province; allowed: 2 digits"
    )


def test_not_a_list(tmp_path: Path) -> None:
    """A path that leads nowhere, another encoding and an empty file are each told in one line."""
    file = tmp_path / "units.csv"
    with pytest.raises(KitError, match=r"units\.csv: No such file"):
        listing.load(file, NOW)
    file.write_bytes("Tỉnh".encode("utf-16"))
    with pytest.raises(KitError, match="UTF-8"):
        listing.load(file, NOW)
    file.write_bytes(b"")
    with pytest.raises(KitError, match="no such column"):
        listing.load(file, NOW)


def unit(code: str, kind: str, parent: str | None) -> Unit:
    return Unit(key(code), f"Unit {code}", kind, f"u{code}", key(parent) if parent else None)


def test_circles_are_found_once() -> None:
    """Units that stand under themselves are named once a circle, and those below a circle are not."""
    units = [
        unit("A", "other", "C"),
        unit("B", "other", "A"),
        unit("C", "other", "B"),
        unit("D", "other", "A"),
        unit("E", "other", "E"),
    ]
    found = findings(units, NOW)
    assert [(it.index, it.field) for it in found] == [(0, "parent"), (4, "parent")]
    assert "A.2025-07-01 → C.2025-07-01 → B.2025-07-01 → A.2025-07-01" in found[0].wrong
    with pytest.raises(KitError, match="stands under itself"):
        Tree.of(units, NOW)


def test_columns_and_dates_are_configuration() -> None:
    """Another list with other names of columns, English names and dates of its own is read by configuration alone."""
    columns = {"code": "ma", "name": "ten", "kind": "cap", "parent": "tren", "english": "en", "effective": "tu"}
    then = Era.model_validate({**NOW.model_dump(exclude={"columns"}), "columns": columns})
    text = (
        "tu,ma,ten,en,cap,tren\n2025-07-01,22,Tỉnh Quảng Ninh,,province,\n"
        "2026-03-01,06688,Phường Hạ Long,Ha Long,commune,22\n"
    )
    tree = listing.parse(text, then, FILE)
    assert (tree[key("06688", "2026-03-01")].english, tree[key("22")].english) == ("Ha Long", None)
    with pytest.raises(FileError, match=r"units\.csv:3: tu: '2026-03' is no date"):
        listing.parse(text.replace("2026-03-01", "2026-03"), then, FILE)
    with pytest.raises(FileError, match="is that of two units"):
        listing.parse(text + "2027-01-01,22,Tỉnh Quảng Ninh,,province,\n", then, FILE)


@pytest.mark.parametrize(
    ("day", "name"),
    [("2004-07-08", OLD), ("2025-06-30", OLD), ("2025-07-01", NEW), ("2030-01-01", NEW), ("2001-01-01", OLD)],
)
def test_era_in_force(day: str, name: str) -> None:
    """A day falls into the era that began last before it."""
    assert era.in_force(key("1", day).effective).name == name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("under: [province]", "under: [county]", "names no kind of this era: county"),
        ("digits: 5", "digits: 5}\n  - {kind: province", "a kind is given twice"),
        ("effective: 2025-07-01", "effective: soon", "effective"),
        ("digits: 2", "digits: two", "digits"),
        ("kinds:", "kinds: [", "not YAML"),
    ],
)
def test_wrong_era_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """An era's file that says something impossible is refused by its field."""
    text = (era.FOLDER / f"{NEW}.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "bad.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KitError, match=said):
        era.load("bad", tmp_path)


def test_unknown_era_names_those_there_are() -> None:
    """Asking for an era that is not there shows those that are."""
    with pytest.raises(KitError, match=f"there are: {NEW}, {OLD}"):
        era.load("1945")
    assert era.names() == [NEW, OLD]
