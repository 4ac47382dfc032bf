"""Waiting until it is truly there: each kind, what a program asks to wait for, and what is told meanwhile."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.errors import KitError
from tests.conftest import Testbed
from tests.toolchain.plugins.engine import Cluster, Project
from tests.toolchain.plugins.programs import NEVER_READY, WEB
from tests.waiting import eventually
from toolchain import pulumi

pytestmark = pytest.mark.cluster

EVERY_KIND = (
    WEB
    + """
k8s.apps.v1.StatefulSet("stateful", metadata=meta("stateful"), spec={"serviceName": "x", **replicas("stateful")})
daemons = replicas("daemons")
del daemons["replicas"]
k8s.apps.v1.DaemonSet("daemons", metadata=meta("daemons"), spec=daemons)
k8s.batch.v1.Job("job", metadata=meta("job"), spec={"template": {"spec": pods("help", restartPolicy="Never")}})
k8s.core.v1.Pod("pod", metadata=meta("pod"), spec=pods())
k8s.core.v1.Namespace("namespace")
account = k8s.core.v1.ServiceAccount("account", metadata=meta("account"))
k8s.core.v1.Secret("token", type="kubernetes.io/service-account-token",
    metadata=meta("token", {"kubernetes.io/service-account.name": account.metadata.name}))
k8s.core.v1.ResourceQuota("quota", metadata=meta("quota"), spec={"hard": {"count/secrets": 9}})
size = {"storage": "1Mi"}
k8s.core.v1.PersistentVolume("volume", metadata={"name": NAMESPACE}, spec={
    "accessModes": ["ReadWriteOnce"], "capacity": size, "hostPath": {"path": "/tmp"}, "storageClassName": NAMESPACE})
k8s.core.v1.PersistentVolumeClaim("claim", metadata=meta("claim"), spec={
    "accessModes": ["ReadWriteOnce"], "resources": {"requests": size}, "storageClassName": NAMESPACE})
GROUP = f"{NAMESPACE}.example.org"
k8s.apiextensions.v1.CustomResourceDefinition("definition", metadata={"name": f"things.{GROUP}"}, spec={
    "group": GROUP, "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]})
balanced = {"type": "LoadBalancer", "ports": [{"port": 80}]}
k8s.core.v1.Service("balanced", metadata=meta("balanced"), spec=balanced)
backend = {"service": {"name": "balanced", "port": {"number": 80}}}
k8s.networking.v1.Ingress("ingress", metadata=meta("ingress"), spec={"defaultBackend": backend})
"""
)
SHORT_SECONDS = 45
"""Enough for pods to be placed, and for their nodes to say what they lack, on a busy machine too."""
SHORT = {"pulumi.com/timeoutSeconds": str(SHORT_SECONDS)}
NEVER = f"""
SHORT = {SHORT}
k8s.apps.v1.Deployment("image", metadata=meta("image", SHORT),
    spec=replicas("image", 2, image="govcloud.local/none:v1"))
k8s.apps.v1.Deployment("placed", metadata=meta("placed", SHORT),
    spec=replicas("placed", nodeSelector={{"example.org/none": "such"}}))
volume = {{"name": "v", "configMap": {{"name": "nowhere"}}}}
held = replicas("volume", volumes=[volume])
held["template"]["spec"]["containers"][0]["volumeMounts"] = [{{"name": "v", "mountPath": "/v"}}]
k8s.apps.v1.StatefulSet("volume", metadata=meta("volume", SHORT),
    spec={{"serviceName": "x", **held}})
daemons = replicas("daemons", image="govcloud.local/none:v1")
del daemons["replicas"]
k8s.apps.v1.DaemonSet("daemons", metadata=meta("daemons", SHORT), spec=daemons)
k8s.batch.v1.Job("job", metadata=meta("job"), spec={{
    "backoffLimit": 0, "template": {{"spec": pods("no-such-command", restartPolicy="Never")}}}})
k8s.core.v1.Pod("pod", metadata=meta("pod", SHORT), spec=pods(image="govcloud.local/none:v1"))
k8s.core.v1.Service("service", metadata=meta("service", SHORT),
    spec={{"selector": {{"app": "nobody"}}, "ports": [{{"port": 80}}]}})
k8s.core.v1.PersistentVolumeClaim("claim", metadata=meta("claim", SHORT), spec={{
    "accessModes": ["ReadWriteOnce"], "resources": {{"requests": {{"storage": "1Mi"}}}}}})
backend = {{"service": {{"name": "nowhere", "port": {{"number": 80}}}}}}
k8s.networking.v1.Ingress("ingress", metadata=meta("ingress", SHORT), spec={{"defaultBackend": backend}})
awaited = {{**SHORT, "pulumi.com/waitFor": "jsonpath={{.data.a}}=b"}}
k8s.core.v1.ConfigMap("settings", metadata=meta("settings", awaited), data={{"a": "c"}})
"""


@contextmanager
def place(kubeconfig: Path, folder: Path) -> Iterator[tuple[Project, Cluster]]:
    """Give a project on a namespace that several tests share, and take away what it made."""
    cluster = Cluster(kubeconfig, f"plugins-{secrets.token_hex(4)}")
    cluster.create("/api/v1/namespaces", {"metadata": {"name": cluster.namespace}})
    project = Project(folder / "project", pulumi.environment(folder / "state", kubeconfig), cluster.namespace)
    yield project, cluster
    project.destroy()
    cluster.delete(f"/api/v1/namespaces/{cluster.namespace}")


@pytest.fixture(scope="module")
def recorded(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """Apply a program of every kind that is waited for; give the status of each resource when its wait was over."""
    with place(testbed.kubeconfig(), tmp_path_factory.mktemp("waiting")) as (project, cluster):
        balancer = threading.Thread(target=_balance, args=(cluster,), daemon=True)
        balancer.start()
        project.program(EVERY_KIND)
        project.up()
        balancer.join()
        resources = project.state()["deployment"]["resources"]
        yield {resource["urn"].rpartition("::")[2]: resource.get("outputs", {}) for resource in resources}


def _balance(cluster: Cluster) -> None:
    """Give addresses as a load balancer and an ingress controller would."""
    for path, prefix in (("services/balanced", "/api/v1"), ("ingresses/ingress", "/apis/networking.k8s.io/v1")):
        eventually(lambda path=path: cluster.get(path) is not None, path, 300)  # type: ignore[misc]
        status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        cluster.patch(f"{prefix}/namespaces/{cluster.namespace}/{path}/status", status)


def condition(resource: dict[str, Any], name: str) -> str:
    return next(c["status"] for c in resource["status"]["conditions"] if c["type"] == name)


def test_deployment_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """Every replica of a Deployment is available."""
    assert recorded["web"]["status"]["availableReplicas"] == 2


def test_stateful_set_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """Every replica of a StatefulSet is ready."""
    assert recorded["stateful"]["status"]["readyReplicas"] == 1


def test_daemon_set_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """A DaemonSet is available on every node."""
    status = recorded["daemons"]["status"]
    assert status["numberAvailable"] == status["desiredNumberScheduled"] >= 1


def test_job_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """A Job is complete."""
    assert condition(recorded["job"], "Complete") == "True"


def test_pod_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """A Pod is ready."""
    assert condition(recorded["pod"], "Ready") == "True"


def test_token_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """A Secret for a service account's token holds it."""
    assert recorded["token"]["data"]


def test_quota_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """A ResourceQuota counts."""
    assert recorded["quota"]["status"]["hard"] == {"count/secrets": "9"}


def test_claim_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """A PersistentVolumeClaim is bound to a volume."""
    assert recorded["claim"]["status"]["phase"] == "Bound"
    assert recorded["volume"]["status"]["phase"] in ("Available", "Bound")


def test_definition_is_waited_for(recorded: dict[str, dict[str, Any]]) -> None:
    """A CustomResourceDefinition is established."""
    assert condition(recorded["definition"], "Established") == "True"


@pytest.mark.parametrize("name", ["balanced", "ingress"])
def test_address_is_waited_for(recorded: dict[str, dict[str, Any]], name: str) -> None:
    """An Ingress and a Service for a load balancer have an address."""
    assert [entry["ip"] for entry in recorded[name]["status"]["loadBalancer"]["ingress"]] == ["192.0.2.1"]


@pytest.fixture(scope="module")
def told(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Apply a program of objects that never become ready; give what was said."""
    with place(testbed.kubeconfig(), tmp_path_factory.mktemp("waiting")) as (project, _):
        project.program(NEVER)
        project.cli("stack", "init")
        code, said = project.cli(
            "up", "--yes", "--skip-preview", "--continue-on-error", "--suppress-progress", "--parallel=16"
        )
        assert code != 0
        yield said


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("Deployment .*/image", r"0 of 2 replicas are available; pod image-\S+: container main: (Err)?Image"),
        ("Deployment .*/placed", r"pod placed-\S+: not placed on a node: .*node affinity/selector"),
        ("StatefulSet .*/volume", r"0 of 1 replicas are ready; pod volume-0: .*configmap \"nowhere\" not found"),
        ("DaemonSet .*/daemons", r"available on 0 of \d nodes; pod daemons-\S+: container main: (Err)?Image"),
        ("Pod .*/pod", r"container main: (Err)?Image"),
        ("Service .*/service", "none of its pods is ready to serve; no pod has the labels app=nobody"),
        ("PersistentVolumeClaim .*/claim", "its phase is Pending, not Bound; no persistent volumes available"),
        ("Ingress .*/ingress", "no ingress controller gave it an address; there is no service nowhere"),
        ("ConfigMap .*/settings", r"jsonpath={.data.a}=b is not met: it is c"),
    ],
)
def test_time_out_names_what_is_missing(told: str, name: str, missing: str) -> None:
    """What did not become ready in its time has the cause told, down to the pod, its container and its event."""
    assert re.search(f"{name}: not ready after {SHORT_SECONDS} s: .*{missing}", told), told


def test_failure_is_told_at_once(told: str) -> None:
    """What cannot become ready any more, such as a failed Job, is not waited for until the time is over."""
    assert re.search("Job .*/job: the job failed: .*(backoff limit|BackoffLimit)", told), told


def test_progress_is_told_as_it_comes(project: Project) -> None:
    """While an object is waited for, what is missing is shown, as often as that changes."""
    project.program(WEB)
    heard = [
        e.diagnostic_event.message for e in project.events() if e.diagnostic_event and e.diagnostic_event.ephemeral
    ]
    assert [text for text in heard if "0 of 2 replicas are available" in text or "not seen it yet" in text]
    assert heard[-1].strip() == ""


def test_skip_await_does_not_wait(project: Project, cluster: Cluster) -> None:
    """With ``pulumi.com/skipAwait`` an object is made and not waited for."""
    project.program(NEVER_READY.replace('meta("web")', 'meta("web", {"pulumi.com/skipAwait": "true"})'))
    assert project.up().changes["create"] == 2
    assert cluster.live("deployments/web").get("status", {}).get("availableReplicas", 0) == 0


def test_custom_timeout_goes_before_the_annotation(project: Project) -> None:
    """The resource option ``custom_timeouts`` limits the wait."""
    program = NEVER_READY.replace('meta("web")', 'meta("web", {"pulumi.com/timeoutSeconds": "300"})').rstrip()
    project.program(program[:-1] + ', opts=ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="20s")))\n')
    with pytest.raises(KitError, match="not ready after 20 s: 0 of 2 replicas are available"):
        project.up()


def test_wait_for_waits_for_what_the_program_names(project: Project, cluster: Cluster) -> None:
    """``pulumi.com/waitFor`` holds a run until all that it names is true, for a kind without a rule too."""
    criteria = json.dumps(["jsonpath={.data.ready}=yes", "jsonpath={.data['other']}"])
    project.program(
        f"""
k8s.core.v1.ConfigMap("settings", metadata=meta("settings", {{"pulumi.com/waitFor": {criteria!r}}}), data={{"a": "b"}})
"""
    )
    project.cli("stack", "init")
    child = project.start("up", "--yes", "--skip-preview")
    eventually(lambda: cluster.get("configmaps/settings"))
    cluster.patch("configmaps/settings", {"data": {"ready": "yes"}})
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=5)
    cluster.patch("configmaps/settings", {"data": {"other": "there"}})
    said, _ = child.communicate(timeout=120)
    assert child.returncode == 0, said


def test_wait_for_goes_before_the_rule_of_the_kind(project: Project, cluster: Cluster) -> None:
    """``pulumi.com/waitFor`` with a condition takes the place of what would be waited for otherwise."""
    project.program(NEVER_READY.replace('meta("web")', 'meta("web", {"pulumi.com/waitFor": "condition=Progressing"})'))
    project.up()
    assert cluster.live("deployments/web")["status"].get("availableReplicas", 0) == 0


def test_wait_for_that_cannot_be_read_is_told_at_preview(project: Project) -> None:
    """A ``pulumi.com/waitFor`` with a mistake is refused before anything is made."""
    project.program('k8s.core.v1.ConfigMap("c", metadata=meta("c", {"pulumi.com/waitFor": "jsonpath={.a[}"}))')
    with pytest.raises(KitError, match=r"pulumi\.com/waitFor.*jsonpath"):
        project.preview()


def test_refresh_tells_what_is_not_ready_and_up_waits_for_it(project: Project, cluster: Cluster) -> None:
    """An object that is not ready any more is told by ``refresh``; the next ``up`` waits for it again."""
    project.program(WEB)
    project.up()
    broken = {"name": "web", "image": "govcloud.local/none:v1"}
    body = {"spec": {"template": {"spec": {"containers": [broken]}}}}
    cluster.patch("deployments/web", body, content="application/strategic-merge-patch+json")
    eventually(lambda: cluster.live("deployments/web")["status"].get("updatedReplicas", 0) == 1)
    code, said = project.cli("refresh", "--yes", "--skip-preview")
    assert code == 0, said
    assert "unhealthy state" in said
    assert "1 of 2 replicas are of the new version" in said
    project.environment["PULUMI_K8S_ENABLE_PATCH_FORCE"] = "true"
    assert project.up().changes.get("update") == 1
    assert cluster.live("deployments/web")["status"]["availableReplicas"] == 2
