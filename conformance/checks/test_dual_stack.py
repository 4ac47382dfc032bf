"""IPv4 and IPv6 side by side: addresses, Services, names, and packets over each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance import dns, network, workloads
from conformance.api import DRY_RUN, Api
from conformance.network import Path
from conformance.plugin import EvidenceBook, families, requirement
from conformance.probes import Family, Probes, Tenant
from core.errors import KitError


@pytest.fixture(scope="module")
def _open_ways(tenant_a: Tenant, run_id: str) -> Iterator[None]:
    """Let the client of tenant a reach its own servers, for as long as these checks run."""
    ingress = workloads.allow_ingress(run_id, namespace=tenant_a.namespace)
    egress = workloads.allow_egress(run_id, namespace=tenant_a.namespace)
    with network.policy(tenant_a, egress), network.policy(tenant_a, ingress):
        yield


@requirement("GVC-IP6-02")
def test_pods_hold_both_families(probes: Probes, evidence: EvidenceBook) -> None:
    """Every pod holds an IPv4 and an IPv6 address."""
    for probe in probes.all:
        evidence.add(f"read podIPs of {probe.name} on {probe.node}", ", ".join(probe.addresses))
    for family in Family:
        without = [probe.name for probe in probes.all if family.of(probe.addresses) is None]
        assert not without, f"no {family} address: {', '.join(without)}"


@requirement("GVC-IP6-02")
def test_nodes_hold_both_families(probes: Probes, evidence: EvidenceBook) -> None:
    """The nodes that run a tenant's pods have an IPv4 and an IPv6 address."""
    nodes = {probe.node: probe.node_addresses for probe in probes.all}
    for node, addresses in nodes.items():
        evidence.add(f"read hostIPs of the pods on {node}", ", ".join(addresses))
    for family in Family:
        without = [node for node, addresses in nodes.items() if family.of(addresses) is None]
        assert not without, f"no {family} address: node {', '.join(without)}"


@requirement("GVC-IP6-02")
def test_every_node_holds_both_families(reader: Api, evidence: EvidenceBook) -> None:
    """Every node of the platform has an internal IPv4 and IPv6 address and pod ranges of both."""
    nodes = reader.must("GET", "/api/v1/nodes")["items"]
    if not nodes:
        raise KitError("the reader sees no node, so nothing can be said of nodes")
    without = []
    for node in nodes:
        name = node["metadata"]["name"]
        addresses = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
        ranges = node["spec"].get("podCIDRs", [])
        evidence.add(
            f"read node {name}", f"addresses {', '.join(addresses)}; pod ranges {', '.join(ranges) or 'not shown'}"
        )
        without += [f"{name}: {family}" for family in Family if family.of(addresses) is None]
    assert not without, f"no internal address: {', '.join(without)}"


@requirement("GVC-IP6-02")
@families
@pytest.mark.usefixtures("_open_ways")
def test_pods_reach_each_other(probes: Probes, family: Family, evidence: EvidenceBook) -> None:
    """Pods that may talk exchange packets over this family, over TCP and UDP, on one node and across nodes."""
    paths = network.server_paths(probes.client, probes.servers, family)
    answers = network.settle(paths, is_open=True, within=network.OPEN_WITHIN)
    for path, answer in answers.items():
        evidence.add(str(path), answer)
    closed = [f"{path}: {answer}" for path, answer in answers.items() if answer != "open"]
    assert not closed, f"allowed, and yet no answer: {'; '.join(closed)}"


@requirement("GVC-IP6-03", "GVC-IP6-02")
def test_service_holds_both_families(service: dict[str, Any], evidence: EvidenceBook) -> None:
    """A Service that asks for both families gets an address of each."""
    addresses = service["spec"].get("clusterIPs", [])
    policy = service["spec"].get("ipFamilyPolicy")
    evidence.add(f"create Service {service['metadata']['name']} with {policy}", ", ".join(addresses))
    for family in Family:
        assert family.of(addresses), f"asked for both families, got {', '.join(addresses)}: no {family}"


@requirement("GVC-IP6-03")
def test_service_may_require_both_families(tenant_a: Tenant, run_id: str, evidence: EvidenceBook) -> None:
    """A Service that insists on both families is accepted."""
    manifest = workloads.service(f"audit-{run_id}-both", run=run_id, policy="RequireDualStack")
    answer = tenant_a.api.request("POST", tenant_a.path("services"), manifest, query=DRY_RUN)
    evidence.add("create Service with RequireDualStack (dry run)", answer)
    assert answer.ok, f"refused: {answer}"


@requirement("GVC-IP6-03", "GVC-IP6-02")
@families
@pytest.mark.usefixtures("_open_ways")
def test_service_answers(probes: Probes, service: dict[str, Any], family: Family, evidence: EvidenceBook) -> None:
    """A Service answers over this family: connections over TCP and UDP, and an HTTP exchange with one of its pods."""
    address = family.of(service["spec"].get("clusterIPs", []))
    evidence.add(f"read the {family} address of Service {service['metadata']['name']}", address or "none")
    assert address, f"the Service has no {family} address"
    paths = [Path(probes.client, address, protocol, f"Service [{address}]") for protocol in ("tcp", "udp")]
    answers = network.settle(paths, is_open=True, within=network.OPEN_WITHIN)
    evidence.add(f"call it from {probes.client.name}", network.summary(answers))
    assert all(answer == "open" for answer in answers.values()), f"no answer: {network.summary(answers)}"
    name = network.dial(probes.client, address, workloads.TCP_PORT, "http", "hostname")
    evidence.add("GET /hostname from it", name)
    assert name in {server.name for server in probes.servers}, f"something else answered: {name}"


@requirement("GVC-IP6-03", "GVC-IP6-02")
@families
@pytest.mark.usefixtures("_open_ways")
def test_name_is_found(
    tenant_a: Tenant, probes: Probes, service: dict[str, Any], *, family: Family, evidence: EvidenceBook
) -> None:
    """The cloud's name service tells a pod the address of a Service in this family (A or AAAA)."""
    address = family.of(service["spec"].get("clusterIPs", []))
    evidence.add(f"read the {family} address of Service {service['metadata']['name']}", address or "none")
    assert address, f"the Service has no {family} address"
    name = f"{service['metadata']['name']}.{tenant_a.namespace}.{network.service_domain(probes.client)}"
    server = network.name_server(probes.client)
    records = network.look_up(probes.client, server, name, dns.KINDS[family.record])
    evidence.add(f"ask {server} for {family.record} of {name}", f"{len(records)} records")
    assert records, f"no {family.record} record of {name}"
    matches = records[0].matches(address)
    evidence.add("compare the record with the address", "the same" if matches else "another one")
    assert matches, f"the {family.record} record is not {address}"
