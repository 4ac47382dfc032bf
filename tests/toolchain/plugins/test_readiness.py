"""When an object is truly there, judged on objects as API servers have them."""

from __future__ import annotations

from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import readiness


def deployment(*, wanted: int | None = 3, generation: int = 2, **status: Any) -> dict[str, Any]:
    spec = {} if wanted is None else {"replicas": wanted}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"generation": generation},
        "spec": spec,
        "status": status,
    }


COMPLETE = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}


def test_deployment_is_ready_when_all_replicas_are_new_and_available() -> None:
    """Complete means observed, updated, available, and nothing old left."""
    assert readiness.judge(deployment(**COMPLETE)).ready
    assert readiness.judge(deployment(wanted=0, observedGeneration=2)).ready


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"observedGeneration": 1}, "has not seen it"),
        ({"updatedReplicas": 1}, "1 of 3 replicas are of the new version"),
        ({"replicas": 4}, "1 replicas of the old version"),
        ({"availableReplicas": 2}, "2 of 3 replicas are available"),
    ],
)
def test_deployment_tells_what_is_missing(change: dict[str, int], missing: str) -> None:
    """Each way not to be complete is named."""
    verdict = readiness.judge(deployment(**{**COMPLETE, **change}))
    assert not verdict.ready
    assert not verdict.failed
    assert missing in verdict.missing


def test_deployment_past_its_deadline_has_failed() -> None:
    """Waiting on is of no use when the cluster itself has given up."""
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
    verdict = readiness.judge(deployment(**{**COMPLETE, "availableReplicas": 0, "conditions": [condition]}))
    assert verdict.failed
    assert "too late" in verdict.missing


def obj(api_version: str, kind: str, **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"generation": 1}, **rest}


def conditions(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"conditions": [{"type": name, "status": status} for name, status in pairs]}


@pytest.mark.parametrize(
    "ready",
    [
        obj("v1", "ConfigMap"),
        obj("v1", "Namespace", status={"phase": "Active"}),
        obj("v1", "Pod", status=conditions(("Ready", "True"))),
        obj("v1", "Pod", status={"phase": "Succeeded"}),
        obj(
            "v1", "Service", spec={"type": "LoadBalancer"}, status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
        ),
        obj("v1", "PersistentVolumeClaim", status={"phase": "Bound"}),
        obj("v1", "ResourceQuota", spec={"hard": {"pods": 1}}, status={"hard": {"pods": "1"}}),
        obj("batch/v1", "Job", status=conditions(("Complete", "True"))),
        obj("batch/v1", "Job", spec={"suspend": True}),
        obj("apps/v1", "DaemonSet", status={"observedGeneration": 1}),
        obj(
            "apps/v1",
            "StatefulSet",
            spec={"replicas": 2},
            status={"observedGeneration": 1, "readyReplicas": 2, "updatedReplicas": 2},
        ),
        obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", status=conditions(("Established", "True"))),
        obj("example.org/v1", "Deployment"),
    ],
)
def test_ready_objects_are_ready(ready: dict[str, Any]) -> None:
    """An object that is there, or of a kind without a rule, is not waited for."""
    assert readiness.judge(ready).ready


@pytest.mark.parametrize(
    "unready",
    [
        obj("v1", "Namespace", status={"phase": "Terminating"}),
        obj("v1", "Pod", status={"phase": "Pending"}),
        obj("v1", "Service", spec={"type": "LoadBalancer"}, status={"loadBalancer": {}}),
        obj("v1", "PersistentVolumeClaim", status={"phase": "Pending"}),
        obj("v1", "ResourceQuota", spec={"hard": {"pods": 1, "cpu": 1}}, status={"hard": {"pods": "1"}}),
        obj("batch/v1", "Job", status={}),
        obj("batch/v1", "Job", status=conditions(("Failed", "True"))),
        obj(
            "apps/v1",
            "DaemonSet",
            status={"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2},
        ),
        obj("apps/v1", "StatefulSet", spec={"replicas": 2}, status={"observedGeneration": 1, "readyReplicas": 2}),
        obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", status=conditions(("Established", "False"))),
        obj("networking.k8s.io/v1", "Ingress", status={}),
    ],
)
def test_unready_objects_are_not(unready: dict[str, Any]) -> None:
    """An object that is not there yet is waited for, and what it lacks is named."""
    verdict = readiness.judge(unready)
    assert not verdict.ready
    assert verdict.missing


def test_pod_tells_why_it_is_not_placed() -> None:
    """The scheduler's own reason is told."""
    condition = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available: insufficient cpu"}
    assert "insufficient cpu" in readiness.pod_problem(obj("v1", "Pod", status={"conditions": [condition]}))


def test_pod_tells_that_its_node_does_nothing() -> None:
    """A pod that is placed but not begun is told from one whose containers fail."""
    pod = obj("v1", "Pod", status={"phase": "Pending", **conditions(("PodScheduled", "True"))})
    assert readiness.pod_problem(pod) == "its node has not begun to start it"


def test_pod_tells_which_container_waits_for_what() -> None:
    """A container that cannot start is named with the cause, and how it ended before."""
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s"}
    state = {
        "name": "web",
        "state": {"waiting": waiting},
        "lastState": {"terminated": {"reason": "Error", "exitCode": 3}},
    }
    said = readiness.pod_problem(obj("v1", "Pod", status={"containerStatuses": [state]}))
    assert said == "container web: CrashLoopBackOff: back-off 10s (last ended with Error, code 3)"


def conditioned(*found: tuple[str, str], **status: Any) -> dict[str, Any]:
    return {**status, **conditions(*found)}


SEQUENCES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "a Deployment that is made": (
        obj("apps/v1", "Deployment", spec={"replicas": 2}),
        [
            {},
            {"observedGeneration": 1, "unavailableReplicas": 2, "replicas": 1, "updatedReplicas": 1},
            {"observedGeneration": 1, "unavailableReplicas": 2, "replicas": 2, "updatedReplicas": 2},
            {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
            {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2},
        ],
    ),
    "a Deployment that rolls over": (
        {**obj("apps/v1", "Deployment", spec={"replicas": 2}), "metadata": {"generation": 2}},
        [
            {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
            {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 2},
            {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3},
            {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
        ],
    ),
    "a StatefulSet that rolls over": (
        {**obj("apps/v1", "StatefulSet", spec={"replicas": 2}), "metadata": {"generation": 2}},
        [
            {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2},
            {"observedGeneration": 2, "replicas": 2, "readyReplicas": 2},
            {"observedGeneration": 2, "replicas": 2, "readyReplicas": 1, "updatedReplicas": 1},
            {"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 1},
            {"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2},
        ],
    ),
    "a StatefulSet that shrinks": (
        obj("apps/v1", "StatefulSet", spec={"replicas": 1}),
        [
            {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2},
            {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1},
        ],
    ),
    "a StatefulSet whose pods somebody else replaces": (
        obj("apps/v1", "StatefulSet", spec={"replicas": 1, "updateStrategy": {"type": "OnDelete"}}),
        [{}, {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1}],
    ),
    "a DaemonSet": (
        obj("apps/v1", "DaemonSet"),
        [
            {},
            {"observedGeneration": 1, "desiredNumberScheduled": 2},
            {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2},
            {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2},
        ],
    ),
    "a Job": (
        obj("batch/v1", "Job", spec={"completions": 1}),
        [{}, {"active": 1}, {"succeeded": 1}, conditioned(("SuccessCriteriaMet", "True"), ("Complete", "True"))],
    ),
    "a Pod": (
        obj("v1", "Pod"),
        [
            {"phase": "Pending"},
            conditioned(("PodScheduled", "True"), ("Initialized", "False"), phase="Pending"),
            conditioned(("PodScheduled", "True"), ("Ready", "False"), phase="Running"),
            conditioned(("PodScheduled", "True"), ("Ready", "True"), phase="Running"),
        ],
    ),
    "a Service for a load balancer": (
        obj("v1", "Service", spec={"type": "LoadBalancer"}),
        [{}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": [{"hostname": "a.example.org"}]}}],
    ),
    "a PersistentVolumeClaim": (obj("v1", "PersistentVolumeClaim"), [{}, {"phase": "Pending"}, {"phase": "Bound"}]),
    "a PersistentVolume": (obj("v1", "PersistentVolume"), [{}, {"phase": "Pending"}, {"phase": "Available"}]),
    "an Ingress": (
        obj("networking.k8s.io/v1", "Ingress"),
        [{}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": [{"ip": "2001:db8::1"}]}}],
    ),
    "a CustomResourceDefinition": (
        obj("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        [
            {},
            conditioned(("NamesAccepted", "True")),
            conditioned(("NamesAccepted", "True"), ("Established", "False")),
            conditioned(("NamesAccepted", "True"), ("Established", "True")),
        ],
    ),
    "a Namespace": (obj("v1", "Namespace"), [{}, {"phase": "Terminating"}, {"phase": "Active"}]),
    "a ResourceQuota that changes": (
        obj("v1", "ResourceQuota", spec={"hard": {"cpu": "1000m", "pods": 5}}),
        [{}, {"hard": {"cpu": "1"}}, {"hard": {"cpu": "1", "pods": "4"}}, {"hard": {"cpu": "1", "pods": "5"}}],
    ),
}


@pytest.mark.parametrize("case", SEQUENCES)
def test_object_is_ready_at_the_end_of_its_way_and_not_before(case: str) -> None:
    """As its controllers go on, an object is not ready until it is what was asked for; each step tells what lacks."""
    made, statuses = SEQUENCES[case]
    verdicts = [readiness.judge({**made, "status": status}) for status in statuses]
    assert [verdict.ready for verdict in verdicts] == [False] * (len(statuses) - 1) + [True]
    assert all(verdict.missing and not verdict.failed for verdict in verdicts[:-1])


def test_token_is_ready_when_it_is_made() -> None:
    """A Secret that a controller fills is waited for; any other is ready."""
    token = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token"}
    assert not readiness.judge(token).ready
    assert readiness.judge({**token, "data": {"token": "eA=="}}).ready
    assert readiness.judge({**token, "type": "Opaque"}).ready


@pytest.mark.parametrize(
    ("failed", "missing"),
    [
        (obj("batch/v1", "Job", status=conditions(("Failed", "True"))), "the job failed"),
        (obj("v1", "Pod", status={"phase": "Failed", "message": "evicted"}), "evicted"),
        (
            obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", status=conditions(("NamesAccepted", "False"))),
            "its names are not accepted",
        ),
    ],
)
def test_what_has_failed_is_not_waited_for(failed: dict[str, Any], missing: str) -> None:
    """An object that will not become ready any more ends the wait, with the reason."""
    verdict = readiness.judge(failed)
    assert verdict.failed
    assert missing in verdict.missing


def test_paused_deployment_is_not_waited_for() -> None:
    """Nothing more comes until somebody resumes it."""
    paused = deployment(observedGeneration=2)
    paused["spec"]["paused"] = True
    assert readiness.judge(paused).ready
