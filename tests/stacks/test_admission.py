"""The rules at a real API server, put there by their stack: no door around them, and none to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config, dynamic
from kubernetes.client import ApiException

from conformance import tenants as audit_tenants
from conformance import workloads as probes
from conformance.results import Subject
from conformance.target import PROBE_IMAGE
from core.paths import REPOSITORY
from modules import agency_file, guards, labels, spaces, workloads
from tests.stacks.clouds import copy_project
from tests.waiting import eventually
from toolchain import automation
from toolchain.pulumi import environment

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = pytest.mark.cluster

AGENCY = agency_file.load(REPOSITORY / "data" / "agencies" / "ha-long.yaml")
SPACE = replace(spaces.space(AGENCY, AGENCY.systems[0]), name="test-admission", group="test:admission")
LATER = replace(SPACE, name="test-admission-later")
AUDITED = "test-admission-audited"
KINDS = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")


@dataclass
class Server:
    """A cluster on which the stack of the rules is applied."""

    api: Any
    outputs: Any

    def resource(self, manifest: dict[str, Any]) -> Any:
        """Return the API of an object's kind."""
        return dynamic.DynamicClient(self.api).resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])

    def create(self, manifest: dict[str, Any], namespace: str = SPACE.name, **options: Any) -> str:
        """Offer an object; return what refused it, or ''."""
        body = {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}
        return refusal(lambda: self.resource(manifest).create(body=body, namespace=namespace, **options))


def accounts(space: guards.Space) -> list[dict[str, Any]]:
    """Return the accounts of the Deployments below."""
    named = (workloads.Workload(name=name, namespace=space.name, replicas=1) for name in ("web", "good", "bad"))
    return [workloads.service_account(it) for it in named]


def refusal(ask: Callable[[], Any]) -> str:
    """Return what the API server said when it refused, or ''."""
    try:
        ask()
    except ApiException as error:
        return str(error.body)
    return ""


def good(name: str, namespace: str = SPACE.name, replicas: int = 1) -> dict[str, Any]:
    """Return a Deployment as the kit makes it, which meets every rule."""
    return workloads.deployment(workloads.Workload(name=name, namespace=namespace, replicas=replicas))


def bad(name: str, namespace: str = SPACE.name, replicas: int = 1) -> dict[str, Any]:
    """Return the same, with a container that may gain rights."""
    made = good(name, namespace, replicas)
    made["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    return made


@pytest.fixture(scope="module")
def server(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Apply the stack and make an agency's namespace; take both down at the end."""
    folder = tmp_path_factory.mktemp("admission")
    project, kubeconfig = copy_project("admission", folder / "admission"), testbed.kubeconfig()
    variables = environment(folder / "state", kubeconfig)
    api = config.new_client_from_config(str(kubeconfig))
    core = client.CoreV1Api(api)
    try:
        made = Server(api, {})
        for space in (SPACE, LATER):
            core.create_namespace(guards.namespace(space))
            for manifest in [*guards.guards(space), *accounts(space)]:
                assert made.create(manifest, space.name) == ""
        for old in (good("good", LATER.name, 0), bad("bad", LATER.name, 0)):  # older than the rules
            assert made.create(old, LATER.name) == ""
        made.outputs = automation.up(project, "test", {}, variables, REPOSITORY / "policies" / "level-1").outputs
        eventually(lambda: "govcloud-" in made.create(bad("other"), dry_run="All"), "the rules are in force", 120)
        yield made
    finally:
        for name in (SPACE.name, LATER.name):
            refusal(lambda name=name: core.delete_namespace(name))  # type: ignore[misc] # bound at once
        automation.destroy(project, "test", variables)


def test_stack_makes_every_policy(server: Server) -> None:
    """Each rule over single objects has its policy and its binding on the cluster."""
    admission = client.AdmissionregistrationV1Api(server.api)
    names = {it.metadata.name for it in admission.list_validating_admission_policy().items}
    bound = {it.spec.policy_name for it in admission.list_validating_admission_policy_binding().items}
    ours = {name for name in names if name.startswith("govcloud-")}
    assert len(ours) == server.outputs["policies"] > 0
    assert ours <= bound


def test_update_is_judged(server: Server) -> None:
    """What was good when it was made cannot be made bad."""
    assert server.create(good("web")) == ""
    said = refusal(
        lambda: server.resource(good("web")).patch(
            name="web", namespace=SPACE.name, body=bad("web"), content_type="application/merge-patch+json"
        )
    )
    assert "govcloud-" in said


def test_scaling_brings_no_bad_pod(server: Server) -> None:
    """A bad Deployment that is older than the rules gets no pods when it is scaled up; a good one beside it does."""
    core, apps = client.CoreV1Api(server.api), client.AppsV1Api(server.api)
    for name in ("bad", "good"):
        refusal(lambda name=name: apps.patch_namespaced_deployment_scale(name, LATER.name, {"spec": {"replicas": 1}}))
    (pod,) = eventually(lambda: core.list_namespaced_pod(LATER.name).items, "a pod", 120)
    assert pod.metadata.labels[labels.WORKLOAD] == "good"


def test_namespaces_of_kubernetes_are_not_touched(server: Server) -> None:
    """The cluster's own pods, which share their hosts, can always start."""
    own = bad("web")
    own["spec"]["template"]["spec"]["hostNetwork"] = True
    assert server.create(own, "kube-system", dry_run="All") == ""
    assert "govcloud-" in server.create({**own, "metadata": {"name": "other"}}, dry_run="All")


def test_an_audit_comes_in(server: Server) -> None:
    """The tenants of an audit, and what the audit puts there to try the cloud, are taken at their own level."""
    subject = Subject(cloud="cloud", operator="operator", kind="CGC", level=SPACE.level)
    made = list(audit_tenants.tenant_objects(AUDITED, subject, dt.datetime.now(dt.UTC)))
    try:
        for manifest in made:
            assert "govcloud-" not in server.create(manifest, AUDITED)
        for manifest in (
            probes.server("server", PROBE_IMAGE, run="x", account="probe"),
            probes.service("service", run="x", policy="RequireDualStack"),
            probes.allow_ingress("x", namespace=AUDITED),
            probes.allow_egress("x", namespace=AUDITED, beyond=[probes.to_addresses(["192.0.2.1", "2001:db8::1"], 80)]),
        ):
            assert "govcloud-" not in server.create(manifest, AUDITED, dry_run="All")
        assert "pod-own-account" in server.create(probes.client("client", PROBE_IMAGE, run="x"), AUDITED)
    finally:
        client.CoreV1Api(server.api).delete_namespace(AUDITED)


@pytest.mark.parametrize("role", ["operators", "owners", "viewers", "auditors"])
@pytest.mark.parametrize("plural", KINDS)
@pytest.mark.parametrize("verb", ["delete", "patch", "create", "deletecollection"])
def test_tenant_cannot_reach_the_rules(server: Server, role: str, plural: str, verb: str) -> None:
    """No role of an agency may delete, change or add a policy or a binding."""
    tenant = client.ApiClient(server.api.configuration)
    tenant.set_default_header("Impersonate-User", "test-tenant")
    tenant.set_default_header("Impersonate-Group", f"{SPACE.group}:{role}")
    assert refusal(lambda: client.CoreV1Api(tenant).list_namespaced_pod(SPACE.name)) == ""  # it has rights elsewhere
    ours = client.AdmissionregistrationV1Api(server.api).list_validating_admission_policy().items[0].metadata.name
    method = {"delete": "DELETE", "patch": "PATCH", "create": "POST", "deletecollection": "DELETE"}[verb]
    name = "" if verb in {"create", "deletecollection"} else f"/{ours}"
    request = tenant.param_serialize(
        method,
        f"/apis/admissionregistration.k8s.io/v1/{plural}{name}",
        header_params={"Content-Type": "application/merge-patch+json" if verb == "patch" else "application/json"},
        body={"metadata": {"name": "test-mine"}} if method == "POST" else {"spec": {"failurePolicy": "Ignore"}},
        auth_settings=["BearerToken"],
    )
    answer = tenant.call_api(*request)
    answer.read()
    assert answer.status == 403
