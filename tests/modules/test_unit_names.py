"""Names that follow from units: unique, stable, readable, and such as Kubernetes, DNS and Pulumi take."""

from __future__ import annotations

import datetime as dt
import random
import re
import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.levels import Zone
from modules.units import era, listing, names
from modules.units.key import UnitKey
from modules.units.sample import FIRST, LAST
from modules.units.tree import Tree, Unit

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""RFC 1123: what Kubernetes takes for the names of namespaces and DNS for a label."""
WORDS = era.load("until-2025-06-30").rules["commune"].words
TREES = 10_000
ZONES = get_args(Zone)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Phường Ba Đình", "ba-dinh"),
        ("Xã Ea H'Leo", "ea-hleo"),
        ("Xã M’Đrắk", "mdrak"),
        ("Thị trấn Nông trường Việt Trung", "nong-truong-viet"),
        ("Phường 1", "phuong-1"),
        ("Phường 14", "phuong-14"),
        ("Phường Mỹ Đình 2", "my-dinh-2"),
        ("Xã Ngọk Tụ", "ngok-tu"),
        ("Phường Phường Đúc", "phuong-duc"),
        ("ĐẶNG ỮƠỲ", "dang-uoy"),
        ("Xã", "xa"),
        ("x" * 30, "x" * 20),
        ("中国", "unit"),
        ("", "unit"),
    ],
)
def test_short_names_read_like_the_name(name: str, short: str) -> None:
    """Diacritics are folded, the word for the kind is left out where something readable stays, words stay whole."""
    assert names.short_name(name, WORDS) == short


def test_every_vietnamese_letter_is_folded() -> None:
    """Each of the 134 letters with marks, small and large, becomes its letter of a-z, in both forms of Unicode."""
    marked = [
        unicodedata.normalize("NFC", letter + hat + tone)
        for letters, hats in (("aeouiy", ("",)), ("aeo", ("\u0302",)), ("a", ("\u0306",)), ("ou", ("\u031b",)))
        for letter in letters
        for hat in hats
        for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    ]
    marked = [it for it in marked if it not in "aeouiy"] + ["đ"]
    assert len(marked) == 67
    for letter in marked:
        plain = "d" if letter == "đ" else unicodedata.normalize("NFD", letter)[0]
        for form in (letter, letter.upper(), unicodedata.normalize("NFD", letter)):
            assert names.fold(form) == plain


DAYS = [dt.date(2004, 7, 8), dt.date(2025, 7, 1), dt.date(2026, 3, 1), dt.date(2099, 12, 31)]
CODES = ["1", "01", "001", "00001", "11", "H49", "G01", "ZZZZZZZZZZ"]
KEYS = [UnitKey(code=code, effective=day) for code in CODES for day in DAYS]
NAMES = [f"{word} {first} {last}" for word in WORDS for first in FIRST for last in LAST]


def random_tree(chance: random.Random) -> list[Unit]:
    """Make up a tree of up to 8 units of any depth, with names that repeat and codes given again."""
    units: list[Unit] = []
    for key in chance.sample(KEYS, chance.randint(1, 8)):
        name = chance.choice(NAMES[:5]) if chance.random() < 0.3 else chance.choice(NAMES)
        parent = chance.choice(units).key if units and chance.random() < 0.8 else None
        units.append(Unit(key, name, "other", names.short_name(name, WORDS), parent))
    return units


def test_names_of_random_trees() -> None:
    """In 10,000 random trees every name is a DNS label, belongs to one unit and is the same when it is made again."""
    now = era.load("from-2025-07-01")
    chance = random.Random(1)  # noqa: S311
    for _ in range(TREES):
        tree = Tree.of(random_tree(chance), now)
        slugs = [unit.slug for unit in tree]
        assert len(set(slugs)) == len(slugs)
        for unit in tree:
            assert LABEL.fullmatch(unit.slug), unit
            assert LABEL.fullmatch(names.namespace(unit.slug, "a-system-of-20-chars", "administration")), unit
            decomposed = unicodedata.normalize("NFD", unit.name)
            assert names.slug(names.short_name(decomposed, WORDS), unit.key) == unit.slug


_KEYS = st.builds(
    lambda code, day: UnitKey(code=code, effective=day),
    st.from_regex(r"[0-9A-Z]{1,10}", fullmatch=True),
    st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31)),
)


@given(name=st.text(max_size=60), key=_KEYS)
def test_any_text_gives_a_name(name: str, key: UnitKey) -> None:
    """Whatever letters of the world a name is written in, what is derived is a name of 38 characters at most."""
    short = names.short_name(name, WORDS)
    assert 1 <= len(short) <= 20
    assert LABEL.fullmatch(short)
    assert len(names.slug(short, key)) <= 38
    assert names.short_name(unicodedata.normalize("NFD", name), WORDS) == names.short_name(
        unicodedata.normalize("NFC", name), WORDS
    )


@given(
    one=_KEYS,
    other=_KEYS,
    shorts=st.tuples(
        st.from_regex(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True), st.sampled_from(["a", "a-1"])
    ),
)
def test_two_keys_never_share_a_slug(one: UnitKey, other: UnitKey, shorts: tuple[str, str]) -> None:
    """The key alone makes a slug unique, whatever the short names are."""
    assert (names.slug(shorts[0], one) == names.slug(shorts[1], other)) <= (one == other)


_LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True)


@given(short=_LABELS, key=_KEYS, systems=st.sets(_LABELS, min_size=2, max_size=6))
def test_zones_of_different_systems_never_share_a_namespace(short: str, key: UnitKey, systems: set[str]) -> None:
    """Each zone of each system has a namespace of its own, however long the names are."""
    slug = names.slug(short, key)
    spaces = [names.namespace(slug, system, zone) for system in systems for zone in ZONES]
    assert len(set(spaces)) == len(spaces)
    assert all(LABEL.fullmatch(space) for space in spaces)


def test_names_that_fit_are_left_alone() -> None:
    """Only a name beyond 63 characters gets a digest, and keeps its readable start."""
    assert names.fit("a" * 63) == "a" * 63
    long = names.fit("agc-" + "b" * 60)
    assert len(long) == 63
    assert long.startswith("agc-bbb")
    assert names.fit("agc-" + "b" * 60) == long != names.fit("agc-" + "b" * 61)


def test_names_are_those_that_were_given_out() -> None:
    """Names are stable over versions of the kit: a change here would make every agency a second cloud."""
    text = (
        "code,name,level,parent_code\n01,Thành phố Hà Nội,province,\n00004,Phường Ba Đình,commune,01\n"
        "12345,Xã Nguyễn Thị Minh Khai,commune,01\n"
    )
    tree = listing.parse(text, era.load("from-2025-07-01"), listing.Path("units.csv"))
    assert [unit.slug for unit in tree] == [
        "ha-noi-01-250701",
        "ba-dinh-00004-250701",
        "nguyen-thi-minh-khai-12345-250701",
    ]
    assert names.namespace("ba-dinh-00004-250701", "one-stop", "edge") == "agc-ba-dinh-00004-250701-one-stop-edge"
    assert (
        names.namespace("nguyen-thi-minh-khai-12345-250701", "public-services", "administration")
        == "agc-nguyen-thi-minh-khai-12345-250701-public-services-c4c0fa40"
    )
