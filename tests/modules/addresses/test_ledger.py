"""The ledger of addresses: what it gives, what it refuses to give, and what it refuses to read."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.errors import KitError
from core.paths import REPOSITORY
from modules.addresses import ledger_file
from modules.addresses.changes import Need, pass_on, release, reserve
from modules.addresses.ledger import Ledger
from modules.addresses.prefixes import Prefixes

DAY = dt.date(2026, 11, 22)
PLAN = Prefixes.model_validate(
    {
        "quarantine-days": 30,
        "ipv6": {"prefixes": ["2001:db8::/44"], "agency": {"province": 46, "commune": 48}, "otherwise": 48},
        "ipv4": {"prefixes": ["198.18.0.0/24"], "zone": 28, "kinds": ["province", "commune"]},
    }
)


def commune(unit: str, *zones: str) -> Need:
    return Need(unit, "commune", tuple(f"{unit}-{zone}" for zone in zones))


def reserved(*needs: Need, plan: Prefixes = PLAN) -> Ledger:
    ledger = Ledger(plan)
    reserve(ledger, needs, DAY)
    return ledger


def texts(ledger: Ledger, unit: str) -> list[str]:
    return [str(block) for block in ledger.units[unit].blocks]


def test_agency_gets_a_prefix_by_its_kind_and_a_64_for_each_zone() -> None:
    """The prefix has the length of the kind, IPv4 the size of the need, a zone a /64 and a /28."""
    ledger = reserved(commune("B", "edge", "app", "db"), Need("A", "province", ("A-app",)))
    assert texts(ledger, "A") == ["2001:db8::/46", "198.18.0.0/28"]
    assert texts(ledger, "B") == ["2001:db8:4::/48", "198.18.0.64/26"]
    zones = {zone: [str(block) for block in blocks] for zone, blocks in ledger.units["B"].zones.items()}
    assert zones == {
        "B-edge": ["2001:db8:4::/64", "198.18.0.64/28"],
        "B-app": ["2001:db8:4:1::/64", "198.18.0.80/28"],
        "B-db": ["2001:db8:4:2::/64", "198.18.0.96/28"],
    }


def test_the_order_of_units_changes_nothing() -> None:
    """The same units give the same ledger, in whatever order they are read."""
    needs = [commune(unit, "app") for unit in "ABCDE"]
    assert [entry.line() for entry in reserved(*needs).added] == [
        entry.line() for entry in reserved(*reversed(needs)).added
    ]


def test_reserving_again_adds_nothing() -> None:
    """A unit that has all it needs is left alone, and so is the ledger."""
    ledger = Ledger(PLAN, [entry.line() for entry in reserved(commune("A", "app")).added])
    reserve(ledger, [commune("A", "app")], DAY)
    assert ledger.added == []


def test_where_ipv4_does_not_reach_the_ledger_says_why() -> None:
    """A kind without IPv4, and one that comes when it is used up, get IPv6 alone and the reason."""
    ledger = reserved(
        *(commune(f"C{i}", *map(str, range(6))) for i in range(3)), Need("D", "district", ("D-app",)), commune("A", "x")
    )
    assert [len(ledger.units[f"C{i}"].of(4)) for i in range(3)] == [1, 0, 0]
    assert ledger.units["C2"].why == "IPv6 alone: 198.18.0.0/24 has no free /25 for 6 zones of 16 addresses"
    assert ledger.units["D"].why == "IPv6 alone: the address plan gives no IPv4 to units of kind district"
    assert len(ledger.units["D"].of(6)) == 1


def test_ipv6_that_is_used_up_says_what_to_enlarge() -> None:
    """The refusal names the prefixes, the unit and the field of the plan that is to be enlarged."""
    with pytest.raises(KitError, match=r"2001:db8::/44 has no free /46 for P5 \(province\)") as caught:
        reserved(*(Need(f"P{i}", "province", ()) for i in range(1, 6)))
    assert "ipv6.prefixes" in caught.value.hint


def test_full_block_is_followed_by_another() -> None:
    """An agency whose zones outgrow its blocks gets more, and keeps what it has."""
    plan = PLAN.model_copy(update={"ipv6": PLAN.ipv6.model_copy(update={"agency": {"commune": 63}})})
    ledger = reserved(commune("A", "a", "b"), commune("B", "a"), plan=plan)
    before = dict(ledger.units["A"].zones)
    reserve(ledger, [commune("A", "a", "b", "c")], DAY)
    assert [str(block) for block in ledger.units["A"].of(6)] == ["2001:db8::/63", "2001:db8:0:4::/63"]
    assert ledger.units["A"].zones.items() > before.items()


def test_released_addresses_wait_for_the_end_of_their_quarantine() -> None:
    """On the last day of the quarantine the next unit gets others; a day later it would have got these."""
    ledger = reserved(commune("A", "app"))
    until = release(ledger, "A", DAY)
    assert until == DAY + dt.timedelta(days=30)
    reserve(ledger, [commune("B", "app")], until - dt.timedelta(days=1))
    assert texts(ledger, "B") == ["2001:db8:1::/48", "198.18.0.16/28"]
    reserve(ledger, [commune("C", "app")], until)
    assert texts(ledger, "C") == ["2001:db8::/48", "198.18.0.0/28"]


def test_divided_units_keep_their_addresses() -> None:
    """A namespace that goes to another unit keeps its /64, and the block it lies in cannot be given back."""
    ledger = reserved(commune("A", "a", "b"))
    zone = ledger.units["A"].zones["A-b"]
    pass_on(ledger, "A", "B", DAY, ["A-b"])
    reserve(ledger, [commune("B", "c"), Need("A", "commune", ("A-a", "A-b"))], DAY)
    assert ledger.units["B"].zones["A-b"] == zone
    with pytest.raises(KitError, match="in them lie A-b of B"):
        release(ledger, "A", DAY)
    pass_on(ledger, "A", "B", DAY)
    assert "A" not in ledger.units
    assert release(ledger, "B", DAY)


@pytest.mark.parametrize("wrong", ["nobody", "A"])
def test_what_is_not_there_is_neither_released_nor_passed_on(wrong: str) -> None:
    """An unknown unit and an unknown namespace are refused by name; nothing happens."""
    ledger = reserved(commune("A", "app"))
    ledger.added.clear()
    with pytest.raises(KitError, match=wrong):
        pass_on(ledger, wrong, "B", DAY, ["B-app"])
    with pytest.raises(KitError, match=wrong):
        release(ledger, wrong, DAY, ["B-app"])
    assert ledger.added == []


A = '{"on": "2026-11-22", "event": "allocated", "unit": "A", "blocks": ["2001:db8::/48", "198.18.0.0/27"]}'
ZONE = '{"on": "2026-11-22", "event": "allocated", "unit": "A", "zone": "a", "blocks": ["2001:db8::/64"]}'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([A, A.replace("A", "B")], r":2: 2001:db8::/48 of B overlaps 2001:db8::/48 of A"),
        ([A, A.replace('"A"', '"B"').replace("::/48", "::/46")], r":2: 2001:db8::/46 of B overlaps 2001:db8::/48 of A"),
        ([A, A.replace('"A"', '"B"').replace("db8::", "db8:1::")], r":2: 198.18.0.0/27 of B overlaps .* of A"),
        ([A, ZONE, ZONE.replace('"a"', '"b"')], r":3: 2001:db8::/64 of b overlaps 2001:db8::/64 of a"),
        ([A, ZONE.replace("db8::", "db8:1::")], r":2: 2001:db8:1::/64 of a lies in no block of A"),
        ([A, ZONE, ZONE.replace('"A"', '"B"')], r":3: a of B is a namespace of A"),
        ([A.replace("2001:db8", "2001:db9")], r":1: 2001:db9::/48 of A lies outside the national prefixes"),
        ([A.replace("db8::/48", "db8::1/48")], r":1: blocks.0: 2001:db8::1/48 has address bits after its length"),
        ([A.replace("/48", "/148")], r":1: blocks.0: '2001:db8::/148' is not a prefix"),
        ([A, A.replace("11-22", "11-21").replace("A", "B")], r":2: allocated on 2026-11-21, after an event of 2026-11"),
        ([A.replace("allocated", "stolen")], r":1: event"),
        ([A[:40]], r":1: Invalid JSON"),
        ([A, ""], r":2: Invalid JSON"),
        ([A.replace("allocated", "released")], r":1: A has no addresses"),
        ([A, A.replace("allocated", "released")], r":2: until: is missing"),
        ([A, A.replace("allocated", "returned")], r":2: 2001:db8::/48 of A is not in quarantine"),
        ([A, A.replace("allocated", "transferred")], r":2: nobody has no addresses"),
        (
            [A, A.replace("allocated", "released").replace("}", ', "until": "2026-12-01"}'), A.replace("A", "B")],
            r":3: 2001:db8::/48 of B overlaps 2001:db8::/48 of A, which is in quarantine until 2026-12-01",
        ),
    ],
)
def test_damaged_ledger_is_refused_with_line_and_owners(tmp_path: Path, lines: Sequence[str], said: str) -> None:
    """What cannot have happened is refused at its line, with both owners where two claim the same; the file stays."""
    file = tmp_path / "addresses.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    before = file.read_bytes()
    with pytest.raises(KitError, match=f"addresses.jsonl{said}"), ledger_file.changing(file, PLAN):
        pytest.fail("a damaged ledger was opened")
    assert file.read_bytes() == before


def test_cut_off_ledger_is_refused(tmp_path: Path) -> None:
    """A file that ends within a line lost something, even where the rest can be read."""
    file = tmp_path / "addresses.jsonl"
    file.write_text(A, encoding="utf-8")
    with pytest.raises(KitError, match="cut off"):
        ledger_file.read(file, PLAN)


def test_failed_change_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """When one of many units gets nothing, none of them is written, and no other file stays behind."""
    file = tmp_path / "addresses.jsonl"
    with ledger_file.changing(file, PLAN) as ledger:
        reserve(ledger, [commune("A", "app")], DAY)
    before = file.read_bytes()
    with pytest.raises(KitError, match="used up"), ledger_file.changing(file, PLAN) as ledger:
        reserve(ledger, [Need(f"P{i}", "province", ()) for i in range(9)], DAY)
    assert file.read_bytes() == before
    assert {it.name for it in tmp_path.iterdir()} <= {file.name, f"{file.name}.lock"}


def test_processes_at_once_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Four processes reserve for units of their own at the same time: all are there, and none overlap."""
    file = tmp_path / "addresses.jsonl"
    program = (
        "import sys, datetime as dt; from pathlib import Path\n"
        "from modules.addresses import changes, ledger_file, prefixes\n"
        "for i in range(10):\n"
        "    with ledger_file.changing(Path(sys.argv[1]), prefixes.load()) as ledger:\n"
        "        unit = f'{sys.argv[2]}{i}'\n"
        "        changes.reserve(ledger, [changes.Need(unit, 'commune', (unit,))], dt.date(2026, 11, 22))\n"
    )
    words = [sys.executable, "-c", program, str(file)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    running = [subprocess.Popen([*words, name], env=environment) for name in "ABCD"]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0, 0]
    from modules.addresses import prefixes

    assert len(ledger_file.read(file, prefixes.load()).units) == 40
