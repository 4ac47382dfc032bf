"""A commercial cloud taken into use by its stack, through the real engine: refused at the preview, or in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config

from core.errors import KitError
from modules.certificate import Certificate
from tests.modules.test_certificate import CLOUD, CONTENT, DAY, ON, Desk
from tests.signers import AUDITOR, Authority, make
from tests.stacks.clouds import PACK, copy_project
from toolchain import automation
from toolchain.pulumi import environment

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = pytest.mark.cluster

NAMESPACE = "egc-shared"
AGENCY = f"""\
code: "98"
effective: 2025-07-01
kind: province
short: test-egc
name: {{vi: Tỉnh thử nghiệm, en: Province of the tests}}
contacts:
  owner: {{email: owner@egc.example.gov.vn}}
  operator: {{email: operator@egc.example.gov.vn}}
  security: {{email: security@egc.example.gov.vn}}
placement: {{cluster: egc, egc: {CLOUD}, kubeconfig: egc.kubeconfig, certificate: c.json}}
systems:
  - name: notices
    title: {{vi: Thông báo}}
    level: LEVEL
    reason: The cloud is tried at this level.
    data: public
"""
SLUG = "test-egc-98-250701"


@dataclass
class Stack:
    """The stack of a commercial cloud, its auditor's desk, and the cluster."""

    folder: Path
    desk: Desk
    kubeconfig: Path
    variables: dict[str, str]

    @property
    def trust(self) -> dict[str, str]:
        """The keys that say whom to believe."""
        return {
            "certificate-authority": str(self.desk.authority.file),
            "certificate-signer": AUDITOR,
            "certificate-revocations": str(self.desk.folder / "revocations.json"),
        }

    def up(self, **changes: str) -> automation.Summary:
        """Apply the stack with the policy pack in force."""
        given = {"cloud": CLOUD, "level": "2", "location": "VN-CT", "certificate": str(self.desk.folder / "c.json")}
        return automation.up(self.folder / "egc", "test", {**given, **self.trust, **changes}, self.variables, PACK)

    def up_agency(self, level: int) -> automation.Summary:
        """Apply the stack of an agency on that cloud."""
        file = self.desk.folder / "agency.yaml"
        file.write_text(AGENCY.replace("LEVEL", str(level)), encoding="utf-8")
        given = {"agency": str(file), "egc-stack": "organization/egc/test", **self.trust}
        return automation.up(self.folder / "agc", SLUG, given, self.variables, PACK)

    def namespaces(self) -> set[str]:
        """Return the names of the namespaces on the cluster."""
        api = client.CoreV1Api(config.new_client_from_config(str(self.kubeconfig)))
        return {it.metadata.name for it in api.list_namespace().items}


@pytest.fixture(scope="module")
def stack(testbed: Testbed, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Lay out the stack and an agency's, and take both down at the end."""
    folder = tmp_path_factory.mktemp("enterprise")
    for project in ("egc", "agc"):
        copy_project(project, folder / project)
    kubeconfig = testbed.kubeconfig(testbed.topology.clusters[0].name)
    desk = Desk(folder, authority)
    (folder / "egc.kubeconfig").write_bytes(kubeconfig.read_bytes())
    made = Stack(folder, desk, kubeconfig, dict(environment(folder / "state", kubeconfig)))
    try:
        yield made
    finally:
        automation.destroy(folder / "agc", SLUG, made.variables)
        automation.destroy(folder / "egc", "test", made.variables)


@pytest.fixture(autouse=True)
def _good_papers(stack: Stack) -> None:
    stack.desk.certificate()
    stack.desk.revocations()


@pytest.mark.parametrize(
    ("spoil", "changes", "said"),
    [
        (lambda desk: desk.certificate(until=str(ON - DAY)), {}, "ended on"),
        (lambda desk: desk.revocations(Certificate.model_validate(CONTENT).digest), {}, "was taken back on"),
        (lambda desk: desk.certificate(make(AUDITOR)), {}, "no trusted authority vouches"),
        (lambda _: None, {"cloud": "other"}, "is of 'example-cloud', and one of 'other' is asked for"),
        (lambda _: None, {"level": "4"}, "is for level 3, and one for level 4 is asked for"),
    ],
    ids=["ended", "revoked", "forged", "cloud", "level"],
)
def test_a_certificate_that_does_not_do_is_refused_at_the_preview(
    stack: Stack, spoil: Callable[[Desk], Any], changes: dict[str, str], said: str
) -> None:
    """Nothing is made, and the reason is told without a traceback."""
    spoil(stack.desk)
    with pytest.raises(KitError) as caught:
        stack.up(**changes)
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert NAMESPACE not in stack.namespaces()


def test_the_cloud_is_taken_into_use_and_an_agency_put_on_it(stack: Stack) -> None:
    """Guards and admission policies stand, applying again changes nothing, and only a system that fits is let on."""
    outputs = stack.up().outputs
    assert (outputs["placement"]["cloud"], outputs["placement"]["level"]) == (CLOUD, 2)
    api = config.new_client_from_config(str(stack.kubeconfig))
    policies = client.AdmissionregistrationV1Api(api).list_validating_admission_policy().items
    ours = [it for it in policies if it.metadata.name.startswith("govcloud-")]
    assert len(ours) == outputs["policies"] > 0
    record = client.CoreV1Api(api).read_namespaced_config_map("placement", NAMESPACE)
    assert record.data["certificate"] == outputs["placement"]["certificate"]
    assert client.NetworkingV1Api(api).read_namespaced_network_policy("default-deny", NAMESPACE)
    assert stack.up().changed == 0
    with pytest.raises(KitError, match="up to level 2, and the agency has a system of level 3"):
        stack.up_agency(3)
    assert not {it for it in stack.namespaces() if it.startswith("agc-test-egc")}
    stack.up_agency(2)
    assert {it for it in stack.namespaces() if it.startswith("agc-test-egc")}
