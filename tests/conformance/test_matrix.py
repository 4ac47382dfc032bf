"""The matrix of faults: a good cloud passes every check, and under a fault exactly its checks fail.

``GOVCLOUD_MATRIX`` says how: ``groups`` (where nothing is said) switches faults on together whose checks have nothing
in common; ``twice`` does so in two arrangements in which no two faults meet again; ``alone`` takes hours, one by one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance import tenants
from conformance.results import Run, Subject, Verdict
from conformance.run import audit
from conformance.target import PROBE_IMAGE
from conformance.workloads import RUN, allow_ingress
from core.errors import KitError
from core.paths import REPOSITORY
from testbed.faults import switching
from testbed.faults.cloud import Cloud
from testbed.faults.registry import FAULTS
from tests.conformance import matrix
from tests.waiting import eventually

SUBJECT = Subject(cloud="Đám mây thử nghiệm", operator="Government Cloud Kit", kind="EGC", level=3)
SWITCHING = """
import sys
from testbed import hosts
from testbed.faults import switching
from testbed.faults.cloud import Cloud
switching.switch_on(Cloud.of(hosts.applied(sys.argv[1])), [sys.argv[2]])
"""
MATRIX = matrix.read()
WAYS = {
    "groups": matrix.arrangements(MATRIX, 1),
    "twice": matrix.arrangements(MATRIX, 2),
    "alone": [[[fault] for fault in MATRIX.faults]],
}
CHOSEN = WAYS[os.environ.get("GOVCLOUD_MATRIX", "groups")]
GROUPS = [(turn, group) for turn, groups in enumerate(CHOSEN) for group in groups]


@dataclass(frozen=True)
class Audited:
    """A cloud that is audited and broken."""

    target: Path
    cloud: Cloud

    def audit(self, out: Path) -> Run:
        return audit(self.target, out)


@pytest.fixture(scope="module")
def audited(egc: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """Return the tests' enterprise cloud, with two tenants prepared for an audit."""
    cloud = Cloud.of(egc.topology)
    kubeconfig = egc.kubeconfig(cloud.cluster)
    services = cloud.state.services if cloud.state.services.is_file() else None
    target = tenants.prepare(kubeconfig, tmp_path_factory.mktemp("audit"), SUBJECT, PROBE_IMAGE, services)
    yield Audited(target, cloud)
    switching.switch_all_off(cloud)
    tenants.clean(kubeconfig)


def by_verdict(run: Run, verdict: Verdict) -> dict[str, str]:
    return {result.name: result.reason for result in run.results if result.verdict is verdict}


@pytest.mark.cluster
def test_a_good_cloud_passes_every_check(audited: Audited, tmp_path: Path) -> None:
    """Nothing fails, stays undecided or is missing; passes have evidence; reports hold no credential.

    Nothing is left in the tenants' namespaces, neither of this run nor of one that broke.
    """
    tenant_a = audited.cloud.tenants["a"]
    policies = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
    audited.cloud.api.create(policies.format(tenant_a), allow_ingress("broken", namespace=tenant_a))
    run = audited.audit(tmp_path)
    bad = {verdict: by_verdict(run, verdict) for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.MISSING)}
    assert bad == {Verdict.FAIL: {}, Verdict.ERROR: {}, Verdict.MISSING: {}}
    assert all(result.evidence for result in run.results if result.verdict is Verdict.PASS)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert json.loads(written["results.json"])["counts"]["PASS"] == len(by_verdict(run, Verdict.PASS)) > 0
    assert "Đám mây thử nghiệm" in written["report.html"]
    assert not [name for name, text in written.items() if "eyJ" in text]
    for namespace in audited.cloud.tenants.values():
        for path in (f"/api/v1/namespaces/{namespace}/services", policies.format(namespace)):
            assert (audited.cloud.api.get(f"{path}?labelSelector={RUN}") or {})["items"] == []


@pytest.mark.cluster
def test_a_namespace_of_somebody_else_is_left_alone(audited: Audited, egc: Any, tmp_path: Path) -> None:
    """Neither prepare nor clean touches a namespace that has the right name and is not the audit's."""
    kubeconfig = egc.kubeconfig(audited.cloud.cluster)
    namespace, label = f"/api/v1/namespaces/{audited.cloud.tenants['a']}", "app.kubernetes.io/managed-by"
    audited.cloud.api.patch(namespace, {"metadata": {"labels": {label: "somebody"}}})
    try:
        with pytest.raises(KitError, match="belongs to something else"):
            tenants.prepare(kubeconfig, tmp_path, SUBJECT, PROBE_IMAGE)
        with pytest.raises(KitError, match="belongs to something else"):
            tenants.clean(kubeconfig)
    finally:
        audited.cloud.api.patch(namespace, {"metadata": {"labels": {label: "govcloud-audit"}}})


@pytest.mark.cluster
def test_a_fault_ends_after_its_process_was_killed(audited: Audited, egc: Any) -> None:
    """What a killed process had switched on half way ends when the testbed is brought up again."""
    name, port = "kubelets-read-only-port", "curl -s -o /dev/null http://127.0.0.1:10255/healthz"
    record = audited.cloud.record_of(name).path
    with subprocess.Popen(
        [sys.executable, "-c", SWITCHING, egc.topology.name, name], cwd=REPOSITORY, start_new_session=True
    ) as process:
        eventually(
            lambda: process.poll() is not None or egc.ssh(audited.cloud.control_plane, port).returncode == 0,
            "the port is open",
            120,
        )
        assert record.exists()
        process.kill()
    eventually(lambda: not _at_work(process.pid), "what it had begun on a host has ended")
    assert switching.heal(egc.topology) == [name]
    assert switching.active(audited.cloud) == []
    assert all(egc.ssh(host, port).returncode == 7 for host in audited.cloud.hosts)


def _at_work(group: int) -> bool:
    """Whether a process of a group runs."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, _, its_group = file.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


@pytest.mark.matrix
@pytest.mark.parametrize(("turn", "group"), GROUPS, ids=[f"{turn}-{'+'.join(group)}" for turn, group in GROUPS])
def test_exactly_the_checks_of_a_fault_fail(audited: Audited, tmp_path: Path, turn: int, group: Sequence[str]) -> None:
    """Under faults their checks fail by name, what they keep from being decided says so, and all others pass."""
    try:
        switching.switch_on(audited.cloud, group)
        run = audited.audit(tmp_path)
    finally:
        switching.switch_all_off(audited.cloud)
    names = {result.name for result in run.results}
    failing = matrix.named([p for fault in group for p in MATRIX.faults[fault]], names)
    undecided = matrix.named([p for fault in group for p in MATRIX.undecided.get(fault, ())], names)
    wrong = []
    for verdict, expected in ((Verdict.FAIL, failing), (Verdict.ERROR, undecided), (Verdict.MISSING, set[str]())):
        found = by_verdict(run, verdict)
        wrong += [f"{verdict}, and should not: {name}: {found[name]}" for name in sorted(found.keys() - expected)]
        wrong += [f"not {verdict}, and should: {name}" for name in sorted(expected - found.keys())]
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def checks(target_file: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every check that an enterprise cloud at level 3 is asked."""
    return {result.name for result in audit(target_file, tmp_path_factory.mktemp("dry"), dry_run=True).results}


def test_every_fault_has_its_line_and_every_line_its_fault() -> None:
    """The matrix names the faults that there are."""
    assert set(MATRIX.faults) == set(FAULTS)
    assert set(MATRIX.undecided) <= set(FAULTS)
    assert {fault for group in MATRIX.apart for fault in group} <= set(FAULTS)


def test_every_check_has_a_fault_or_a_reason(checks: set[str]) -> None:
    """A check that no fault fails could pass whatever the cloud does; a reason that is no longer needed goes."""
    patterns = [pattern for patterns in MATRIX.faults.values() for pattern in patterns]
    assert checks - matrix.named(patterns, checks) == set(MATRIX.unbroken)


def test_every_pattern_names_a_check(checks: set[str]) -> None:
    """No line of the matrix is left over from a check that is gone."""
    assert {p for fault in FAULTS for p in MATRIX.touched(fault) if not matrix.named([p], checks)} == set()


def test_there_are_faults_enough() -> None:
    """An auditor is tried in forty ways and more."""
    assert len(FAULTS) >= 40


def test_arrangements_keep_apart_what_could_hide_one_another() -> None:
    """Each has every fault once, no group has two faults with a check in common, and no two faults meet twice."""
    met: set[frozenset[str]] = set()
    for groups in matrix.arrangements(MATRIX, 2):
        assert sorted(fault for group in groups for fault in group) == sorted(MATRIX.faults)
        for group in groups:
            pairs = [frozenset((one, other)) for one in group for other in group if one < other]
            assert not [pair for pair in pairs if MATRIX.collide(*pair)]
            assert not met & set(pairs)
            met |= set(pairs)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b[ipv6]", True),
        ("a.*[ipv4]", "a.*[ipv6]", False),
        ("a.*[ipv6]", "a.b*", True),
        ("a.b*", "a.c*", False),
        ("a.b[pods]", "a.b[services]", False),
    ],
)
def test_overlapping_patterns_are_seen(one: str, other: str, *, expected: bool) -> None:
    """Two patterns that could name the same check are taken for such."""
    assert matrix.overlap(one, other) is expected
    assert matrix.overlap(other, one) is expected
