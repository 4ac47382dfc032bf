"""What a stack says of an agency: its systems, and what is declared and not enforced."""

from __future__ import annotations

from core.paths import REPOSITORY
from modules import agency_file
from modules.components.agency_cloud import described, unapplied
from tests.modules.agencies import USE, agency


def test_what_is_not_enforced_is_named() -> None:
    """Nobody takes a declared field to be in force while nothing acts on it; what is enforced is not named."""
    flows = [{"from": "edge", "to": "application", "port": 8443}]
    whole = agency(
        {"exposure": "state", "flows": flows, "consumes": ["exchange"], "environment": "test"},
        exchange={"consumes": [USE]},
    )
    assert list(unapplied(whole, central=True)) == []
    hospital = agency_file.load(REPOSITORY / "data" / "agencies" / "quang-ninh-hospital.yaml")
    assert list(unapplied(hospital, central=True)) == [
        "systems: records: retention (labels, for the tools that keep logs and copies)",
        "systems: records: backup (labels, for the tools that keep logs and copies)",
    ]


def test_ways_to_another_cluster_are_named() -> None:
    """On a cluster of its own an agency learns that no way leads to the central cloud and back."""
    own = {"cluster": "own", "kubeconfig": "own.kubeconfig"}
    unit = agency({"exposure": "state", "consumes": ["exchange"]}, placement=own, exchange={"consumes": [USE]})
    assert list(unapplied(unit, central=False)) == [
        "systems: s0: consumes exchange (the central cloud is on another cluster; no way there)",
        "systems: s0: calls from the state gateway (the central cloud is on another cluster)",
        "systems: s0: exchange.consumes (the central cloud is on another cluster; no way there)",
    ]
    signed_in = agency({}, identity={"issuer": "https://sso.example.gov.vn"})
    assert list(unapplied(signed_in, central=True)) == [
        "identity (until the API server is configured with the output 'authenticator')"
    ]


def test_systems_are_described() -> None:
    """A stack tells each system's namespaces and, if it can be called, the name that answers in the cluster."""
    unit = agency({}, {"exposure": "agency", "zones": ["edge", "application", "database", "administration"]})
    assert described(unit, unit.systems[0]) == {"name": "s0", "level": 3, "namespace": "agc-x-22-250701-s0"}
    zones = {zone: f"agc-x-22-250701-s1-{zone}" for zone in ("edge", "application", "database", "administration")}
    assert described(unit, unit.systems[1]) == {
        "name": "s1",
        "level": 3,
        "namespace": "agc-x-22-250701-s1-application",
        "zones": zones,
        "dns_name": "s1.agc-x-22-250701-s1-edge.svc",
    }
