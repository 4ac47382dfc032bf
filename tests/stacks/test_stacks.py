"""What the stacks promise, on a real cluster, with the policy pack in force."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from core.errors import KitError
from govcloud.proof import Evidence, prove
from modules import guards, labels
from modules.agency import Agency
from modules.spaces import workload
from modules.workloads import POD_PORT
from tests.stacks.clouds import PACK, SERVICE, Clouds, copy_project
from tests.waiting import eventually
from toolchain import automation, pulumi

pytestmark = pytest.mark.cluster

PLACE = f"cgc-{SERVICE}"
VIOLATIONS = {
    "GVC-IP6-03": (
        f"""
Service("single", metadata={{"name": "single", "namespace": "{PLACE}"}},
        spec={{"ports": [{{"port": 80}}], "ipFamilyPolicy": "SingleStack"}})
""",
        "set spec.ipFamilyPolicy to RequireDualStack",
    ),
    "GVC-WKL-02": (
        f"""
Pod("root", metadata={{"name": "root", "namespace": "{PLACE}"}},
    spec={{"containers": [{{"name": "shell", "image": "example/shell:1"}}]}})
""",
        "set securityContext.runAsNonRoot to true",
    ),
    "GVC-NET-01": (
        """
Namespace("open", metadata={"name": "test-open"})
""",
        "add that NetworkPolicy to the namespace",
    ),
}


def test_contract_has_both_families(clouds: Clouds) -> None:
    """The central stack promises its service with an address of each family."""
    service = clouds.contract.service(SERVICE)
    assert (service.ipv4.version, service.ipv6.version) == (4, 6)


@pytest.mark.parametrize("requirement", VIOLATIONS)
def test_violating_change_is_refused(clouds: Clouds, tmp_path: Path, requirement: str) -> None:
    """A change that breaks a rule is refused before anything is made, with the requirement and the way to mend it."""
    program, mend = VIOLATIONS[requirement]
    folder = copy_project(
        "cgc", tmp_path / "cgc", more="\nfrom pulumi_kubernetes.core.v1 import Namespace, Pod, Service\n" + program
    )
    settings = clouds.folder / "cgc" / "Pulumi.test.yaml"
    (folder / settings.name).write_text(settings.read_text())
    with pytest.raises(KitError) as caught:
        automation.up(folder, "test", {}, clouds.variables, PACK)
    assert requirement in str(caught.value)
    assert mend in str(caught.value)
    core = clouds.api(client.CoreV1Api)
    assert "test-open" not in {item.metadata.name for item in core.list_namespace().items}
    assert {it.metadata.name for it in core.list_namespaced_service(PLACE).items} == {SERVICE}
    assert "root" not in {it.metadata.name for it in core.list_namespaced_pod(PLACE).items}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("level: 2\nparent", "level: 7\nparent", "level: '7' cannot be used; allowed: 1, 2, 3, 4 or 5"),
        (f"[{SERVICE}]", "[nothing]", f"no service 'nothing'; it offers: {SERVICE}"),
        ("short: test-ha-long", "short: other", "is the file of other-06688-250701"),
    ],
)
def test_wrong_agency_file_is_refused(clouds: Clouds, tmp_path: Path, old: str, new: str, said: str) -> None:
    """A mistake in an agency's file is told in plain words; the next test shows that its cloud stayed as it is."""
    agency = clouds.agencies[1]
    text = clouds.files[agency.slug].read_text(encoding="utf-8")
    assert old in text
    wrong = tmp_path / "agency.yaml"
    wrong.write_text(text.replace(old, new, 1), encoding="utf-8")
    settings = {"agency": str(wrong), "cgc-stack": "organization/cgc/test"}
    folder = copy_project("agc", tmp_path / "agc")
    with pytest.raises(KitError) as caught:
        automation.up(folder, agency.slug, settings, clouds.variables, PACK)
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_second_up_changes_nothing(clouds: Clouds) -> None:
    """Applying the same stacks again finds nothing to do, the refused changes before it included."""
    for project, stack in clouds.stacks:
        again = clouds.up(project, stack)
        assert again.changed == 0, (stack, again.changes)


def test_distribution_on_path_finds_nothing_to_do(
    clouds: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the choice 'system', the engine on PATH runs the stacks with its own plugins, and sees them as they are."""
    home = tmp_path / "distribution"
    shutil.copytree(clouds.folder / "state" / "pulumi" / "engine", home, symlinks=True)
    monkeypatch.setenv("PULUMI_HOME", str(home))
    monkeypatch.setenv("PATH", f"{home}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(pulumi.ENGINE_CHOICE, "system")
    variables = pulumi.environment(clouds.folder / "state", clouds.kubeconfig)
    assert not {"PATH", "PULUMI_HOME"} & variables.keys()
    for project, stack in clouds.stacks[:2]:
        assert automation.preview(clouds.folder / project, stack, {}, variables, PACK).changed == 0


def test_service_answers_and_other_agency_does_not(clouds: Clouds) -> None:
    """Each agency's workload gets the central service's answer, and none from the other agency, in both families."""
    evidence = prove(clouds.kubeconfig, clouds.contract, clouds.agencies)
    assert all(it.passed for it in evidence), [it for it in evidence if not it.passed]
    for family in ("IPv4", "IPv6"):
        assert [it.expected for it in evidence if it.family == family] == ["answer"] * 2 + ["no answer"] * 2


def test_deny_follows_an_allow(clouds: Clouds) -> None:
    """The same call between two agencies gets through while both doors are open, and fails once they are shut."""
    caller, target = clouds.agencies
    api = clouds.api(client.NetworkingV1Api)
    doors = list(_doors(caller, target))
    for door in doors:
        api.create_namespaced_network_policy(door["metadata"]["namespace"], door)
    try:
        _wait_for(clouds, passed=False)
    finally:
        for door in doors:
            api.delete_namespaced_network_policy(door["metadata"]["name"], door["metadata"]["namespace"])
    _wait_for(clouds, passed=True)


def test_pod_cannot_be_unrestricted(clouds: Clouds) -> None:
    """The API server itself refuses a pod in an agency's namespace that is not 'restricted'."""
    agency = clouds.agencies[0]
    pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "example/x:1"}]}}
    with pytest.raises(client.ApiException, match="violates PodSecurity"):
        clouds.api(client.CoreV1Api).create_namespaced_pod(agency.namespace(agency.systems[0]), pod)


def test_copies_stand_on_different_nodes(clouds: Clouds) -> None:
    """The two copies of a shared service survive the loss of a node."""
    pods = clouds.api(client.CoreV1Api).list_namespaced_pod(PLACE).items
    assert len({pod.spec.node_name for pod in pods}) == len(pods) == 2


def test_destroy_leaves_nothing(clouds: Clouds) -> None:
    """Destroying the stacks, agencies first, leaves no namespace of theirs behind."""
    assert clouds.namespaces()
    for project, stack in reversed(clouds.stacks):
        automation.destroy(clouds.folder / project, stack, clouds.variables)
    assert clouds.namespaces() == set()


def _doors(caller: Agency, target: Agency) -> list[dict[str, Any]]:
    """Open the way from the first system of one agency to the first of another, on both sides."""
    source, server = workload(caller, caller.systems[0]), workload(target, target.systems[0])
    to = guards.pods_of(server.namespace, server.selector)
    return [
        guards.allow_to(source.namespace, "test-out", source.selector, to, POD_PORT),
        guards.allow_from(server.namespace, "test-in", server.selector, {labels.AGENCY: caller.slug}, POD_PORT),
    ]


def _wait_for(clouds: Clouds, *, passed: bool) -> None:
    """Ask again until the calls from the first agency to the second are shut (``passed``) or open in both families."""

    def met() -> bool:
        evidence = [it for it in prove(clouds.kubeconfig, clouds.contract, clouds.agencies) if _crosses(it, clouds)]
        return len(evidence) == 2 and all(it.passed is passed for it in evidence)

    eventually(met, f"the calls are {'shut' if passed else 'open'} in both families", 180)


def _crosses(evidence: Evidence, clouds: Clouds) -> bool:
    caller = clouds.agencies[0]
    return evidence.expected == "no answer" and evidence.caller == caller.namespace(caller.systems[0])
