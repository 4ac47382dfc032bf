"""Placement keeps its limits, and whoever is placed stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings

from modules.planning.placement import Placed, Placements, Rules, Tenant, place
from tests.modules.planning.forests import BYTES, forest

RULES = Rules.model_validate(
    {
        "namespaces-per-cluster": 12,
        "units-per-gateway": 3,
        "where": {"ministry": "own", "province": "own", "district": "above", "commune": "above"},
    }
)


def tenants_of(data: bytes) -> list[Tenant]:
    """Make a random tree; a sixth of its units have a system of level 5, a few ask for a place of their own."""
    chosen = {1: "own", 2: "egc:acme"}
    return [
        Tenant(
            plant.unit,
            f"u-{plant.unit}-250701",
            plant.kind,
            plant.parent,
            plant.numbers[1] % 6,
            {"core": 4} if plant.numbers[2] % 6 == 1 else {},
            chosen.get(plant.numbers[3] % 12, ""),
        )
        for plant in forest(data, 5)
    ]


def check(tenants: Sequence[Tenant], placements: Placements, rules: Rules) -> None:
    """Count again from nothing but where each unit is."""
    assert placements.placed.keys() == {tenant.unit for tenant in tenants}
    namespaces, gateways, alone = Counter[str](), Counter[str](), Counter[str]()
    for tenant in tenants:
        placed = placements.placed[tenant.unit]
        namespaces[placed.cluster] += tenant.namespaces
        gateways[placed.gateway] += 1
        alone.update(placed.alone.values())
        assert placed.gateway.startswith(f"{placed.cluster}-gateway-")
        assert placed.alone.keys() == tenant.alone.keys()
        assert placed.why
    assert max(namespaces.values()) <= rules.namespaces_per_cluster
    assert max(gateways.values()) <= rules.units_per_gateway
    assert not alone.keys() & namespaces.keys(), "a system of level 5 has neighbours"
    assert set(alone.values()) <= {1}
    assert {name: it.namespaces for name, it in placements.clusters.items() if name not in alone} == namespaces


@settings(max_examples=4000)
@given(BYTES)
def test_limits_hold_and_the_placed_stay(data: bytes) -> None:
    """In any tree no limit is passed, the order changes nothing, and units that come later move nobody."""
    tenants = tenants_of(data)
    everything = place(tenants, RULES)
    check(tenants, everything, RULES)
    assert place(list(reversed(tenants)), RULES) == everything
    first = place(tenants[1::2], RULES)
    later = place(tenants, RULES, first.placed)
    check(tenants, later, RULES)
    assert {unit: later.placed[unit] for unit in first.placed} == first.placed
    fewer = place(tenants[::2], RULES, {it.unit: everything.placed[it.unit] for it in tenants[::2]})
    check(tenants[::2], fewer, RULES)
    assert fewer.placed.items() <= everything.placed.items()


def commune(number: int, namespaces: int = 2, parent: str = "P") -> Tenant:
    return Tenant(f"C{number:03}", f"c-{number}-250701", "commune", parent, namespaces)


PROVINCE = Tenant("P", "p-79-250701", "province", None, 4)


def test_communes_share_their_provinces_cluster() -> None:
    """The largest province has 168 communes: one cluster, and three gateways of 64 units at most."""
    rules = Rules.model_validate({"where": {"province": "own", "commune": "above"}})
    placements = place([PROVINCE, *(commune(number) for number in range(168))], rules)
    (cluster,) = placements.clusters.values()
    assert (cluster.name, cluster.namespaces, cluster.gateways) == ("p-79-250701", 340, {1: 64, 2: 64, 3: 41})
    assert placements.placed["C001"].why == "shares the cluster of P above it"


def test_full_cluster_is_followed_by_a_second_one() -> None:
    """Where a province's cluster is full, its communes go on a second one, which says so."""
    placements = place([PROVINCE, *(commune(number, 4) for number in range(4))], RULES)
    assert [it.cluster for it in placements.placed.values()] == ["p-79-250701"] * 2 + ["p-79-250701-2"] * 2 + [
        "p-79-250701"
    ]
    assert placements.placed["C003"].why == "shares the cluster of P above it, of which 1 are full"


def test_kind_without_a_rule_shares_the_central_cloud() -> None:
    """So does a commune above which nobody has a cluster."""
    other = Tenant("O", "o-1-250701", "other", None, 1)
    placements = place([other, commune(1, parent="elsewhere")], RULES)
    assert {it.cluster for it in placements.placed.values()} == {"cgc-1"}
    assert placements.placed["C001"].why.startswith("no unit above it has a cluster of its own")


def test_systems_of_level_5_are_alone() -> None:
    """A system of level 5 has a cluster that nothing else is put on; the unit's other systems have not."""
    tenant = Tenant("P", "p-79-250701", "province", None, 4, {"core-data": 4})
    placements = place([tenant, commune(1)], RULES)
    assert placements.placed["P"].alone == {"core-data": "l5-p-79-250701-core-data"}
    assert placements.clusters["l5-p-79-250701-core-data"].units == 0
    assert placements.placed["C001"].cluster == "p-79-250701"


def test_what_does_not_fit_is_refused_and_moves_nobody() -> None:
    """A unit larger than a cluster is not placed; one that outgrows its cluster keeps its place, and both are told."""
    placements = place([commune(1, 13)], RULES)
    assert (placements.placed, placements.refused) == ({}, ["C001: has 13 namespaces, and a cluster carries 12"])
    kept = place([PROVINCE, commune(1, 4)], RULES).placed
    grown = place([PROVINCE, commune(1, 9)], RULES, kept)
    assert grown.placed == kept
    assert grown.refused == [
        "C001: needs 9 namespaces on p-79-250701, 13 with the others there; a cluster carries 12",
    ]


def test_units_that_are_not_planned_now_still_count() -> None:
    """A plan of one agency alone knows how full the clusters are."""
    kept = {"X": Placed(cluster="cgc-1", gateway="cgc-1-gateway-1", namespaces=12, why="there before")}
    placements = place([Tenant("O", "o-1-250701", "other", None, 1)], RULES, kept)
    assert placements.placed["O"].cluster == "cgc-2"


def test_unit_that_comes_alone_finds_the_cluster_above_it() -> None:
    """A commune that is planned without its province goes where an earlier plan put the province."""
    kept = place([PROVINCE], RULES).placed
    placed = place([commune(1)], RULES, kept).placed["C001"]
    assert (placed.cluster, placed.why) == ("p-79-250701", "shares the cluster of P above it")
    shared = {"P": Placed(cluster="cgc-3", gateway="cgc-3-gateway-1", namespaces=1, why="there before")}
    assert place([commune(1)], RULES, shared).placed["C001"].cluster == "cgc-1"


def test_what_a_file_asks_for_wins_over_the_rule() -> None:
    """A province that asks for a shared cluster gets one, and its communes then find no cluster above them."""
    asks = replace(PROVINCE, chosen="shared")
    placed = place([asks, commune(1)], RULES).placed
    assert (placed["P"].cluster, placed["C001"].cluster) == ("cgc-1", "cgc-1")
    assert placed["P"].why == "shares the central cloud: its file asks for it"


def test_unit_whose_file_asks_for_another_place_is_placed_anew() -> None:
    """An earlier plan by the rules does not bind a file that says otherwise; one that says the same changes nothing."""
    kept = place([PROVINCE], RULES).placed
    assert place([replace(PROVINCE, chosen="own")], RULES, kept).placed == kept
    moved = place([replace(PROVINCE, chosen="shared")], RULES, kept)
    assert (moved.placed["P"].cluster, list(moved.clusters)) == ("cgc-1", ["cgc-1"])
    again = place([replace(PROVINCE, chosen="shared")], RULES, moved.placed)
    assert again.placed == moved.placed
