"""Rules over several objects of a stack, one function each, known by the id of the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from policies.unknown import UNKNOWN, unknown_paths

Manifests = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Violation:
    """What is wrong with one object, seen together with the others."""

    manifest: Mapping[str, Any]
    found: str
    undecided: bool = False


def namespaces_deny_by_default(manifests: Manifests) -> Iterator[Violation]:
    """Find namespaces without a policy that closes all their pods in both directions."""
    policies = [it for it in manifests if it.get("kind") == "NetworkPolicy"]
    for space in (it for it in manifests if it.get("kind") == "Namespace" and it.get("apiVersion") == "v1"):
        name = _metadata(space, "name")
        if name in {None, UNKNOWN}:
            yield Violation(space, "metadata.name is not known yet", undecided=True)
            continue
        candidates = [it for it in policies if _metadata(it, "namespace") in {name, UNKNOWN}]
        closed = {direction for it in candidates for direction in _closes(it)}
        if missing := [direction for direction in ("Ingress", "Egress") if direction not in closed]:
            waiting = [it for it in candidates if any(unknown_paths(_judged(it)))]
            if waiting:
                names = ", ".join(str(_metadata(it, "name")) for it in waiting)
                yield Violation(space, f"the network policy {names} is not known yet", undecided=True)
            else:
                yield Violation(space, f"no network policy denies {' and '.join(missing)} for all its pods")


def _closes(policy: Mapping[str, Any]) -> Iterator[str]:
    """Directions that a policy closes for every pod of its namespace, opening nothing itself."""
    spec = policy.get("spec")
    if any(unknown_paths(_judged(policy))) or not isinstance(spec, Mapping) or spec.get("podSelector"):
        return
    for direction, field in (("Ingress", "ingress"), ("Egress", "egress")):
        if direction in (spec.get("policyTypes") or ["Ingress"]) and not spec.get(field):
            yield direction


def _judged(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a network policy that decide whether it closes its namespace."""
    spec = policy.get("spec", {})
    fields = ("podSelector", "policyTypes", "ingress", "egress")
    parts = {field: spec.get(field) for field in fields} if isinstance(spec, Mapping) else {"spec": spec}
    return {"namespace": _metadata(policy, "namespace"), **parts}


def _metadata(manifest: Mapping[str, Any], field: str) -> Any:
    metadata = manifest.get("metadata")
    return metadata.get(field) if isinstance(metadata, Mapping) else metadata


FUNCTIONS: Final[Mapping[str, Callable[[Manifests], Iterator[Violation]]]] = MappingProxyType(
    {"agency-namespace-default-deny": namespaces_deny_by_default}
)
