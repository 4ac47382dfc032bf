"""The plan for all units at once: whole, within the limits, the same again, and fast."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from functools import cache

import pytest
from pydantic import TypeAdapter

from core.paths import REPOSITORY
from modules import agency_folder
from modules.addresses import prefixes
from modules.addresses.ledger import Ledger
from modules.planning import estates, national, settings
from modules.planning.national import NationalPlan
from tests.modules.addresses.test_random_lives import overlaps
from tests.modules.countries import country, part
from tests.modules.test_units import NEW, OLD

DAY = dt.date(2026, 11, 22)
LIMIT = 10.0
"""Seconds of one core in which a whole country is planned; it takes three."""
PLANNING = settings.load()


@cache
def planned(name: str, provinces: int) -> NationalPlan:
    """Plan for a part of a made-up country."""
    return national.plan(estates.assumed(part(name, provinces), PLANNING), PLANNING, Ledger(prefixes.load()), DAY)


@pytest.mark.parametrize(("name", "source"), [(OLD, "real"), (NEW, "real"), (OLD, "made up")])
def test_whole_country_is_planned(name: str, source: str) -> None:
    """Every unit has names, addresses, a cluster, a gateway and reasons; no name, no address twice; limits hold."""
    tree = country(name, source)
    begun = time.process_time()
    plan = national.plan(estates.assumed(tree, PLANNING), PLANNING, Ledger(prefixes.load()), DAY)
    assert time.process_time() - begun < LIMIT
    assert plan.refused == ()
    assert [unit.key for unit in plan.units] == [str(unit.key) for unit in tree]
    zones = [zone for unit in plan.units for system in unit.systems for zone in system.zones]
    assert len({zone.namespace for zone in zones}) == len(zones)
    assert all(len(zone.namespace) <= 63 and zone.addresses[0].length == 64 for zone in zones)
    blocks = [block for unit in plan.units for block in (*unit.ipv6, *unit.ipv4)]
    parts = [block for zone in zones for block in zone.addresses]
    assert not overlaps(blocks)
    assert not overlaps(parts)
    for unit in plan.units:
        assert len(unit.ipv6) == 1
        assert all(any(own.holds(part) for own in (*unit.ipv6, *unit.ipv4)) for part in _parts(unit))
        assert unit.ipv4 or any(why.startswith("IPv6 alone: ") for why in unit.reasons)
        assert unit.cluster
        assert unit.budget
    assert max(Counter(unit.gateway for unit in plan.units).values()) <= 64
    assert max(cluster.namespaces for cluster in plan.clusters) <= 6000
    assert sum(cluster.namespaces for cluster in plan.clusters) == len(zones)


def _parts(unit: national.PlannedUnit) -> list[prefixes.Block]:
    return [block for system in unit.systems for zone in system.zones for block in zone.addresses]


def test_provinces_have_clusters_which_their_communes_share() -> None:
    """Each province has its own cluster, and every unit below it is there."""
    plan = planned(OLD, 5)
    units = {unit.key: unit for unit in plan.units}
    assert len(plan.clusters) == 5
    for unit in plan.units:
        top = unit
        while top.parent:
            top = units[top.parent]
        assert unit.cluster == top.stack


def test_plan_is_read_as_it_was_written() -> None:
    """Another program reads from the JSON what was planned."""
    adapter = TypeAdapter(NationalPlan)
    plan = planned(OLD, 5)
    assert adapter.validate_json(adapter.dump_json(plan)) == plan


def test_later_plan_moves_nobody() -> None:
    """With a third of the country missing at first, the others keep their place and addresses when it comes."""
    given = estates.assumed(part(NEW, 8), PLANNING)
    ledger = Ledger(prefixes.load())
    first = national.plan([it for i, it in enumerate(given) if i % 3], PLANNING, ledger, DAY)
    later = national.plan(given, PLANNING, ledger, DAY, first.placements)
    units = {unit.key: unit for unit in later.units}
    for unit in first.units:
        now = units[unit.key]
        assert (unit.ipv6, unit.ipv4, unit.systems) == (now.ipv6, now.ipv4, now.systems)
        assert (unit.cluster, unit.gateway) == (now.cluster, now.gateway)


def test_shipped_agencies_are_planned() -> None:
    """The examples get what their files ask for: own clusters, a commercial cloud, machines for level 5."""
    given = estates.declared(agency_folder.load(REPOSITORY / "data" / "agencies"))
    plan = national.plan(given, PLANNING, Ledger(prefixes.load()), DAY)
    assert plan.refused == ()
    chosen = {unit.key: unit.cluster for unit in plan.units}
    assert chosen["91.2025-07-01"].startswith("egc-")
    assert chosen["06688.2025-07-01"] == chosen["22.2025-07-01"]
    alone = [system for unit in plan.units for system in unit.systems if system.level == 5]
    assert alone
    assert all(cluster.units == 0 for cluster in plan.clusters if cluster.cluster in {it.cluster for it in alone})


def test_budget_that_is_too_small_is_refused_in_the_plan() -> None:
    """What exceeds the parent's is in the plan without a budget, and is told."""
    small = {"cpu": "40", "memory": "1Ti", "storage": "20Ti", "pods": 10000}
    tight = settings.Planning.model_validate(
        {"systems": {"province": {"documents": 2}, "commune": {"one-stop": 2}}, "budgets": {"province": small}}
    )
    plan = national.plan(estates.assumed(part(NEW, 8), tight), tight, Ledger(prefixes.load()), DAY)
    without = [unit for unit in plan.units if not unit.budget]
    assert len(without) == len(plan.refused) > 0
    assert all("cpu: 1 wanted, 0 left of the budget of " in line for line in plan.refused)
