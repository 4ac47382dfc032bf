"""Which ways are open into, out of and within the systems of one agency."""

from __future__ import annotations

from typing import Any

import pytest

from modules import contract, doors, labels
from modules.agency import Agency
from modules.levels import Zone
from modules.spaces import workload
from tests.modules.agencies import agency
from tests.modules.test_contract import value

FLOWS = [
    {"from": "edge", "to": "application", "port": 8443},
    {"from": "application", "to": "database", "port": 5432},
    {"from": "administration", "to": "database", "port": 514, "protocol": "UDP"},
]
EXPOSED = contract.parse({**value(), "gateways": {"state": "exchange"}}, "cgc")


def exposures(*given: str) -> Agency:
    return agency(*({"exposure": it} for it in given))


def between_systems(unit: Agency, index: int, zone: Zone | None = None) -> dict[str, Any]:
    system = unit.systems[index]
    made = doors.between_systems(
        unit, workload(unit, system, zone), system, zone, [it for it in unit.systems if it is not system]
    )
    return {it["metadata"]["name"]: it["spec"] for it in made}


def between_zones(unit: Agency, zone: Zone) -> dict[str, Any]:
    made = list(doors.between_zones(unit, unit.systems[0], zone))
    assert {it["metadata"]["namespace"] for it in made} <= {f"agc-x-22-250701-s0-{zone}"}
    return {it["metadata"]["name"]: it["spec"] for it in made}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["none", "none"], [[], []]),
        (["none", "agency"], [["to-own-systems"], ["from-own-systems"]]),
        (["agency"], [["from-own-systems"]]),
        (["agency", "agency"], [["to-own-systems", "from-own-systems"]] * 2),
        (["none", "state", "internet"], [[], [], []]),
    ],
)
def test_doors_follow_exposure(given: list[str], expected: list[list[str]]) -> None:
    """A system that is exposed to its agency has a door in, and the others a door out to it; no one else has any."""
    unit = exposures(*given)
    assert [list(between_systems(unit, index)) for index in range(len(given))] == expected


def test_doors_stay_within_the_agency() -> None:
    """Both doors name the agency: no other agency's pods are let in or reached."""
    unit = exposures("none", "agency")
    own = {"namespaceSelector": {"matchLabels": {labels.AGENCY: unit.slug}}}
    (out,) = between_systems(unit, 0)["to-own-systems"]["egress"]
    assert out["to"] == [{**own, "podSelector": {"matchLabels": {labels.EXPOSURE: "agency"}}}]
    (inward,) = between_systems(unit, 1)["from-own-systems"]["ingress"]
    assert inward["from"] == [own]
    assert workload(unit, unit.systems[1]).pod_labels == {labels.EXPOSURE: "agency"}


def test_zones_are_entered_at_the_edge_and_left_from_the_application() -> None:
    """Of a system with zones, only the edge is called from outside and only the application zone calls others."""
    unit = agency({"exposure": "agency", "flows": FLOWS}, {"exposure": "agency"})
    assert {zone: list(between_systems(unit, 0, zone)) for zone in unit.systems[0].all_zones} == {
        "edge": ["from-own-systems"],
        "application": ["to-own-systems"],
        "database": [],
        "administration": [],
    }
    found = {zone: workload(unit, unit.systems[0], zone).pod_labels for zone in unit.systems[0].all_zones}
    assert found["edge"] == {labels.EXPOSURE: "agency"}
    assert found["database"] == found["application"] == {labels.EXPOSURE: "none"}


def test_declared_flows_open_both_ends_and_nothing_else() -> None:
    """Each flow is opened where it begins and where it ends, on its port and protocol, between these two zones."""
    unit = agency({"flows": FLOWS})
    assert {zone: sorted(between_zones(unit, zone)) for zone in unit.systems[0].all_zones} == {
        "edge": ["inside", "to-application-8443-tcp"],
        "application": ["from-edge-8443-tcp", "inside", "to-database-5432-tcp"],
        "database": ["from-administration-514-udp", "from-application-5432-tcp", "inside"],
        "administration": ["inside", "to-database-514-udp"],
    }
    out = between_zones(unit, "administration")["to-database-514-udp"]
    database = {labels.NAMESPACE_NAME: "agc-x-22-250701-s0-database"}
    udp = [{"protocol": "UDP", "port": 514}]
    assert out["policyTypes"] == ["Egress"]
    assert out["egress"] == [
        {"to": [{"namespaceSelector": {"matchLabels": database}, "podSelector": {}}], "ports": udp}
    ]
    inward = between_zones(unit, "database")["from-administration-514-udp"]
    administration = {labels.NAMESPACE_NAME: "agc-x-22-250701-s0-administration"}
    assert inward["policyTypes"] == ["Ingress"]
    assert inward["ingress"] == [
        {"from": [{"namespaceSelector": {"matchLabels": administration}, "podSelector": {}}], "ports": udp}
    ]


def test_a_zone_is_open_to_itself_up_to_level_three() -> None:
    """From level 4 on, ways inside a zone are shut but for those declared (GVC-NET-03)."""
    own = {"from": "database", "to": "database", "port": 7000}
    unit = agency({"level": 4, "flows": [own]})
    assert sorted(between_zones(unit, "database")) == ["from-database-7000-tcp", "to-database-7000-tcp"]
    assert between_zones(unit, "edge") == {}
    inside = between_zones(agency({"flows": FLOWS}), "edge")["inside"]
    assert (inside["ingress"], inside["egress"]) == ([{"from": [{"podSelector": {}}]}], [{"to": [{"podSelector": {}}]}])


def test_system_without_zones_has_no_ways_inside() -> None:
    """The single namespace of a system without zones stays shut inside."""
    unit = agency({})
    assert list(doors.between_zones(unit, unit.systems[0], None)) == []


@pytest.mark.parametrize(
    ("exposure", "more", "expected"),
    [
        ("none", {}, []),
        ("agency", {}, []),
        ("state", {}, ["state"]),
        ("internet", {}, ["internet"]),
        ("internet", {"provides": [{"service": "prices", "title": "Giá đất", "system": "s0"}]}, ["state", "internet"]),
        ("state", {"provides": [{"service": "prices", "title": "Giá đất", "system": "s0"}]}, ["state"]),
    ],
)
def test_gateways_are_let_in_at_the_edge(exposure: str, more: dict[str, Any], expected: list[str]) -> None:
    """The exchange's gateway comes in for exposure state and for services provided, that of the Internet for its."""
    unit = agency({"exposure": exposure, "flows": FLOWS}, exchange=more)
    system = unit.systems[0]
    assert [doors.entries(unit, system, zone) for zone in system.all_zones] == [expected, [], [], []]


def test_only_the_gateway_of_the_contract_is_let_in() -> None:
    """The rule names the gateway's pods; without such a gateway there is no rule, so nothing is let in."""
    (rule,) = doors.rules_from(EXPOSED, "state")
    assert rule == {
        "from": [
            {
                "namespaceSelector": {"matchLabels": {labels.NAMESPACE_NAME: "cgc-exchange"}},
                "podSelector": {"matchLabels": {"app": "exchange"}},
            }
        ],
        "ports": [{"protocol": "TCP", "port": 8080}],
    }
    assert doors.rules_from(EXPOSED, "internet") == []
    unit = exposures("internet")
    shut = doors.from_gateway(workload(unit, unit.systems[0]), "internet", [])
    assert (shut["spec"]["policyTypes"], shut["spec"]["ingress"]) == (["Ingress"], [])
