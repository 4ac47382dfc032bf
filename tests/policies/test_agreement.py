"""Preview and admission give one verdict: every fixture goes to a real API server with the rendered policies."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config, dynamic
from kubernetes.client import ApiException
from kubernetes.dynamic.exceptions import ResourceNotFoundError

from modules import labels
from policies.admission import render
from policies.admission_groups import grouped
from policies.fixtures import Fixture, fixtures
from policies.judge import judge
from policies.rules import Compiled, MatchedKind, shipped
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("judging")]

PLACE = "test-agreement"
PLACES = {"one-stop": PLACE, "cgc-edge": "test-agreement-edge"}
"""Namespaces of the fixtures, and those that stand for them."""
OF = "test.govcloud.local/rule"
"""Label by which an object is judged by one rule alone."""
ITS_OWN = {"service-no-external-ips": "Use of external IPs is denied by admission control"}
"""What the API server of the kit's clusters refuses by itself, before it asks a policy."""
RULES = [rule for rule in shipped() if isinstance(rule, Compiled)]
CUSTOM = sorted({kind for rule in RULES for kind in rule.rule.kinds if kind.custom}, key=lambda it: it.resource)
CASES = [(rule, fixture) for rule in RULES for fixture in fixtures(rule)]


def definition(kind: MatchedKind) -> dict[str, Any]:
    """Return a definition of a kind that comes with other software. It knows no field, so all of them are kept."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": kind.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    names = {"kind": kind.kind, "plural": kind.resource, "singular": kind.kind.lower(), "listKind": f"{kind.kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.resource}.{kind.group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a definition for tests"},
        },
        "spec": {"group": kind.group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


class Server:
    """An API server with the rules in force in one namespace, where Pod Security itself refuses nothing."""

    def __init__(self, kubeconfig: Path) -> None:
        self.client = dynamic.DynamicClient(config.new_client_from_config(str(kubeconfig)))
        self.policies = [self._for_its_objects(document, rule) for rule in RULES for document in render(rule)]

    @staticmethod
    def _for_its_objects(document: dict[str, Any], rule: Compiled) -> dict[str, Any]:
        """Let a rule judge the objects that are meant for it: a fixture for one rule may violate another."""
        if document["kind"].endswith("Binding"):
            document["spec"]["matchResources"]["objectSelector"] = {"matchLabels": {OF: rule.rule.id}}
            document["spec"]["validationActions"] = ["Deny"]
        return document

    def _api(self, manifest: dict[str, Any]) -> Any:
        return self.client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])

    def _knows(self, kind: MatchedKind) -> bool:
        """Whether the API server serves a kind by now."""
        try:
            self.client.resources.get(api_version=f"{kind.group}/{kind.version}", kind=kind.kind)
        except ResourceNotFoundError:
            self.client.resources.invalidate_cache()
            return False
        return True

    def prepare(self) -> None:
        """Put the rules in force, with definitions of the kinds that a bare cluster lacks, and wait until they are."""
        for kind in CUSTOM:
            body = definition(kind)
            self._api(body).create(body=body)
            eventually(partial(self._knows, kind), f"{kind.kind} is served")
        pod_security = {"pod-security.kubernetes.io/enforce": "privileged"}
        places = [
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": place, "labels": {labels.SECURITY_LEVEL: "5", **pod_security}},
            }
            for place in PLACES.values()
        ]
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "server", "namespace": PLACE}}
        for manifest in [*self.policies, *places, account]:
            self._api(manifest).create(body=manifest, namespace=manifest["metadata"].get("namespace"))
        core = client.CoreV1Api(self.client.client)
        eventually(lambda: _has_default_account(core), "the namespace has its account")  # no pod is taken before
        for rule in RULES:
            bad = [it.objects[0] for own, it in CASES if own is rule and not it.good]
            eventually(partial(self.refusal, bad[0], rule), f"{rule.rule.id} is in force", pause=0.5)

    def clear(self) -> None:
        """Take all of it away again."""
        places = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": it}} for it in PLACES.values()]
        gone = [*places, *self.policies, *map(definition, CUSTOM)]
        for manifest in gone:
            try:
                self._api(manifest).delete(name=manifest["metadata"]["name"])
            except ApiException as error:
                if error.status != 404:
                    raise

    def refusal(self, manifest: dict[str, Any], rule: Compiled) -> str | None:
        """Offer an object without keeping it; return what the rule's policy said, if it refused."""
        text = json.dumps(manifest)
        for named, place in PLACES.items():
            text = text.replace(f'"namespace": "{named}"', f'"namespace": "{place}"')
        body = json.loads(text)
        body["metadata"]["labels"] = {**body["metadata"].get("labels", {}), OF: rule.rule.id}
        namespace = body["metadata"].get("namespace", "default")
        try:
            if body["kind"] == "Pod" and body["spec"].get("ephemeralContainers"):
                self._offer_ephemeral(body)
            else:
                self._api(body).create(body=body, namespace=namespace, dry_run="All")
        except ApiException as error:
            if error.status == 409:  # one of that name is there already, which is found out after admission
                return None
            said = str(error.body)
            assert f"govcloud-{rule.rule.id}'" in said or ITS_OWN.get(rule.rule.id, said + "!") in said, said
            return said
        return None

    def offer(self, body: dict[str, Any]) -> None:
        """Offer an object of the cluster without keeping it. Raises ApiException if it is refused."""
        self._api(body).create(body=body, dry_run="All")

    def _offer_ephemeral(self, body: dict[str, Any]) -> None:
        """Offer a container for a running pod, by the door that the API has for it."""
        core = client.CoreV1Api(self.client.client)
        spec = {key: value for key, value in body["spec"].items() if key != "ephemeralContainers"}
        body["metadata"]["name"] = name = f"server-{uuid.uuid4().hex[:8]}"
        core.create_namespaced_pod(PLACE, {**body, "spec": {**spec, "schedulerName": "none"}})
        try:
            added = {"spec": {"ephemeralContainers": body["spec"]["ephemeralContainers"]}}
            core.patch_namespaced_pod_ephemeralcontainers(name, PLACE, added, dry_run="All")
        finally:
            core.delete_namespaced_pod(name, PLACE, grace_period_seconds=0)


def _has_default_account(core: Any) -> bool:
    return "default" in {it.metadata.name for it in core.list_namespaced_service_account(PLACE).items}


@pytest.fixture(scope="module")
def server(testbed: Testbed) -> Iterator[Server]:
    """Give an API server with the rules in force."""
    made = Server(testbed.kubeconfig())
    try:
        made.prepare()
        yield made
    finally:
        made.clear()


@pytest.mark.parametrize(
    ("rule", "fixture"),
    CASES,
    ids=[f"{it.rule}-{'good' if it.good else 'bad'}-{it.name}" for _, it in CASES],
)
def test_both_gates_agree(server: Server, rule: Compiled, fixture: Fixture) -> None:
    """The API server refuses what the preview refuses, with the same requirement, and takes what it passes."""
    (manifest,) = fixture.objects
    findings = judge(rule, manifest)
    said = server.refusal(manifest, rule)
    assert bool(findings) is (said is not None) is not fixture.good, said
    if said is not None and rule.rule.id not in ITS_OWN:
        assert any(", ".join(finding.requirements) in said and finding.mend in said for finding in findings)


def test_policies_have_no_warnings(server: Server) -> None:
    """The API server's own check of the expressions' types finds nothing wrong.

    For kinds that the test defines it says nothing: their definitions here know no field.
    """
    api = client.AdmissionregistrationV1Api(server.client.client)
    for rule in (it for it in RULES if not any(kind.custom for kind in it.rule.kinds)):
        status = api.read_validating_admission_policy(f"govcloud-{rule.rule.id}").status
        assert not status.type_checking.expression_warnings


def test_joined_policies_are_taken(server: Server) -> None:
    """The API server compiles the policies in the form in which they are put in force."""
    for document in grouped(document for rule in RULES for document in render(rule)):
        named = {**document, "metadata": {**document["metadata"], "name": f"joined-{document['metadata']['name']}"}}
        server.offer(named)
