"""Deny by default and tenants apart, by packets: a deny counts only after an allow on the same path was seen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from conformance import network, workloads
from conformance.network import Path
from conformance.plugin import EvidenceBook, families, requirement
from conformance.probes import Family, Probes, Tenant
from conformance.proving import prove_closed, prove_open
from core.errors import KitError


def default_deny(
    paths: Sequence[Path],
    toggled: AbstractContextManager[None],
    again: AbstractContextManager[None],
    evidence: EvidenceBook,
) -> None:
    """Open, close and open again: the last proves that it was the policy that closed, not the server that died."""
    with toggled:
        prove_open(paths, "with a policy that allows it", evidence)
    prove_closed(paths, "without that policy", evidence)
    with again:
        prove_open(paths, "with the policy again", evidence)


@requirement("GVC-NET-01", "GVC-IP6-04")
@families
def test_default_deny_ingress(
    tenant_a: Tenant, probes: Probes, run_id: str, family: Family, evidence: EvidenceBook
) -> None:
    """Nothing reaches a pod that no policy opens, over TCP and UDP, from the same node and from another."""
    paths = network.server_paths(probes.client, probes.servers, family)
    ingress = workloads.allow_ingress(run_id, namespace=tenant_a.namespace)
    with network.policy(tenant_a, workloads.allow_egress(run_id, namespace=tenant_a.namespace)):
        default_deny(paths, network.policy(tenant_a, ingress), network.policy(tenant_a, ingress), evidence)


@requirement("GVC-NET-01", "GVC-IP6-04")
@families
def test_default_deny_egress(
    tenant_a: Tenant, probes: Probes, run_id: str, family: Family, evidence: EvidenceBook
) -> None:
    """A pod that no policy opens reaches nothing, over TCP and UDP, on the same node and on another."""
    paths = network.server_paths(probes.client, probes.servers, family)
    egress = workloads.allow_egress(run_id, namespace=tenant_a.namespace)
    with network.policy(tenant_a, workloads.allow_ingress(run_id, namespace=tenant_a.namespace)):
        default_deny(paths, network.policy(tenant_a, egress), network.policy(tenant_a, egress), evidence)


@requirement("GVC-ISO-01", "GVC-IP6-04")
@families
def test_tenants_are_apart(
    tenant_a: Tenant, tenant_b: Tenant, probes: Probes, run_id: str, *, family: Family, evidence: EvidenceBook
) -> None:
    """A server that its owner opens to its own clients stays closed to another tenant, who may call out as it likes."""
    own = network.server_paths(probes.client, probes.servers, family)
    foreign = network.server_paths(probes.stranger, probes.servers, family)
    with (
        network.policy(tenant_b, workloads.allow_egress(run_id, namespace=tenant_a.namespace)),
        network.policy(tenant_a, workloads.allow_egress(run_id, namespace=tenant_a.namespace)),
    ):
        with network.policy(tenant_a, workloads.allow_ingress(run_id, namespace=tenant_b.namespace)):
            prove_open(foreign, "the owner allows the other tenant", evidence)
        with network.policy(tenant_a, workloads.allow_ingress(run_id, namespace=tenant_a.namespace)):
            prove_open(own, "the owner allows its own clients", evidence)
            prove_closed(foreign, "the owner allows only its own clients", evidence)


@requirement("GVC-ISO-01", "GVC-IP6-04")
@families
def test_services_are_apart(
    tenant_a: Tenant,
    tenant_b: Tenant,
    probes: Probes,
    service: dict[str, Any],
    run_id: str,
    *,
    family: Family,
    evidence: EvidenceBook,
) -> None:
    """The address of a Service is no way around: it is closed to another tenant as its servers are."""
    address = family.of(service["spec"].get("clusterIPs", []))
    evidence.add(f"read the {family} address of Service {service['metadata']['name']}", address or "none")
    if not address:
        raise KitError(f"the Service has no {family} address, so nothing can be shown in {family}")
    ways = [Path(probes.stranger, address, it, f"stranger → Service [{address}]") for it in ("tcp", "udp")]
    with network.policy(tenant_b, workloads.allow_egress(run_id, namespace=tenant_a.namespace)):
        with network.policy(tenant_a, workloads.allow_ingress(run_id, namespace=tenant_b.namespace)):
            prove_open(ways, "the owner allows the other tenant", evidence)
        with network.policy(tenant_a, workloads.allow_ingress(run_id, namespace=tenant_a.namespace)):
            prove_closed(ways, "the owner allows only its own clients", evidence)
