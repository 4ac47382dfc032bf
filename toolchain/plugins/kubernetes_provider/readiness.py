"""When an object is truly there, judged from the object alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import normalize

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Whether an object is ready; if not, what is missing, and whether waiting longer is of no use."""

    ready: bool
    missing: str = ""
    failed: bool = False


READY: Final = Verdict(ready=True)


def _waiting(missing: str) -> Verdict:
    return Verdict(ready=False, missing=missing)


def _failed(missing: str) -> Verdict:
    return Verdict(ready=False, missing=missing, failed=True)


def judge(obj: Object) -> Verdict:
    """Judge an object of any kind; a kind without a rule is ready as soon as it exists."""
    rule = RULES.get((str(obj.get("apiVersion", "")).rpartition("/")[0], str(obj.get("kind", ""))))
    return rule(obj) if rule else READY


def condition(obj: Object, name: str) -> Mapping[str, Any]:
    """Return a condition of the object's status, or an empty map."""
    for found in (obj.get("status") or {}).get("conditions") or []:
        if found.get("type") == name:
            return dict(found)
    return {}


def _observed(obj: Object) -> bool:
    return int(_status(obj).get("observedGeneration", 0)) >= int(obj.get("metadata", {}).get("generation", 0))


def _status(obj: Object) -> Mapping[str, Any]:
    return obj.get("status") or {}


def _replicas(obj: Object) -> int:
    wanted = (obj.get("spec") or {}).get("replicas")
    return 1 if wanted is None else int(wanted)


def _deployment(obj: Object) -> Verdict:  # noqa: PLR0911 - one line for each thing that can be missing
    status, wanted = _status(obj), _replicas(obj)
    progress = condition(obj, "Progressing")
    if not _observed(obj):
        return _waiting("the deployment controller has not seen it yet")
    if (obj.get("spec") or {}).get("paused"):
        return READY  # nothing more will come until somebody resumes it
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return _failed(f"no progress within its deadline: {progress.get('message', '')}".strip())
    if (failure := condition(obj, "ReplicaFailure")).get("status") == "True":
        return _waiting(f"pods cannot be made: {failure.get('message', '')}")
    updated, available = int(status.get("updatedReplicas", 0)), int(status.get("availableReplicas", 0))
    if updated < wanted:
        return _waiting(f"{updated} of {wanted} replicas are of the new version")
    if (old := int(status.get("replicas", 0)) - updated) > 0:
        return _waiting(f"{old} replicas of the old version have not ended")
    if available < wanted:
        return _waiting(f"{available} of {wanted} replicas are available")
    return READY


def _replica_set(obj: Object) -> Verdict:
    ready, wanted = int(_status(obj).get("readyReplicas", 0)), _replicas(obj)
    return READY if _observed(obj) and ready >= wanted else _waiting(f"{ready} of {wanted} replicas are ready")


def _stateful_set(obj: Object) -> Verdict:
    status, wanted, spec = _status(obj), _replicas(obj), obj.get("spec") or {}
    strategy = spec.get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    ready, updated = int(status.get("readyReplicas", 0)), int(status.get("updatedReplicas", 0))
    if not _observed(obj):
        return _waiting("the stateful set controller has not seen it yet")
    if ready < wanted:
        return _waiting(f"{ready} of {wanted} replicas are ready")
    if (surplus := int(status.get("replicas", 0)) - wanted) > 0:
        return _waiting(f"{surplus} replicas too many have not ended")
    if strategy.get("type") != "OnDelete" and updated < wanted - partition:
        return _waiting(f"{updated} of {wanted - partition} replicas are of the new version")
    return READY


def _daemon_set(obj: Object) -> Verdict:
    status = _status(obj)
    wanted = int(status.get("desiredNumberScheduled", 0))
    updated, available = int(status.get("updatedNumberScheduled", 0)), int(status.get("numberAvailable", 0))
    if not _observed(obj):
        return _waiting("the daemon set controller has not seen it yet")
    if updated < wanted and ((obj.get("spec") or {}).get("updateStrategy") or {}).get("type") != "OnDelete":
        return _waiting(f"{updated} of {wanted} nodes have the new version")
    return READY if available >= wanted else _waiting(f"available on {available} of {wanted} nodes")


def _job(obj: Object) -> Verdict:
    if (failure := condition(obj, "Failed")).get("status") == "True":
        return _failed(f"the job failed: {failure.get('message') or failure.get('reason') or 'no reason given'}")
    if condition(obj, "Complete").get("status") == "True" or (obj.get("spec") or {}).get("suspend"):
        return READY
    return _waiting(
        f"{_status(obj).get('succeeded', 0)} of {(obj.get('spec') or {}).get('completions', 1)} pods have completed"
    )


def _pod(obj: Object) -> Verdict:
    phase = _status(obj).get("phase")
    if phase == "Succeeded" or condition(obj, "Ready").get("status") == "True":
        return READY
    explained = pod_problem(obj)
    return (
        _failed(explained or "the pod failed") if phase == "Failed" else _waiting(explained or "the pod is not ready")
    )


def pod_problem(pod: Object) -> str:
    """Return why a pod is not ready: where it cannot be placed, what its containers wait for; nothing if unknown."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"not placed on a node: {scheduled.get('message') or scheduled.get('reason', '')}"
    status = _status(pod)
    for state in (*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])):
        waiting = (state.get("state") or {}).get("waiting") or {}
        ended = (state.get("state") or {}).get("terminated") or (state.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            cause = f" (last ended with {ended.get('reason')}, code {ended.get('exitCode')})" if ended else ""
            return f"container {state['name']}: {waiting['reason']}: {waiting.get('message', '')}{cause}".rstrip(": ")
        if ended and ended.get("exitCode"):
            return f"container {state['name']} ended with {ended.get('reason')}, code {ended.get('exitCode')}"
    unready = [s["name"] for s in status.get("containerStatuses") or [] if not s.get("ready")]
    if unready:
        return f"not ready: container {', '.join(unready)}"
    if status.get("phase") == "Pending" and not status.get("containerStatuses"):
        return "its node has not begun to start it"
    return str(status.get("message") or status.get("reason") or "")


def _service(obj: Object) -> Verdict:
    if (obj.get("spec") or {}).get("type") != "LoadBalancer":
        return READY
    return (
        READY
        if (_status(obj).get("loadBalancer") or {}).get("ingress")
        else _waiting("no load balancer gave it an address")
    )


def _ingress(obj: Object) -> Verdict:
    return (
        READY
        if (_status(obj).get("loadBalancer") or {}).get("ingress")
        else _waiting("no ingress controller gave it an address")
    )


def _phase(*good: str) -> Callable[[Object], Verdict]:
    def rule(obj: Object) -> Verdict:
        phase = _status(obj).get("phase", "unknown")
        return READY if phase in good else _waiting(f"its phase is {phase}, not {' or '.join(good)}")

    return rule


def _quota(obj: Object) -> Verdict:
    wanted, counted = (obj.get("spec") or {}).get("hard") or {}, _status(obj).get("hard") or {}
    seen = all(key in counted and normalize.same(counted[key], value, ("hard",)) for key, value in wanted.items())
    return READY if seen else _waiting("its use has not been counted yet")


def _secret(obj: Object) -> Verdict:
    if obj.get("type") == "kubernetes.io/service-account-token" and not obj.get("data"):
        return _waiting("its token has not been made")
    return READY


def _definition(obj: Object) -> Verdict:
    accepted, established = condition(obj, "NamesAccepted"), condition(obj, "Established")
    if accepted.get("status") == "False":
        return _failed(f"its names are not accepted: {accepted.get('message', '')}")
    return READY if established.get("status") == "True" else _waiting("it is not established")


RULES: Final[Mapping[tuple[str, str], Callable[[Object], Verdict]]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "Namespace"): _phase("Active"),
    ("", "PersistentVolumeClaim"): _phase("Bound"),
    ("", "PersistentVolume"): _phase("Available", "Bound"),
    ("", "ReplicationController"): _replica_set,
    ("", "ResourceQuota"): _quota,
    ("", "Secret"): _secret,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
