"""Preview and admission give one verdict: every fixture goes to a real API server with the rendered policies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client, config, dynamic
from kubernetes.client import ApiException

from modules import labels
from policies.admission import render
from policies.judge import judge
from policies.rules import FOLDER, Compiled, shipped

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("judging")]

PLACE = "test-agreement"
RULES = [rule for rule in shipped() if isinstance(rule, Compiled)]
CASES = [(rule, file) for rule in RULES for file in sorted((FOLDER / rule.rule.id).glob("*/*.yaml"))]


class Server:
    """An API server with the rules in force in one namespace, where Pod Security itself refuses nothing."""

    def __init__(self, kubeconfig: Path) -> None:
        self.client = dynamic.DynamicClient(config.new_client_from_config(str(kubeconfig)))
        self.policies = [document for rule in RULES for document in render(rule)]

    def _api(self, manifest: dict[str, Any]) -> Any:
        return self.client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])

    def prepare(self) -> None:
        """Put the rules in force, and wait until they are."""
        pod_security = {"pod-security.kubernetes.io/enforce": "privileged"}
        metadata = {"name": PLACE, "labels": {labels.SECURITY_LEVEL: "3", **pod_security}}
        for manifest in [*self.policies, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}]:
            self._api(manifest).create(body=manifest)
        for rule in RULES:
            manifest = next(yaml.safe_load(file.read_text()) for own, file in CASES if own is rule and _bad(file))
            deadline = time.monotonic() + 60
            while self.refusal(manifest, rule) is None:
                assert time.monotonic() < deadline, f"{rule.rule.id} is not in force"
                time.sleep(0.5)

    def clear(self) -> None:
        """Take all of it away again."""
        gone = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}}, *self.policies]
        for manifest in gone:
            try:
                self._api(manifest).delete(name=manifest["metadata"]["name"])
            except ApiException as error:
                if error.status != 404:
                    raise

    def refusal(self, manifest: dict[str, Any], rule: Compiled) -> str | None:
        """Offer an object without keeping it; return what the rule's policy said, if it refused."""
        body = {**manifest, "metadata": {**manifest["metadata"], "namespace": PLACE}}
        try:
            if body["spec"].get("ephemeralContainers"):
                self._offer_ephemeral(body)
            else:
                self._api(body).create(body=body, namespace=PLACE, dry_run="All")
        except ApiException as error:
            said = str(error.body)
            assert f"govcloud-{rule.rule.id}" in said, said
            return said
        return None

    def _offer_ephemeral(self, body: dict[str, Any]) -> None:
        """Offer a container for a running pod, by the door that the API has for it."""
        core = client.CoreV1Api(self.client.client)
        spec = {key: value for key, value in body["spec"].items() if key != "ephemeralContainers"}
        core.create_namespaced_pod(PLACE, {**body, "spec": spec})
        try:
            added = {"spec": {"ephemeralContainers": body["spec"]["ephemeralContainers"]}}
            name = body["metadata"]["name"]
            core.patch_namespaced_pod_ephemeralcontainers(name, PLACE, added, dry_run="All")
        finally:
            core.delete_namespaced_pod(body["metadata"]["name"], PLACE, grace_period_seconds=0)


@pytest.fixture(scope="module")
def server(testbed: Testbed) -> Iterator[Server]:
    """Give an API server with the rules in force."""
    made = Server(testbed.kubeconfig())
    try:
        made.prepare()
        yield made
    finally:
        made.clear()


def _bad(file: Path) -> bool:
    return file.parent.name == "bad"


@pytest.mark.parametrize(("rule", "file"), CASES, ids=lambda it: it.stem if isinstance(it, Path) else it.rule.id)
def test_both_gates_agree(server: Server, rule: Compiled, file: Path) -> None:
    """The API server refuses what the preview refuses, with the same requirement, and takes what it passes."""
    manifest = yaml.safe_load(file.read_text(encoding="utf-8"))
    findings = judge(rule, manifest)
    said = server.refusal(manifest, rule)
    assert bool(findings) is (said is not None) is _bad(file), said
    if said is not None:
        assert any(", ".join(finding.requirements) in said and finding.mend in said for finding in findings)


def test_policies_have_no_warnings(server: Server) -> None:
    """The API server's own check of the expressions' types finds nothing wrong."""
    api = client.AdmissionregistrationV1Api(server.client.client)
    for rule in RULES:
        status = api.read_validating_admission_policy(f"govcloud-{rule.rule.id}").status
        assert not status.type_checking.expression_warnings
