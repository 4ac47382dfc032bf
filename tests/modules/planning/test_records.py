"""The records of plans: written together, or not at all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from core.errors import KitError
from modules.addresses import prefixes
from modules.addresses.changes import Need, reserve
from modules.planning import records
from modules.planning.placement import Placed

DAY = dt.date(2026, 11, 22)
PLACED = Placed(cluster="cgc-1", gateway="cgc-1-gateway-1", namespaces=2, alone={"core": "l5-x"}, why="shares")


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Addresses and placements of one plan are there for the next one."""
    with records.changing(tmp_path / "new", prefixes.load()) as change:
        reserve(change.ledger, [Need("A", "commune", ("a",))], DAY)
        change.placements["A"] = PLACED
    found = records.read(tmp_path / "new", prefixes.load())
    assert (found.placements, list(found.ledger.units)) == ({"A": PLACED}, ["A"])


def test_failed_change_leaves_both_as_they_were(tmp_path: Path) -> None:
    """When a plan fails, neither record holds a part of it."""

    def fail() -> None:
        with records.changing(tmp_path, prefixes.load()) as change:
            reserve(change.ledger, [Need("A", "commune", ("a",))], DAY)
            change.placements["A"] = PLACED
            raise KitError("no good")

    with pytest.raises(KitError, match="no good"):
        fail()
    found = records.read(tmp_path, prefixes.load())
    assert (found.placements, list(found.ledger.units)) == ({}, [])


@pytest.mark.parametrize("text", ["{", "[]", '{"A": {"cluster": "x"}}', '{"A": {"gateway": "x-1"}}'])
def test_damaged_placements_are_refused(tmp_path: Path, text: str) -> None:
    """A file that was damaged is named, and nothing is taken from it."""
    (tmp_path / "placements.json").write_text(text, encoding="utf-8")
    with pytest.raises(KitError, match=r"placements\.json"):
        records.read(tmp_path, prefixes.load())


def test_unit_that_leaves_is_in_no_record(tmp_path: Path) -> None:
    """Its place is free at once, its addresses when their quarantine has ended."""
    plan = prefixes.load()
    with records.changing(tmp_path, plan) as change:
        reserve(change.ledger, [Need("A", "commune", ("a",))], DAY)
        change.placements["A"] = PLACED
    with records.changing(tmp_path, plan) as change:
        assert records.leave(change, "A", DAY) == DAY + dt.timedelta(days=plan.quarantine_days)
    found = records.read(tmp_path, plan)
    assert (found.placements, list(found.ledger.units)) == ({}, [])
    assert found.ledger.quarantined
