"""What is exported says all that the ledger holds, and the diagram shows each block at its place."""

from __future__ import annotations

import csv
import datetime as dt
import io
from xml.etree import ElementTree as ET

import yaml

from modules.addresses import diagram, export, prefixes
from modules.addresses.changes import Need, release, reserve
from modules.addresses.ledger import Ledger

DAY = dt.date(2026, 11, 22)
SVG = "{http://www.w3.org/2000/svg}"


def ledger() -> Ledger:
    made = Ledger(prefixes.load())
    needs = [Need("P", "province", ("p-app",)), Need("<A> & B", "commune", ("a-app", "a-db"))]
    reserve(made, [*needs, Need("D", "district", ("d-app",)), Need("gone", "commune", ("g-app",))], DAY)
    release(made, "gone", DAY)
    return made


def test_yaml_says_everything() -> None:
    """Units with their blocks and zones, the reason where IPv4 is missing, what is in quarantine and until when."""
    found = yaml.safe_load(export.as_yaml(ledger()))
    assert found["units"]["<A> & B"] == {
        "ipv6": ["2001:db8:10::/52"],
        "ipv4": ["198.18.0.32/27"],
        "zones": {
            "a-app": ["2001:db8:10::/64", "198.18.0.32/28"],
            "a-db": ["2001:db8:10:1::/64", "198.18.0.48/28"],
        },
    }
    assert found["units"]["D"]["why"].startswith("IPv6 alone")
    assert {it["prefix"]: (it["unit"], it["until"]) for it in found["quarantine"] if "zone" not in it} == {
        "198.18.0.16/28": ("gone", dt.date(2027, 5, 21)),
        "2001:db8:10:1000::/52": ("gone", dt.date(2027, 5, 21)),
    }


def test_csv_has_a_line_for_each_block() -> None:
    """Every block and part of one is there, in use or in quarantine."""
    rows = list(csv.DictReader(io.StringIO(export.as_csv(ledger()))))
    assert len(rows) == (2 + 2) + (2 + 4) + (1 + 1) + (2 + 2)
    assert {row["prefix"] for row in rows if row["unit"] == "P"} == {
        "2001:db8::/44",
        "2001:db8::/64",
        "198.18.0.0/28",
    }
    assert {row["state"] for row in rows if row["unit"] == "gone"} == {"quarantine"}


def test_diagram_has_each_block_once_and_none_covers_another() -> None:
    """Each block of each family is one rectangle with its owner's name, within its section, over no other."""
    made = ledger()
    root = ET.fromstring(diagram.draw(made))  # noqa: S314
    drawn: dict[str, tuple[float, float, float, float]] = {}
    for it in root.iter(f"{SVG}rect"):
        title = it.find(f"{SVG}title")
        if title is not None:
            x, y, width, height = (float(it.get(name, "")) for name in ("x", "y", "width", "height"))
            drawn[title.text or ""] = x, y, x + width, y + height
    expected = {f"{block} {unit}" for family in (4, 6) for block, unit in made.blocks(family) if unit != "gone"}
    assert {title for title in drawn if "quarantine" not in title} == expected
    assert sum("in quarantine until 2027-05-21, last gone" in title for title in drawn) == 2
    places = list(drawn.values())
    for index, (left, top, right, bottom) in enumerate(places):
        for left2, top2, right2, bottom2 in places[index + 1 :]:
            assert right <= left2 + 0.01 or right2 <= left + 0.01 or bottom <= top2 or bottom2 <= top


def test_empty_ledger_is_drawn() -> None:
    """Before anything is given out there is a picture too: of free prefixes."""
    assert "0 units" in diagram.draw(Ledger(prefixes.load()))
