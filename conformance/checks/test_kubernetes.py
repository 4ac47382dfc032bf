"""Kubernetes itself: still supported by its maker, and shown by an upstream conformance run to behave as it should."""

from __future__ import annotations

import datetime as dt

import pytest

from conformance import kubernetes_results, kubernetes_versions
from conformance.api import Api
from conformance.declared import KubernetesConformance, declared
from conformance.kubernetes_results import Results
from conformance.plugin import EvidenceBook, requirement
from conformance.probes import Tenant
from conformance.target import Target
from core.errors import KitError


@pytest.fixture(scope="session")
def server_version(tenant_a: Tenant) -> str:
    """Return the version that the API server says it is of."""
    return str(tenant_a.api.must("GET", "/version").get("gitVersion", ""))


@pytest.fixture(scope="session")
def kubernetes_conformance(audit_target: Target) -> KubernetesConformance:
    """Return what the target file says of a conformance run."""
    what = "result of a Kubernetes conformance run (kubernetes_conformance)"
    return declared(audit_target.kubernetes_conformance, what)


@pytest.fixture(scope="session")
def results(kubernetes_conformance: KubernetesConformance) -> Results:
    """Return the results of the conformance run that the operator hands in."""
    return kubernetes_results.read(kubernetes_conformance.results)


@requirement("GVC-SUP-05")
def test_api_server_is_supported(server_version: str, evidence: EvidenceBook) -> None:
    """The API server's version of Kubernetes is still supported by its maker."""
    good, why = kubernetes_versions.supported(server_version, dt.datetime.now(dt.UTC).date())
    evidence.add("GET /version", f"{server_version}; support {why}")
    assert good, f"Kubernetes {server_version} is not supported any more: {why}"


@requirement("GVC-SUP-05")
def test_nodes_are_supported(reader: Api, evidence: EvidenceBook) -> None:
    """The kubelet of every node is of a version that is still supported by its maker."""
    nodes = reader.must("GET", "/api/v1/nodes")["items"]
    if not nodes:
        raise KitError("the reader of the platform sees no node")
    today, old = dt.datetime.now(dt.UTC).date(), []
    for version in sorted({str(node["status"]["nodeInfo"]["kubeletVersion"]) for node in nodes}):
        names = [it["metadata"]["name"] for it in nodes if it["status"]["nodeInfo"]["kubeletVersion"] == version]
        good, why = kubernetes_versions.supported(version, today)
        evidence.add(f"read the kubelets' version of {', '.join(names)}", f"{version}; support {why}")
        old += [] if good else [f"{version} on {', '.join(names)}"]
    assert not old, f"kubelets that are not supported any more: {'; '.join(old)}"


@requirement("GVC-CAP-02")
def test_conformance_run_is_whole(results: Results, evidence: EvidenceBook) -> None:
    """The upstream conformance run came to its end, and its log and report agree."""
    evidence.add("read the results of the run", f"began {results.began}; {results.ran} tests ran")
    assert not results.unfinished, f"the conformance run is not whole: {results.unfinished}"


@requirement("GVC-CAP-02")
def test_conformance_run_is_of_this_version(results: Results, server_version: str, evidence: EvidenceBook) -> None:
    """The upstream conformance run was made against the minor version that this cluster has now."""
    now = kubernetes_versions.minor(server_version)
    tests = kubernetes_versions.known().get(now)
    evidence.add("GET /version", server_version)
    evidence.add("read the version in the results", results.server or f"none; {results.ran} tests ran")
    if results.server:
        assert kubernetes_versions.minor(results.server) == now, (
            f"the conformance run is of {results.server}, and the cluster is {server_version}"
        )
    elif tests is None or not tests.tests:
        raise KitError(f"the results name no version, and the kit does not know the number of tests of {now}")
    else:
        assert results.ran == tests.tests, (
            f"the results name no version, and {results.ran} tests ran, where {now} has {tests.tests}"
        )


@requirement("GVC-CAP-02")
def test_conformance_run_is_unfiltered(results: Results, server_version: str, evidence: EvidenceBook) -> None:
    """Every conformance test of this version was run: none was left out."""
    tests = kubernetes_versions.known().get(kubernetes_versions.minor(server_version))
    least = tests.tests if tests else 0
    evidence.add("read the filters of the run", results.filtered or f"only {kubernetes_results.FOCUS}")
    evidence.add(
        "count the conformance tests", f"{results.ran} ran; {server_version} has {least or 'an unknown number'}"
    )
    assert not results.filtered, f"the conformance run was limited: {results.filtered}"
    assert results.ran >= least, f"{results.ran} conformance tests ran, and {server_version} has {least}"
    if not least:
        raise KitError(f"the kit does not know how many conformance tests {server_version} has")


@requirement("GVC-CAP-02")
def test_no_conformance_test_failed(results: Results, evidence: EvidenceBook) -> None:
    """No test of the upstream conformance run failed."""
    failed = sorted(results.failed)
    evidence.add("count the tests", f"{len(results.passed)} conformance tests passed; {len(failed)} failed")
    assert not failed, f"{len(failed)} failed, the first: {failed[0]}"
    assert results.passed, "no conformance test passed"
