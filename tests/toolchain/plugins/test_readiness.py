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
