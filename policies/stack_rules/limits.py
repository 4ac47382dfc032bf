"""Rules over several objects: every namespace has limits, and what is inside fits in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from modules.quantities import parse
from policies.stack_rules.objects import (
    Manifest,
    Manifests,
    Violation,
    fields,
    items,
    member,
    name,
    namespace,
    of_kind,
    template,
    unknown,
    waiting,
    workloads,
)
from policies.unknown import UNKNOWN

_COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "requests.cpu": ("requests", "cpu"),
    "cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "memory": ("requests", "memory"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
}
"""What a quota bounds, and where a container asks for it."""
_SURE: Final = ("limits.cpu", "limits.memory")


def namespaces_have_limits(manifests: Manifests) -> Iterator[Violation]:
    """Find namespaces without a quota on processors and memory, or without limits for a container."""
    quotas, ranges = of_kind(manifests, "v1", "ResourceQuota"), of_kind(manifests, "v1", "LimitRange")
    for space in of_kind(manifests, "v1", "Namespace"):
        own = name(space)
        if own in (None, UNKNOWN):
            yield waiting(space, "metadata.name")
            continue
        about = [it for it in [*quotas, *ranges] if namespace(it) in (own, UNKNOWN)]
        hard = {key for it in quotas if namespace(it) == own for key in fields(member(it, "spec", "hard"))}
        missing = [f"a ResourceQuota with {key}" for key in _SURE if key not in hard]
        if not any(namespace(it) == own for it in ranges):
            missing.append("a LimitRange")
        if missing:
            if any(unknown({"at": namespace(it), "spec": it.get("spec")}) for it in about):
                yield waiting(space, "a ResourceQuota or LimitRange")
            else:
                yield Violation(space, f"it lacks {', '.join(missing)}")


def quotas_add_up(manifests: Manifests) -> Iterator[Violation]:
    """Find quotas that are smaller than what the workloads of their namespace ask for together."""
    running = workloads(manifests)
    for quota in of_kind(manifests, "v1", "ResourceQuota"):
        own = [it for it in running if namespace(it) in (namespace(quota), UNKNOWN)]
        if UNKNOWN in (namespace(quota), member(quota, "spec", "hard")) and running:
            yield waiting(quota, "its namespace or what it allows")
            continue
        for key, allowed in fields(member(quota, "spec", "hard")).items():
            if key not in {*_COUNTED, "pods"}:
                continue
            wanted = [_wanted(it, key) for it in own]
            if UNKNOWN in (allowed, *wanted) or any(namespace(it) is UNKNOWN for it in own):
                yield waiting(quota, f"{key}, or what the workloads ask for of it,")
            elif sum(wanted) > _number(allowed):
                yield Violation(quota, f"{key} is {allowed}, and the workloads ask for {_written(sum(wanted))}")


def quotas_fit_nodes(manifests: Manifests) -> Iterator[Violation]:
    """Find what the quotas of all namespaces promise beyond what the nodes have; a preview sees no nodes."""
    nodes = of_kind(manifests, "v1", "Node")
    for key, resource in (("requests.cpu", "cpu"), ("requests.memory", "memory")):
        amounts = [member(it, "status", "allocatable", resource) for it in nodes]
        quotas = [(member(it, "spec", "hard", key), it) for it in of_kind(manifests, "v1", "ResourceQuota")]
        if nodes and UNKNOWN in [*amounts, *(amount for amount, _ in quotas)]:
            yield waiting(nodes[0], f"what a node gives or a quota promises of {resource}")
            continue
        there = sum(map(_number, amounts), Fraction())
        promised = sum((_number(amount) for amount, _ in quotas), Fraction())
        if nodes and promised > there:
            largest = max(quotas, key=lambda it: _number(it[0]))[1]
            said = f"all quotas together promise {_written(promised)} of {key}, and the nodes have {_written(there)}"
            yield Violation(largest, f"{said}; this is the largest")


def _wanted(workload: Manifest, key: str) -> Any:
    """Return how much of a quota's ``key`` all copies of a workload take: a number, or UNKNOWN."""
    copies = _copies(workload)
    containers = member(template(workload), "spec", "containers")
    if UNKNOWN in (copies, containers):
        return UNKNOWN
    if key == "pods":
        return copies
    asked = [_asked(it, *_COUNTED[key]) for it in items(containers)]
    return UNKNOWN if UNKNOWN in asked else copies * sum(asked, Fraction())


def _copies(workload: Manifest) -> Any:
    match workload["kind"]:
        case "Pod" | "CronJob" | "DaemonSet":
            return Fraction(1)
        case "Job":
            copies = member(workload, "spec", "parallelism")
        case _:
            copies = member(workload, "spec", "replicas")
    return Fraction(1) if copies is None else copies if copies is UNKNOWN else _number(copies)


def _asked(container: Any, part: str, resource: str) -> Any:
    found = member(container, "resources", part, resource)
    if found is None and part == "requests":  # a container that names a limit alone asks for that much
        found = member(container, "resources", "limits", resource)
    return found if found is UNKNOWN else _number(found)


def _number(value: Any) -> Fraction:
    """Read a quantity; what is absent or no quantity counts nothing: the API server refuses the latter."""
    try:
        return parse(str(value))
    except ValueError:
        return Fraction()


def _written(value: Fraction) -> str:
    """Write a sum so that a person can compare it: thousandths, or whole mebibytes."""
    if value >= 2**20:
        return f"{-(-value // 2**20)}Mi"
    return str(int(value)) if value.denominator == 1 else f"{-(-value * 1000 // 1)}m"
