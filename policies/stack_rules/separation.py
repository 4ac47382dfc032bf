"""Rules over several objects: systems stay apart, and their copies do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modules import labels
from policies.stack_rules.objects import (
    Manifest,
    Manifests,
    Violation,
    by_namespace,
    items,
    label,
    member,
    name,
    namespace,
    of_kind,
    selects,
    template,
    unknown,
    waiting,
    workloads,
)
from policies.unknown import UNKNOWN


def systems_kept_apart(manifests: Manifests) -> Iterator[Violation]:
    """Find namespaces, and with them service accounts, that two systems share; and accounts with rights elsewhere."""
    spaces = {name(it): _system(it) for it in of_kind(manifests, "v1", "Namespace")}
    running = workloads(manifests)
    for place, own in by_namespace(running):
        first = _of(place, spaces)
        for workload in own:
            system = _system(template(workload)) or _system(workload) or first
            if UNKNOWN in (first, system):
                yield waiting(workload, f"the label {labels.SYSTEM}")
            elif first is None:
                first = system
            elif system != first:
                account = member(template(workload), "spec", "serviceAccountName") or "default"
                found = f"the systems {first} and {system} share the namespace {place}"
                yield Violation(workload, f"{found}; this one runs as its service account {account}")
    for workload in running:
        if namespace(workload) is UNKNOWN:
            yield waiting(workload, "metadata.namespace")
    for binding in of_kind(manifests, "rbac.authorization.k8s.io/v1", "RoleBinding"):
        yield from _foreign(binding, spaces)


def copies_stand_apart(manifests: Manifests) -> Iterator[Violation]:
    """Find workloads of several copies that no disruption budget guards, or whose copies run on one node."""
    pods = of_kind(manifests, "v1", "Pod")
    hidden = any(unknown([it.get("metadata"), member(it, "spec", "nodeName"), it.get("status")]) for it in pods)
    budgets = of_kind(manifests, "policy/v1", "PodDisruptionBudget")
    for workload in workloads(manifests):
        copies = member(workload, "spec", "replicas")
        if workload["kind"] not in {"Deployment", "StatefulSet", "ReplicaSet"} or copies in (None, 0, 1):
            continue
        own = member(template(workload), "metadata", "labels")
        answers = [_beside(it, workload) and selects(member(it, "spec", "selector"), own) for it in budgets]
        if True not in answers:
            if copies is UNKNOWN or None in answers:
                yield waiting(workload, "its number of copies or its disruption budget")
            else:
                yield Violation(workload, "no PodDisruptionBudget selects its pods")
        if hidden or (pods and unknown(member(workload, "spec", "selector"))):
            yield waiting(workload, "where its pods run")
        nodes = _nodes(workload, pods)
        if len(nodes) > 1 and len(set(nodes)) == 1:
            yield Violation(workload, f"all its {len(nodes)} pods run on the node {nodes[0]}")


def _beside(one: Manifest, other: Manifest) -> bool | None:
    """Tell whether two objects lie in one namespace; None: not known yet."""
    spaces = (namespace(one), namespace(other))
    return None if UNKNOWN in spaces else spaces[0] == spaces[1]


def _system(holder: Manifest | None) -> Any:
    """Return the system that something says it is part of: ``AGENCY/SYSTEM``, None or UNKNOWN."""
    agency, system = label(holder, labels.AGENCY), label(holder, labels.SYSTEM)
    if UNKNOWN in (agency, system):
        return UNKNOWN
    return f"{agency}/{system}" if agency and system else system


def _of(place: Any, spaces: Mapping[Any, Any]) -> Any:
    """Return the system of a namespace: UNKNOWN where one whose name is not known may be it."""
    return UNKNOWN if place is UNKNOWN else spaces.get(place, UNKNOWN if UNKNOWN in spaces else None)


def _foreign(binding: Manifest, spaces: Mapping[Any, Any]) -> Iterator[Violation]:
    """Find accounts of one system that get rights in another's namespace."""
    here = _of(namespace(binding), spaces)
    subjects = member(binding, "subjects")
    if subjects is UNKNOWN:
        yield waiting(binding, "subjects")
    for subject in items(subjects):
        if subject is not UNKNOWN and member(subject, "kind") != "ServiceAccount":
            continue
        place = member(subject, "namespace")
        there = _of(place, spaces)
        if UNKNOWN in (here, there, place, subject):
            yield waiting(binding, "a system or a subject")
        elif here and there and here != there:
            account = f"{place}/{member(subject, 'name')}"
            yield Violation(binding, f"the service account {account} of the system {there} has rights in {here}")


def _nodes(workload: Manifest, pods: list[Manifest]) -> list[str]:
    """Return the nodes of the workload's running pods, one for each pod; none in a preview."""
    selector = member(workload, "spec", "selector")
    return [
        node
        for pod in pods
        if namespace(pod) == namespace(workload)
        and member(pod, "status", "phase") == "Running"
        and isinstance(node := member(pod, "spec", "nodeName"), str)
        and selects(selector, member(pod, "metadata", "labels"))
    ]
