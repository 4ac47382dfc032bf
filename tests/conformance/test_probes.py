"""What the audit puts into a cloud, and the ways between its pods."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from conformance import network, workloads
from conformance.api import Api
from conformance.probes import Family, Probe, Tenant
from core.errors import KitError


def probe(role: str, node: str, *addresses: str) -> Probe:
    tenant = Tenant("a", cast(Api, None), ("ns",))  # no request is made
    return Probe(tenant, role, f"audit-run-{role}", node, addresses, ())


def test_ways_cover_both_protocols_and_both_places() -> None:
    """In one family: TCP and UDP, to the server on the same node and to the one on another."""
    client = probe("client", "n1", "10.0.0.1", "fd00::1")
    servers = [probe("server-1", "n1", "10.0.0.2", "fd00::2"), probe("server-2", "n2", "10.0.0.3", "fd00::3")]
    assert [str(path) for path in network.server_paths(client, servers, Family.IPV6)] == [
        "tcp client → server-1 [fd00::2], same node",
        "udp client → server-1 [fd00::2], same node",
        "tcp client → server-2 [fd00::3], other node",
        "udp client → server-2 [fd00::3], other node",
    ]


def test_a_pod_without_the_family_shows_nothing() -> None:
    """Where a server has no address of a family, nothing can be said of that family."""
    client = probe("client", "n1", "10.0.0.1")
    with pytest.raises(KitError, match="server-1 has no IPv6 address"):
        network.server_paths(client, [probe("server-1", "n1", "10.0.0.2")], Family.IPV6)


def test_probe_pods_meet_the_strictest_pod_security() -> None:
    """No token, no root, no capability, no writable root file system, a limit on everything."""
    for manifest in (workloads.server("s", "image", run="r"), workloads.client("c", "image", run="r")):
        spec = manifest["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}


def test_every_object_of_a_run_is_labelled() -> None:
    """By the run's label everything is found and removed."""
    objects = [
        workloads.server("s", "image", run="r"),
        workloads.client("c", "image", run="r"),
        workloads.service("v", run="r", policy="RequireDualStack"),
        workloads.allow_ingress("r", namespace="ns"),
        workloads.allow_egress("r", namespace="ns"),
    ]
    assert {manifest["metadata"]["labels"][workloads.RUN] for manifest in objects} == {"r"}


def test_a_fault_changes_one_thing_in_a_copy() -> None:
    """A bad pod differs from the good one in what is named, and the good one stays as it is."""
    good = workloads.pod("p", "image", run="r", role="sample")
    bad = workloads.with_security(workloads.with_spec(good, hostNetwork=True), privileged=True)
    assert bad["spec"]["hostNetwork"] is True
    assert bad["spec"]["containers"][0]["securityContext"]["privileged"] is True
    assert "hostNetwork" not in good["spec"]
    assert "privileged" not in good["spec"]["containers"][0]["securityContext"]


def test_a_kubeconfig_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """A context that names no cluster is refused with the file's name."""
    path = tmp_path / "kubeconfig"
    path.write_text("apiVersion: v1\nkind: Config\ncontexts: [{name: x, context: {}}]\ncurrent-context: x\n")
    with pytest.raises(KitError, match="not a usable kubeconfig"):
        Api(path)
