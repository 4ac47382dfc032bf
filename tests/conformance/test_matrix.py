"""The matrix of faults: a good cloud passes every check, and under a fault exactly its checks fail.

``GOVCLOUD_MATRIX`` says how: ``groups`` (where nothing is said) switches faults on together whose checks have nothing
in common; ``twice`` does so in two arrangements in which no two faults meet again; ``alone`` takes hours, one by one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance import tenants
from conformance.results import Run, Subject, Verdict
from conformance.run import audit
from conformance.target import PROBE_IMAGE
from testbed.faults import switching
from testbed.faults.cloud import Cloud
from testbed.faults.registry import FAULTS
from tests.conformance import matrix

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
    subject = Subject(cloud="Đám mây thử nghiệm", operator="Government Cloud Kit", kind="EGC", level=3)
    services = cloud.state.services if cloud.state.services.is_file() else None
    target = tenants.prepare(kubeconfig, tmp_path_factory.mktemp("audit"), subject, PROBE_IMAGE, services)
    yield Audited(target, cloud)
    switching.switch_all_off(cloud)
    tenants.clean(kubeconfig)


def by_verdict(run: Run, verdict: Verdict) -> dict[str, str]:
    return {result.name: result.reason for result in run.results if result.verdict is verdict}


@pytest.mark.cluster
def test_a_good_cloud_passes_every_check(audited: Audited, tmp_path: Path) -> None:
    """Nothing fails, stays undecided or is missing on a cloud as it was made, and every pass has evidence."""
    run = audited.audit(tmp_path)
    bad = {verdict: by_verdict(run, verdict) for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.MISSING)}
    assert bad == {Verdict.FAIL: {}, Verdict.ERROR: {}, Verdict.MISSING: {}}
    assert all(result.evidence for result in run.results if result.verdict is Verdict.PASS)


@pytest.mark.cluster
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
    found = {verdict: by_verdict(run, verdict) for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.MISSING)}
    assert {verdict: set(of) for verdict, of in found.items()} == {
        Verdict.FAIL: failing,
        Verdict.ERROR: undecided,
        Verdict.MISSING: set(),
    }, found


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
