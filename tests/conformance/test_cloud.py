"""The audit of a real cloud: all passes as it was made, and under a fault exactly what the fault touches fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance import tenants
from conformance.api import Api
from conformance.results import Run, Subject, Verdict
from conformance.run import FOLDER, audit
from conformance.target import PROBE_IMAGE
from conformance.workloads import RUN, allow_ingress
from core.errors import KitError
from tests.conformance import faults

pytestmark = pytest.mark.cluster

HOST_SHARING = {
    f"guards.host_sharing_pod_is_refused[{what}]" for what in ("hostNetwork", "hostPID", "hostIPC", "hostPath")
}
UNSAFE = {
    f"guards.unsafe_container_is_refused[{what}]"
    for what in ("root", "privilege-escalation", "added-capability", "kept-capabilities")
}
ADMISSION = {
    f"rights.tenant_cannot_change_admission[{what}]"
    for what in (
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
    )
}
RAISE = {f"rights.tenant_cannot_raise_itself[{what}]" for what in ("role", "rolebinding", "clusterrolebinding")}


@dataclass(frozen=True)
class Cloud:
    """A cloud that can be audited and broken."""

    target: Path
    admin: Api
    testbed: Any

    def audit(self, out: Path, *checks: str) -> Run:
        return audit(self.target, out, checks=[FOLDER / "checks" / f"test_{name}.py" for name in checks] or None)

    @property
    def hosts(self) -> list[str]:
        return [host.name for host in self.testbed.topology.clusters[0].hosts]

    @property
    def control_plane(self) -> str:
        return next(h.name for h in self.testbed.topology.clusters[0].hosts if h.role == "control-plane")


@pytest.fixture(scope="module")
def cloud(testbed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Return the tests' testbed, with two tenants prepared for an audit."""
    kubeconfig = testbed.kubeconfig()
    subject = Subject(cloud="Đám mây thử nghiệm", operator="Government Cloud Kit", kind="CGC", level=3)
    target = tenants.prepare(kubeconfig, tmp_path_factory.mktemp("audit"), subject, PROBE_IMAGE)
    yield Cloud(target, Api(kubeconfig), testbed)
    tenants.clean(kubeconfig)


def named(run: Run, verdict: Verdict) -> set[str]:
    return {result.name for result in run.results if result.verdict is verdict}


def assert_exactly_fails(run: Run, expected: set[str]) -> None:
    """Expect these checks to fail, and every other one to be decided as on a good cloud."""
    assert named(run, Verdict.FAIL) == expected
    assert not named(run, Verdict.ERROR) | named(run, Verdict.MISSING)
    assert run.exit_code == 1


def test_a_cloud_as_made_passes_every_check(cloud: Cloud, tmp_path: Path) -> None:
    """Every check passes with evidence, the reports are there, and nothing of this run or a broken one is left."""
    tenant_a = tenants.TENANTS["a"]
    left = allow_ingress("broken", namespace=tenant_a)
    cloud.admin.create(f"/apis/networking.k8s.io/v1/namespaces/{tenant_a}/networkpolicies", left)
    run = cloud.audit(tmp_path)
    decided = [r for r in run.results if not r.reason.startswith("the target file declares no ")]
    assert {r.name: r.reason for r in decided if r.verdict is not Verdict.PASS} == {}
    assert {r.verdict for r in run.results if r not in decided} <= {Verdict.MANUAL}
    assert run.exit_code == 0
    assert len({id_ for result in run.results for id_ in result.requirements}) >= 8
    assert all(result.evidence for result in decided)
    assert json.loads((tmp_path / "results.json").read_text())["counts"]["PASS"] == len(decided)
    assert (tmp_path / "junit.xml").stat().st_size > 0
    assert "Đám mây thử nghiệm" in (tmp_path / "report.html").read_text()
    for namespace in tenants.TENANTS.values():
        for path in (
            f"/api/v1/namespaces/{namespace}/services",
            f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
        ):
            assert cloud.admin.must("GET", path, query={"labelSelector": RUN})["items"] == []


def test_a_namespace_of_somebody_else_is_left_alone(cloud: Cloud, tmp_path: Path) -> None:
    """Neither prepare nor clean touches a namespace that has the right name and is not the audit's."""
    kubeconfig = cloud.testbed.kubeconfig()
    subject = Subject(cloud="c", operator="o", kind="CGC", level=3)
    with faults.foreign_namespace(cloud.admin):
        with pytest.raises(KitError, match="belongs to something else"):
            tenants.prepare(kubeconfig, tmp_path, subject, PROBE_IMAGE)
        with pytest.raises(KitError, match="belongs to something else"):
            tenants.clean(kubeconfig)


def test_no_credential_is_in_a_report(cloud: Cloud, tmp_path: Path) -> None:
    """The tokens that the audit used are in none of its reports."""
    cloud.audit(tmp_path, "access", "guards", "rights")
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "eyJ" not in written


def test_the_policy_agent_off_for_ipv6_alone_fails_the_ipv6_denies(cloud: Cloud, tmp_path: Path) -> None:
    """With policies enforced in IPv4 alone, every deny in IPv6 fails, and none in IPv4."""
    with faults.policy_agent_for_ipv4_alone(cloud.testbed.ssh, cloud.hosts):
        run = cloud.audit(tmp_path)
    assert_exactly_fails(
        run,
        {
            "isolation.default_deny_ingress[ipv6]",
            "isolation.default_deny_egress[ipv6]",
            "isolation.tenants_are_apart[ipv6]",
        },
    )
    assert {line.id for line in run.requirements if line.verdict is Verdict.FAIL} == {
        "GVC-NET-01",
        "GVC-ISO-01",
        "GVC-IP6-04",
    }


def test_no_ipv6_range_of_services_fails_the_dual_stack_services(cloud: Cloud, tmp_path: Path) -> None:
    """With one range of Services left, what asks for IPv6 Services fails; pods and policies are as good as before."""
    with faults.no_ipv6_services(cloud.testbed.ssh, cloud.control_plane, cloud.admin):
        run = cloud.audit(tmp_path)
    assert_exactly_fails(
        run,
        {
            "dual_stack.service_holds_both_families",
            "dual_stack.service_may_require_both_families",
            "dual_stack.service_answers[ipv6]",
            "dual_stack.name_is_found[ipv6]",
        },
    )


def test_open_doors_of_the_platform_are_found(cloud: Cloud, tmp_path: Path) -> None:
    """An API server that takes TLS 1.0 and nameless callers, and kubelets that serve anybody, fail their checks."""
    ssh = cloud.testbed.ssh
    with (
        faults.open_kubelets(ssh, cloud.hosts),
        faults.open_api_server(ssh, cloud.control_plane, cloud.admin),
    ):
        run = cloud.audit(tmp_path, "access")
    assert_exactly_fails(
        run,
        {
            "access.anonymous_is_refused",
            "access.kubelet_refuses_anonymous",
            "access.old_tls_is_refused[tls1.0]",
            "access.old_tls_is_refused[tls1.1]",
        },
    )


def test_no_default_deny_fails_ingress_in_both_families(cloud: Cloud, tmp_path: Path) -> None:
    """Without the default policy, pods are open to their neighbours; another policy still governs what leaves them."""
    with faults.no_default_deny(cloud.admin):
        run = cloud.audit(tmp_path, "isolation")
    assert_exactly_fails(run, {f"isolation.default_deny_ingress[{family}]" for family in ("ipv4", "ipv6")})


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            faults.no_pod_security,
            {*HOST_SHARING, *UNSAFE, "guards.privileged_pod_is_refused", "guards.host_port_is_refused"},
        ),
        (
            faults.no_quota,
            {
                "guards.quota_holds",
                "rights.tenant_cannot_change_limits[resourcequotas]",
                "guards.node_port_is_refused",
            },
        ),
        (faults.token_for_every_pod, {"guards.token_is_not_mounted_unasked"}),
        (faults.default_account_may_read, {"rights.default_account_holds_no_rights"}),
        (
            faults.foreign_tenant_may_read,
            {f"access.tenants_cannot_touch_each_other[{what}]" for what in ("pods", "configmaps", "services")},
        ),
        (
            faults.tenant_is_administrator,
            {
                *ADMISSION,
                *RAISE,
                *(f"rights.tenant_cannot_change_limits[{what}]" for what in ("resourcequotas", "limitranges")),
                "rights.tenant_cannot_remove_default_deny",
                "rights.tenant_cannot_weaken_its_namespace",
                "rights.tenant_holds_no_wildcard",
                *(
                    f"access.tenants_cannot_touch_each_other[{what}]"
                    for what in ("pods", "secrets", "configmaps", "services", "pods/exec")
                ),
            },
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_guard_that_is_missing_fails_its_checks(
    cloud: Cloud, tmp_path: Path, fault: Callable[[Api], Any], expected: set[str]
) -> None:
    """Each guard that is taken away is found by name, and nothing else is blamed."""
    with fault(cloud.admin):
        run = cloud.audit(tmp_path, "access", "guards", "rights")
    assert_exactly_fails(run, expected)
