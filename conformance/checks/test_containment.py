"""What a running container is kept from: system calls, forged packets, the machine's own services. Shown by trying."""

from __future__ import annotations

import time

from kubernetes.utils.quantity import parse_quantity

from conformance import inside, network, workloads
from conformance.api import DRY_RUN
from conformance.inside import FILTERED, filters, process_status
from conformance.network import Path
from conformance.plugin import EvidenceBook, families, requirement
from conformance.probes import READY_WITHIN, Family, Probe, Probes, Tenant, wait
from conformance.proving import prove_closed, prove_open
from conformance.target import Target
from conformance.workloads import Manifest
from core.errors import KitError

METADATA = {Family.IPV4: "169.254.169.254", Family.IPV6: "fd00:ec2::254"}
"""Where clouds give a machine its own credentials. Widely used; the one of IPv6 is Amazon's."""
METADATA_PORT = 80
BURNING = ("stress", "--cpus=4")
LOAD_WINDOW = 2.0
LOAD_WITHIN = 30.0
"""Seconds within which a container that takes what it can must have come up against its limit."""
SLACK = 2.0
"""A reading takes its time, so twice the limit is still within it; who is not held takes whole processors."""


@requirement("GVC-WKL-03")
def test_system_calls_are_filtered(
    tenant_a: Tenant, probes: Probes, good_pod: Manifest, evidence: EvidenceBook
) -> None:
    """A container runs with a filter of system calls; one that asks for none is refused, or gets one all the same."""
    asked = 0
    for probe in probes.all:
        mode, asked = filters(process_status(probe.tenant, probe.name))
        evidence.add(f"read /proc/self/status in {probe.name}", f"Seccomp: {mode}, filters: {asked}")
        assert mode == FILTERED, f"asked for the runtime's profile, and yet no filter of system calls: mode {mode}"
    security = good_pod["spec"]["securityContext"]
    unconfined = workloads.with_spec(good_pod, securityContext={**security, "seccompProfile": {"type": "Unconfined"}})
    answer = tenant_a.api.request("POST", tenant_a.path("pods"), unconfined, query={"dryRun": "All"})
    evidence.add("ask for a pod with seccompProfile Unconfined (dry run)", answer)
    assert answer.refused, f"a pod that wants no filter is not refused: {answer}"
    silent = {key: value for key, value in security.items() if key != "seccompProfile"}
    answer = tenant_a.api.request("POST", tenant_a.path("pods"), workloads.with_spec(good_pod, securityContext=silent))
    evidence.add("ask for a pod that says nothing of seccomp", answer)
    if answer.refused:
        return
    name = str(good_pod["metadata"]["name"])
    try:
        wait(tenant_a, name, time.monotonic() + READY_WITHIN)
        mode, given = filters(process_status(tenant_a, name))
    finally:
        tenant_a.api.remove(f"{tenant_a.path('pods')}/{name}")
    evidence.add("read /proc/self/status in it", f"Seccomp: {mode}, filters: {given}")
    assert given >= asked, f"a container that says nothing of seccomp has no filter of its own: {given} of {asked}"


@requirement("GVC-NET-10")
def test_packets_cannot_be_forged(tenant_a: Tenant, probes: Probes, good_pod: Manifest, evidence: EvidenceBook) -> None:
    """A tenant's container cannot open raw sockets, by which addresses and neighbour messages of others are forged.

    It holds no capability, can gain none, and one that wants NET_RAW or NET_ADMIN, or keeps what the runtime gives, is
    refused.
    """
    for probe in probes.all:
        status = process_status(probe.tenant, probe.name)
        held = {key: status.get(key, "") for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs")}
        evidence.add(f"read /proc/self/status in {probe.name}", ", ".join(f"{k}: {v}" for k, v in held.items()))
        gained = [key for key, value in held.items() if key.startswith("Cap") and int(value or "1", 16)]
        assert not gained, f"a container that gave up every capability holds some: {', '.join(gained)}"
        assert held["NoNewPrivs"] == "1", "a container that gave up gaining privileges may gain some"
    wishes = {
        "NET_RAW": {"drop": ["ALL"], "add": ["NET_RAW"]},
        "NET_ADMIN": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
        "what the runtime gives": {},
    }
    granted = []
    for what, capabilities in wishes.items():
        manifest = workloads.with_security(good_pod, capabilities=capabilities)
        answer = tenant_a.api.request("POST", tenant_a.path("pods"), manifest, query={"dryRun": "All"})
        evidence.add(f"ask for a container with {what} (dry run)", answer)
        granted += [] if answer.refused else [what]
    assert not granted, f"a tenant's container may have {', '.join(granted)}, and forge packets with it"


@requirement("GVC-ISO-08")
def test_neighbours_load_stays_within_its_limit(
    tenant_b: Tenant, audit_target: Target, run_id: str, evidence: EvidenceBook
) -> None:
    """A neighbour that takes all it can get of the processors gets no more than the limit of its container."""
    manifest = workloads.pod(
        f"audit-{run_id}-load",
        audit_target.probe_image,
        run=run_id,
        role="load",
        account=tenant_b.account,
        arguments=BURNING,
    )
    limit = float(parse_quantity(manifest["spec"]["containers"][0]["resources"]["limits"]["cpu"]))
    name = tenant_b.api.create(tenant_b.path("pods"), manifest)["metadata"]["name"]
    try:
        wait(tenant_b, name, time.monotonic() + READY_WITHIN)
        now, deadline = inside.processor(tenant_b, name), time.monotonic() + LOAD_WITHIN
        while True:
            time.sleep(LOAD_WINDOW)
            before, now = now, inside.processor(tenant_b, name)
            cores, stopped = now.cores_since(before), now.held_back - before.held_back
            if cores > SLACK * limit or stopped or now.at > deadline:
                break
    finally:
        tenant_b.api.remove(f"{tenant_b.path('pods')}/{name}")
    evidence.add(
        f"keep 4 processors busy in a container of tenant b with a limit of {limit} for {now.at - before.at:.1f} s",
        f"{cores:.2f} processors; stopped {stopped} times for its limit",
    )
    assert cores <= SLACK * limit, f"a container with a limit of {limit} processors takes {cores:.2f}"
    if not stopped:
        raise KitError("the load never came up against its limit, so nothing can be said of it: the nodes are too busy")


@requirement("GVC-ISO-01", "GVC-IP6-04")
@families
def test_metadata_address_is_closed(
    tenant_a: Tenant, probes: Probes, run_id: str, family: Family, evidence: EvidenceBook
) -> None:
    """A pod whose tenant lets it do so does not reach the address that gives a machine its credentials."""
    own = network.server_paths(probes.client, probes.servers, family)
    metadata = _metadata(probes.client, family)
    by_address = workloads.to_addresses(list(METADATA.values()), METADATA_PORT)
    egress = workloads.allow_egress(run_id, namespace=tenant_a.namespace, beyond=[by_address])
    said = "a policy lets the client call its servers and that address"
    answer = tenant_a.api.request("POST", network.policies_of(tenant_a), egress, query=DRY_RUN)
    evidence.add(f"ask for a policy that opens {', '.join(METADATA.values())} (dry run)", answer)
    if answer.refused:
        egress = workloads.allow_egress(run_id, namespace=tenant_a.namespace)
        said = "a policy lets the client call its servers; the cloud allows none that opens that address"
    with (
        network.policy(tenant_a, workloads.allow_ingress(run_id, namespace=tenant_a.namespace)),
        network.policy(tenant_a, egress),
    ):
        prove_open(own, said, evidence)
        prove_closed([metadata], "the same policy", evidence)


def _metadata(source: Probe, family: Family) -> Path:
    address = METADATA[family]
    return Path(source, address, "tcp", f"{source.role} → [{address}] port {METADATA_PORT}", METADATA_PORT)
