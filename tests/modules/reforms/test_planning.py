"""A reform loses no unit and no namespace, deletes nothing that bears data, and moves no address."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modules.addresses import prefixes
from modules.addresses.changes import Need, reserve
from modules.addresses.ledger import Ledger
from modules.model import Date
from modules.planning import settings as planning_settings
from modules.planning.estates import Estate, Planned
from modules.quantities import Amounts
from modules.reforms.handover import hand_over_addresses
from modules.reforms.links import Link
from modules.reforms.models import DELETING, ReformPlan, Step
from modules.reforms.planning import plan
from modules.units import era
from modules.units.key import UnitKey
from modules.units.tree import Tree, Unit

BEFORE, AFTER = dt.date(2004, 7, 8), dt.date(2025, 7, 1)
ERA = era.load("from-2025-07-01")
PLANNING = planning_settings.load()
ONE = Amounts(1000, 2**30, 2**30, 10)


def unit(code: str, day: Date, parent: str | None = None, name: str = "") -> Unit:
    above = UnitKey(code=parent, effective=day) if parent else None
    kind = "commune" if parent else "province"
    return Unit(UnitKey(code=code, effective=day), name or f"Xã {code}", kind, f"u{code}", above)


def estate(it: Unit, *systems: str) -> Estate:
    return Estate(it, tuple(Planned(name, 2, ("edge", "application"), ONE) for name in systems), "", "made up")


def make(old: Sequence[Estate], new: Sequence[Unit], pairs: Sequence[tuple[str, str, tuple[str, ...]]]) -> ReformPlan:
    left, right = {it.unit.key.code: it.unit for it in old}, {it.key.code: it for it in new}
    links = [Link(left[a], right[b], systems) for a, b, systems in pairs]
    return plan(old, Tree.of(new, ERA), links, AFTER, PLANNING)


PROVINCES = [estate(unit("01", BEFORE), "documents"), estate(unit("02", BEFORE), "documents")]
COMMUNES = [estate(unit(f"0000{i}", BEFORE, "01"), "one-stop", "tax") for i in range(1, 6)]
NEW = [
    unit("01", AFTER),
    unit("00001", AFTER, "01"),
    unit("00009", AFTER, "01", "Xã 00003"),
    unit("00008", AFTER, "01"),
]
PAIRS: list[tuple[str, str, tuple[str, ...]]] = [
    ("01", "01", ()),
    ("02", "01", ()),
    ("00001", "00001", ()),
    ("00002", "00001", ()),
    ("00003", "00009", ()),
    ("00004", "00001", ("tax",)),
    ("00004", "00009", ()),
]


def test_what_becomes_of_each_unit_is_said() -> None:
    """Merged, divided and unlinked units are told apart, each with who gets what it has, and why."""
    made = make([*PROVINCES, *COMMUNES], NEW, PAIRS)
    found = {it.unit.partition(".")[0]: (it.change, it.principal.partition(".")[0]) for it in made.successions}
    assert found == {
        "01": ("merged", "01"),
        "02": ("merged", "01"),
        "00001": ("merged", "00001"),
        "00002": ("merged", "00001"),
        "00003": ("merged", "00009"),
        "00004": ("merged-and-divided", "00001"),
        "00005": ("not-linked", "01"),
    }
    assert [it.unit for it in made.unlinked_old] == ["00005.2004-07-08"]
    assert [it.unit for it in made.unlinked_new] == ["00008.2025-07-01"]
    assert made.names_until == AFTER + dt.timedelta(days=PLANNING.old_names_days)


def test_one_to_one_is_kept_or_renamed() -> None:
    """A unit that goes on alone keeps its name or gets a new one; the code alone says neither."""
    made = make(COMMUNES[2:4], NEW, [("00003", "00009", ()), ("00004", "00001", ())])
    assert [it.change for it in made.successions] == ["kept", "renamed"]


def test_systems_go_where_the_file_says() -> None:
    """Of a divided unit, a system goes to the heir that the file assigns it to, with its quota."""
    made = make(COMMUNES[3:4], NEW, [("00004", "00001", ("tax",)), ("00004", "00009", ())])
    (succession,) = made.successions
    assert (succession.change, succession.principal) == ("divided", "00001.2025-07-01")
    swapped = make(COMMUNES[3:4], NEW, [("00004", "00001", ()), ("00004", "00009", ("tax",))])
    heirs = {(it.system, it.heir) for it in swapped.successions[0].namespaces}
    assert heirs == {("one-stop", "00001.2025-07-01"), ("tax", "00009.2025-07-01")}
    budgets = {it.unit: it.budget.get("cpu") for it in swapped.foundations}
    assert (budgets["00001.2025-07-01"], budgets["00009.2025-07-01"]) == ("1", "1")


def test_approvers_are_the_old_unit_its_heirs_and_those_above_them() -> None:
    """Nobody's systems go to another without the leave of all who are concerned."""
    made = make([*PROVINCES, *COMMUNES], NEW, PAIRS)
    divided = next(it for it in made.successions if it.change == "merged-and-divided")
    assert set(divided.approvers) == {"00004.2004-07-08", "00001.2025-07-01", "00009.2025-07-01", "01.2025-07-01"}


def test_links_against_the_tree_are_doubted() -> None:
    """A commune that goes to another province than its own did is told, and so is a system that it does not have."""
    new = [unit("01", AFTER), unit("03", AFTER), unit("00007", AFTER, "03")]
    made = make([*PROVINCES, COMMUNES[0]], new, [("01", "01", ()), ("00001", "00007", ("mail",))])
    assert len(made.doubts) == 2
    assert "stands under 03.2025-07-01, and 01.2004-07-08 went into 01.2025-07-01" in made.doubts[0]
    assert "has no system mail" in made.doubts[1]


def test_unit_that_goes_on_is_left_alone() -> None:
    """A ministry that stands in both trees under one key has nothing done to it; so has one that nobody names."""
    same = unit("05", AFTER)
    made = make([estate(same, "documents"), PROVINCES[0]], [same], [])
    assert [it.change for it in made.successions] == ["unchanged", "not-linked"]
    assert [step for step in made.steps() if step.unit] == []


@pytest.mark.parametrize("action", sorted(DELETING))
def test_step_that_deletes_data_cannot_be_made(action: str) -> None:
    """Not even by hand: a plan with such a step is refused when it is read."""
    fields = {"action": action, "on": "2025-07-01", "unit": "A", "heir": "B", "target": "agc-a"}
    Step.model_validate(fields)
    with pytest.raises(ValidationError, match="bears data"):
        Step.model_validate({**fields, "bears_data": True})


def test_plan_is_read_as_it_was_written() -> None:
    """What apply reads is what was planned."""
    made = make([*PROVINCES, *COMMUNES], NEW, PAIRS)
    assert ReformPlan.model_validate_json(made.model_dump_json()) == made


def reform_of(data: bytes) -> tuple[list[Estate], ReformPlan]:
    """Make a random reform: up to 12 communes of two provinces into up to six, divided or not linked at times."""
    numbers = list(data)
    old = [*PROVINCES, *(estate(unit(f"{i:05}", BEFORE, f"0{1 + n % 2}"), "a", "b") for i, n in enumerate(numbers))]
    new = [unit("01", AFTER), *(unit(f"{i:05}", AFTER, "01") for i in range(3, 3 + 1 + len(numbers) // 2))]
    targets = [it.key.code for it in new[1:]]
    pairs: list[tuple[str, str, tuple[str, ...]]] = [("01", "01", ()), ("02", "01", ())]
    for it, n in zip(old[2:], numbers, strict=True):
        heirs = dict.fromkeys(targets[(n // 8 + k) % len(targets)] for k in range(n // 2 % 4))
        second = [("b",) if place == 1 and n > 127 else () for place in range(len(heirs))]
        pairs += [(it.unit.key.code, heir, systems) for heir, systems in zip(heirs, second, strict=True)]
    return old, make(old, new, pairs)


@settings(max_examples=500)
@given(st.binary(max_size=12))
def test_nothing_is_lost_in_any_reform(data: bytes) -> None:
    """Every unit and namespace is accounted for once, budgets add up, nothing that bears data is deleted."""
    old, made = reform_of(data)
    assert [it.unit for it in made.successions] == [it.key for it in old]
    known = {it.unit for it in made.foundations}
    before = Counter(zone for it in old for zone in it.zones)
    assert Counter(it.namespace for succession in made.successions for it in succession.namespaces) == before
    assert {it.heir for succession in made.successions for it in succession.namespaces} <= known
    assert sum(it.namespaces for it in made.foundations) == before.total()
    for step in made.steps():
        assert not (step.bears_data and step.action in DELETING)
        assert step.heir in known
    for it in made.successions:
        assert it.principal in known
        assert (it.change == "not-linked") == (not it.heirs)
        assert set(it.heirs) <= {*it.approvers}
    _addresses_stay(old, made)


def _addresses_stay(old: Sequence[Estate], made: ReformPlan) -> None:
    """Each namespace has the addresses it had, and its new owner has them."""
    ledger = Ledger(prefixes.load())
    reserve(ledger, [Need(it.key, it.unit.kind, it.zones) for it in old], AFTER)
    before = {zone: ledger.zone(zone) for it in old for zone in it.zones}
    hand_over_addresses(ledger, made, AFTER)
    assert {zone: ledger.zone(zone) for zone in before} == before
    heirs = {it.namespace: it.heir for succession in made.successions for it in succession.namespaces}
    assert {zone: ledger.keeper(zone) for zone in before} == heirs
    assert not {it.key for it in old} & ledger.units.keys()
