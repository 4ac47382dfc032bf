"""A waiver at a real API server: it frees its object and what Kubernetes makes of it, and nothing else."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config, dynamic
from kubernetes.client import ApiException

from policies.admission import render
from policies.fixtures import fixtures
from policies.rules import Compiled, about, shipped
from policies.waived_admission import with_waivers
from policies.waivers import Waiver
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = pytest.mark.cluster

PLACE = "test-waived"
RULE = "pod-no-escalation"
WAIVED = ("Deployment test-waived/web", "CronJob test-waived/night", "Pod test-waived/alone")


class Server:
    """An API server with one rule in force in one namespace, three objects waived."""

    def __init__(self, kubeconfig: Path) -> None:
        self.client = dynamic.DynamicClient(config.new_client_from_config(str(kubeconfig)))
        rule = next(it for it in shipped() if isinstance(it, Compiled) and it.rule.id == RULE)
        about = {"reason": "a", "owner": "b", "approver": "c", "expires": dt.date(2099, 1, 1)}
        waivers = [Waiver(rule=RULE, resource=it, **about) for it in WAIVED]
        policy, binding = copy.deepcopy(with_waivers(render(rule), waivers, dt.date(2026, 1, 1)))
        policy["metadata"]["name"] = binding["metadata"]["name"] = binding["spec"]["policyName"] = PLACE
        here = {"matchLabels": {"kubernetes.io/metadata.name": PLACE}}
        binding["spec"]["matchResources"] = {"namespaceSelector": here}
        labels = {"pod-security.kubernetes.io/enforce": "privileged"}
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE, "labels": labels}}
        self.objects: list[dict[str, Any]] = [policy, binding, space]

    def create(self, manifest: dict[str, Any], **options: Any) -> str:
        """Offer an object; return what refused it, or ''."""
        api = self.client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        if "namespace" in manifest["metadata"]:
            options["namespace"] = PLACE
        try:
            api.create(body=manifest, **options)
        except ApiException as error:
            return str(error.body)
        return ""

    def clear(self) -> None:
        """Take all of it away again."""
        for manifest in reversed(self.objects):
            api = self.client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
            try:
                api.delete(name=manifest["metadata"]["name"])
            except ApiException as error:
                if error.status != 404:
                    raise


def manifest(kind: str, name: str) -> dict[str, Any]:
    """Return an object that the rule refuses."""
    rule = next(it for it in shipped() if about(it).id == RULE)
    bad = [it.objects[0] for it in fixtures(rule) if not it.good]
    fit = (it for it in bad if it["kind"].lower() == kind and "ephemeralContainers" not in it["spec"])
    found = copy.deepcopy(next(fit))
    return {**found, "metadata": {"name": name, "namespace": PLACE}}


@pytest.fixture(scope="module")
def server(testbed: Testbed) -> Iterator[Server]:
    """Give an API server on which the rule is in force."""
    made = Server(testbed.kubeconfig())
    try:
        for document in made.objects:
            assert made.create(document) == ""
        core = client.CoreV1Api(made.client.client)
        eventually(lambda: core.list_namespaced_service_account(PLACE).items, "the namespace has its account")
        eventually(lambda: PLACE in made.create(manifest("deployment", "other"), dry_run="All"), "the rule is in force")
        yield made
    finally:
        made.clear()


def test_waived_objects_pass_and_others_do_not(server: Server) -> None:
    """The names of the waivers pass; the same names of other kinds, and other names of the same kinds, do not."""
    for kind, name in (("deployment", "web"), ("cronjob", "night"), ("pod", "alone")):
        assert server.create(manifest(kind, name), dry_run="All") == ""
        assert PLACE in server.create(manifest(kind, "other"), dry_run="All")
    assert PLACE in server.create(manifest("pod", "web"), dry_run="All")
    assert PLACE in server.create(manifest("deployment", "alone"), dry_run="All")


def test_what_kubernetes_makes_of_a_waived_object_passes(server: Server) -> None:
    """A waived Deployment gets its pods: else the waiver would free a name and nothing that runs."""
    assert server.create(manifest("deployment", "web")) == ""
    core = client.CoreV1Api(server.client.client)

    def made() -> bool:
        return any(it.metadata.name.startswith("web-") for it in core.list_namespaced_pod(PLACE).items)

    eventually(made, "the waived Deployment has a pod")


def test_tenant_cannot_pass_as_the_child_of_a_waived_object(server: Server) -> None:
    """An owner that anybody can write into an object frees nothing; the maker has to be Kubernetes itself."""
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "0", "controller": True}
    faked = manifest("replicaset", "web-6d5f8")
    faked["metadata"]["ownerReferences"] = [owner]
    assert PLACE in server.create(faked, dry_run="All")
    pod = manifest("pod", "web-6d5f8-x")
    pod["metadata"]["ownerReferences"] = [{**owner, "kind": "ReplicaSet", "name": "web-6d5f8"}]
    assert PLACE in server.create(pod, dry_run="All")
