"""The reform of 1 July 2025, replayed as a plan: whole, fast, and without a loss."""

from __future__ import annotations

import time
from collections import Counter
from functools import cache

from modules.addresses import prefixes
from modules.addresses.changes import Need, reserve
from modules.addresses.ledger import Ledger
from modules.planning import estates, settings
from modules.planning.quotas import Wish, grant
from modules.quantities import Amounts, parse
from modules.reforms import links, planning
from modules.reforms.handover import hand_over_addresses
from modules.reforms.links import Link
from modules.reforms.models import DELETING, ReformPlan
from modules.units import era
from modules.units.tree import Tree
from tests.modules.countries import country, folder, part
from tests.modules.test_units import NEW, OLD

LIMIT = 60.0
"""Seconds of one core in which the reform is planned; it takes two."""
PLANNING = settings.load()
EFFECTIVE = era.load(NEW).effective


@cache
def replayed() -> tuple[ReformPlan, float]:
    """Plan the real reform; returns the seconds of one core that it took, loading included."""
    where = folder()
    begun = time.process_time()
    old, new = country(OLD, "real"), country(NEW, "real")
    found = [it for kind in ("provinces", "communes") for it in links.load(where / f"reform-2025-{kind}.csv", old, new)]
    made = planning.plan(estates.assumed(old, PLANNING), new, found, EFFECTIVE, PLANNING)
    return made, time.process_time() - begun


def check_whole(made: ReformPlan, old: Tree, new: Tree) -> None:
    """Every unit and namespace is accounted for once, and no step deletes what bears data."""
    given = estates.assumed(old, PLANNING)
    assert [it.unit for it in made.successions] == [it.key for it in given]
    assert [it.unit for it in made.foundations] == [str(it.key) for it in new]
    handed = [it for succession in made.successions for it in succession.namespaces]
    assert Counter(it.namespace for it in handed) == Counter(zone for it in given for zone in it.zones)
    known = {it.unit for it in made.foundations}
    assert {it.heir for it in handed} | {it.principal for it in made.successions} <= known
    steps = list(made.steps())
    assert sum(step.bears_data for step in steps) == len(handed)
    assert not [step for step in steps if step.bears_data and step.action in DELETING]


def test_reform_of_2025_is_planned_whole_and_in_time() -> None:
    """63 provinces into 34, 10,035 communes into 3,321; districts and what the lists do not name are listed."""
    made, seconds = replayed()
    assert seconds < LIMIT
    check_whole(made, country(OLD, "real"), country(NEW, "real"))
    kinds = {"old": Counter(it.kind for it in made.successions), "new": Counter(it.kind for it in made.foundations)}
    assert kinds == {
        "old": {"province": 63, "district": 696, "commune": 10_035},
        "new": {"province": 34, "commune": 3_321},
    }
    assert Counter(it.kind for it in made.unlinked_old) == {"district": 696, "commune": 424}
    assert Counter(it.kind for it in made.unlinked_new) == {"commune": 35}
    assert sum(len(it.heirs) for it in made.successions) == 63 + 10_061
    assert sum(len(it.heirs) > 1 for it in made.successions) == 381
    assert made.doubts == ()


def test_budgets_after_the_reform_hold() -> None:
    """What communes take over stays within what their new provinces take over."""
    made, _ = replayed()
    wishes = [Wish(it.unit, it.parent, {}, _amounts(it.budget)) for it in made.foundations]
    assert grant(wishes).refused == []


def _amounts(budget: dict[str, str]) -> Amounts:
    if not budget:
        return Amounts()
    cpu, memory, storage, pods = (parse(budget[name]) for name in ("cpu", "memory", "storage", "pods"))
    return Amounts(int(cpu * 1000), int(memory), int(storage), int(pods))


def test_no_address_moves_in_the_whole_reform() -> None:
    """Of 23,736 namespaces, each has the addresses that it had, under its new owner."""
    made, _ = replayed()
    given = estates.assumed(country(OLD, "real"), PLANNING)
    ledger = Ledger(prefixes.load())
    reserve(ledger, [Need(it.key, it.unit.kind, it.zones) for it in given], EFFECTIVE)
    before = {zone: ledger.zone(zone) for it in given for zone in it.zones}
    hand_over_addresses(ledger, made, EFFECTIVE)
    assert {zone: ledger.zone(zone) for zone in before} == before
    assert ledger.units.keys() <= {it.unit for it in made.foundations}


def test_made_up_reform_is_planned_whole() -> None:
    """The same holds of ten made-up provinces that go into five: units merged, divided, not named."""
    old, new = part(OLD, 10), part(NEW, 5)
    provinces = [it for it in new if it.kind == "province"]
    pairs = []
    for index, province in enumerate(it for it in old if it.kind == "province"):
        heir = provinces[index % len(provinces)]
        pairs.append(Link(province, heir))
        communes = [it for district in old.children(province.key) for it in old.children(district.key)]
        heirs = new.children(heir.key)
        pairs += [Link(it, heirs[place % len(heirs)]) for place, it in enumerate(communes) if place % 24]
        pairs += [Link(it, heirs[(place + 1) % len(heirs)]) for place, it in enumerate(communes) if place % 24 == 1]
    made = planning.plan(estates.assumed(old, PLANNING), new, pairs, EFFECTIVE, PLANNING)
    check_whole(made, old, new)
    assert {it.change for it in made.successions} >= {"merged", "merged-and-divided", "not-linked"}
    assert made.doubts == ()
