"""Guards around a tenant: what it may not run, open or use up. Every attempt is a real one, stored nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance import quotas, workloads
from conformance.api import DRY_RUN, Answer
from conformance.plugin import EvidenceBook, requirement, serial
from conformance.probes import Tenant
from conformance.workloads import Manifest
from core.errors import KitError

HOST_SHARING: Mapping[str, Any] = {
    "hostNetwork": {"hostNetwork": True},
    "hostPID": {"hostPID": True},
    "hostIPC": {"hostIPC": True},
    "hostPath": {"volumes": [{"name": "host", "hostPath": {"path": "/etc"}}]},
}
UNSAFE: Mapping[str, Any] = {
    "root": {"runAsNonRoot": False, "runAsUser": 0},
    "privilege-escalation": {"allowPrivilegeEscalation": True},
    "added-capability": {"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}},
    "kept-capabilities": {"capabilities": {}},
}


def try_pod(tenant: Tenant, manifest: Manifest) -> Answer:
    """Ask for a pod without keeping it."""
    return tenant.api.request("POST", tenant.path("pods"), manifest, query=DRY_RUN)


def prove_accepted(tenant: Tenant, good: Manifest, evidence: EvidenceBook) -> None:
    """Show that a pod without fault is accepted, so that a refusal is for the fault."""
    answer = try_pod(tenant, good)
    evidence.add("ask for a pod without fault (dry run)", answer.status)
    if not answer.ok:
        raise KitError(f"a pod without fault is refused as well, so a refusal means nothing: {answer}")


def prove_refused(tenant: Tenant, what: str, manifest: Manifest, evidence: EvidenceBook) -> None:
    """Show that a pod with one fault is refused."""
    answer = try_pod(tenant, manifest)
    evidence.add(f"the same pod with {what} (dry run)", answer)
    assert answer.refused, f"a pod with {what} is not refused: {answer}"


@requirement("GVC-WKL-01")
@pytest.mark.parametrize("what", HOST_SHARING)
def test_host_sharing_pod_is_refused(tenant_a: Tenant, good_pod: Manifest, what: str, evidence: EvidenceBook) -> None:
    """A pod that shares the host's network, processes, memory or files is refused."""
    prove_accepted(tenant_a, good_pod, evidence)
    prove_refused(tenant_a, what, workloads.with_spec(good_pod, **HOST_SHARING[what]), evidence)


@requirement("GVC-WKL-01")
def test_privileged_pod_is_refused(tenant_a: Tenant, good_pod: Manifest, evidence: EvidenceBook) -> None:
    """A privileged pod is refused."""
    prove_accepted(tenant_a, good_pod, evidence)
    bad = workloads.with_security(good_pod, privileged=True, allowPrivilegeEscalation=True)
    prove_refused(tenant_a, "privileged: true", bad, evidence)


@requirement("GVC-WKL-02")
@pytest.mark.parametrize("what", UNSAFE)
def test_unsafe_container_is_refused(tenant_a: Tenant, good_pod: Manifest, what: str, evidence: EvidenceBook) -> None:
    """A container that runs as root, may gain privileges or keeps capabilities is refused."""
    prove_accepted(tenant_a, good_pod, evidence)
    prove_refused(tenant_a, what, workloads.with_security(good_pod, **UNSAFE[what]), evidence)


@requirement("GVC-NET-11")
def test_host_port_is_refused(tenant_a: Tenant, good_pod: Manifest, evidence: EvidenceBook) -> None:
    """A tenant cannot open a port of a node by its pod."""
    prove_accepted(tenant_a, good_pod, evidence)
    (container,) = good_pod["spec"]["containers"]
    opened = {**container, "ports": [{"containerPort": 8080, "hostPort": 18080}]}
    prove_refused(tenant_a, "a host port", workloads.with_spec(good_pod, containers=[opened]), evidence)


@requirement("GVC-NET-11")
def test_node_port_is_refused(tenant_a: Tenant, run_id: str, family_policy: str, evidence: EvidenceBook) -> None:
    """A tenant cannot open a port of every node by its Service, while a Service inside the cluster is accepted."""
    inside = workloads.service(f"audit-{run_id}-inside", run=run_id, policy=family_policy)
    answer = tenant_a.api.request("POST", tenant_a.path("services"), inside, query=DRY_RUN)
    evidence.add("ask for a Service inside the cluster (dry run)", answer.status)
    if not answer.ok:
        raise KitError(f"a Service inside the cluster is refused as well, so a refusal means nothing: {answer}")
    outside = workloads.with_spec(inside, type="NodePort")
    answer = tenant_a.api.request("POST", tenant_a.path("services"), outside, query=DRY_RUN)
    evidence.add("the same Service with type NodePort (dry run)", answer)
    assert answer.refused, f"a NodePort is not refused: {answer}"


def read_quotas(tenant: Tenant) -> list[Mapping[str, Any]]:
    """Read the quotas of the tenant's namespace."""
    listed: list[Mapping[str, Any]] = tenant.api.must("GET", tenant.path("resourcequotas"))["items"]
    return listed


@requirement("GVC-ISO-08")
@serial("quotas")
def test_quota_holds(tenant_a: Tenant, good_pod: Manifest, evidence: EvidenceBook) -> None:
    """What stays under the tenant's quota is accepted, what goes beyond it is refused for the quota."""
    limits = tenant_a.api.must("GET", tenant_a.path("limitranges"))["items"]
    prove_accepted(tenant_a, good_pod, evidence)
    listed = read_quotas(tenant_a)
    evidence.add("read the quotas", "; ".join(quotas.describe(quota) for quota in listed) or "none")
    room, settled = quotas.tightest(listed), False
    while not settled:
        assert room, "no quota limits CPU or memory in the tenant's namespace"
        answer = try_pod(tenant_a, quotas.beyond(good_pod, room, quotas.container_limit(limits, room.resource)))
        # pods of an earlier run that end just now leave more room than was read: then ask once more
        before, room = room, quotas.tightest(read_quotas(tenant_a))
        settled = not answer.ok or room is None or room.left <= before.left
    evidence.add(
        f"ask for a pod beyond the quota of {before.name} ({before.resource}: {before.left} left; dry run)", answer
    )
    assert answer.status == 403, f"more than the quota is granted: {answer}"
    assert "exceeded quota" in answer.message, f"refused, but not for the quota: {answer}"


@requirement("GVC-IAM-04")
def test_token_is_not_mounted_unasked(tenant_a: Tenant, good_pod: Manifest, evidence: EvidenceBook) -> None:
    """A pod that does not ask for a service account token gets none, or does not run."""
    silent = {key: value for key, value in good_pod["spec"].items() if key != "automountServiceAccountToken"}
    unnamed = {key: value for key, value in silent.items() if key != "serviceAccountName"}
    for said, spec in (("names no account and ", unnamed), ("", silent)):
        answer = try_pod(tenant_a, {**good_pod, "spec": spec})
        if not answer.refused:
            break
        evidence.add(f"ask for a pod that {said}says nothing of tokens (dry run)", answer)
    else:
        prove_accepted(tenant_a, good_pod, evidence)
        return
    if not answer.ok:
        raise KitError(f"a pod without fault is refused: {answer}")
    mounted = [
        v["name"] for v in answer.body["spec"].get("volumes", []) if "serviceAccountToken" in str(v.get("projected"))
    ]
    evidence.add(
        "ask for a pod that says nothing of tokens (dry run)", f"token volumes: {', '.join(mounted) or 'none'}"
    )
    account = answer.body["spec"]["serviceAccountName"]
    assert not mounted, f"the token of the service account {account} is mounted into pods that did not ask for it"
