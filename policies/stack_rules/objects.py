"""How rules over several objects look into them. Each answer has a third value: not known before the apply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.unknown import UNKNOWN, unknown_paths

Manifest = Mapping[str, Any]
Manifests = Sequence[Manifest]

_TEMPLATES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("v1", "Pod"): (),
    ("v1", "ReplicationController"): ("spec", "template"),
    ("apps/v1", "DaemonSet"): ("spec", "template"),
    ("apps/v1", "Deployment"): ("spec", "template"),
    ("apps/v1", "ReplicaSet"): ("spec", "template"),
    ("apps/v1", "StatefulSet"): ("spec", "template"),
    ("batch/v1", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("batch/v1", "Job"): ("spec", "template"),
}
"""Where a kind that runs something keeps its pod."""


@dataclass(frozen=True)
class Violation:
    """What is wrong with one object, seen together with the others."""

    manifest: Manifest
    found: str
    undecided: bool = False


def of_kind(manifests: Manifests, api: str, kind: str) -> list[Manifest]:
    """Return the objects of a kind; ``api`` is its apiVersion."""
    return [it for it in manifests if (it.get("apiVersion"), it.get("kind")) == (api, kind)]


def workloads(manifests: Manifests) -> list[Manifest]:
    """Return what runs something and is not itself made by another of these objects."""
    return [it for it in manifests if (it.get("apiVersion"), it.get("kind")) in _TEMPLATES and not _made(it)]


def template(workload: Manifest) -> Any:
    """Return the pod of a workload, with its metadata: a map, None or UNKNOWN."""
    return member(workload, *_TEMPLATES[workload["apiVersion"], workload["kind"]])


def pod_path(manifest: Manifest) -> tuple[str, ...] | None:
    """Return where the spec of the pod stands in a workload; None in any other object."""
    path = _TEMPLATES.get((str(manifest.get("apiVersion")), str(manifest.get("kind"))))
    return None if path is None else (*path, "spec")


def member(value: Any, *path: str) -> Any:
    """Return what stands at a path of names: None where nothing does, UNKNOWN where that is not known."""
    for name in path:
        if value is UNKNOWN:
            return UNKNOWN
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def items(value: Any) -> list[Any]:
    """Return the items of a list, or none."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


def fields(value: Any) -> Mapping[str, Any]:
    """Return the fields of a map, or none."""
    return value if isinstance(value, Mapping) else {}


def name(manifest: Manifest) -> Any:
    """Return its name."""
    return member(manifest, "metadata", "name")


def namespace(manifest: Manifest) -> Any:
    """Return the namespace that it lies in."""
    return member(manifest, "metadata", "namespace")


def label(manifest: Any, key: str) -> Any:
    """Return a label of an object or of the pod of a workload."""
    return member(manifest, "metadata", "labels", key)


def unknown(value: Any) -> bool:
    """Tell whether something in it is not known."""
    return any(True for _ in unknown_paths(value))


def selects(selector: Any, labels: Any) -> bool | None:
    """Tell whether a label selector selects an object with these labels; None: not known yet."""
    if unknown(selector) or labels is UNKNOWN:
        return None
    if not isinstance(selector, Mapping):
        return False
    labels = fields(labels)
    answers = [_equal(labels.get(key), value) for key, value in fields(member(selector, "matchLabels")).items()]
    answers += [_expression(it, labels) for it in items(member(selector, "matchExpressions"))]
    if False in answers:
        return False
    return None if None in answers else True


def _equal(found: Any, wanted: Any) -> bool | None:
    return None if found is UNKNOWN else found == wanted


def _expression(expression: Any, labels: Manifest) -> bool | None:
    found = labels.get(member(expression, "key"))
    if found is UNKNOWN:
        return None
    values = items(member(expression, "values"))
    match member(expression, "operator"):
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case _:
            return found is None


def _made(manifest: Manifest) -> bool:
    """Tell whether a controller made it; only a cluster's answer says that."""
    return any(member(it, "controller") is True for it in items(member(manifest, "metadata", "ownerReferences")))


def waiting(manifest: Manifest, what: str) -> Violation:
    """Return what is said when a rule cannot be decided."""
    return Violation(manifest, f"{what} is not known yet", undecided=True)


def by_namespace(manifests: Manifests) -> Iterator[tuple[str, list[Manifest]]]:
    """Part objects by the namespace they lie in; those whose namespace is not known are left out."""
    found: dict[str, list[Manifest]] = {}
    for it in manifests:
        space = namespace(it) or "default"
        if isinstance(space, str):
            found.setdefault(space, []).append(it)
    yield from found.items()
