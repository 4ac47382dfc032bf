"""What a program left out, and what can be put in for it without asking: one safe value, in one place.

Only what is absent is filled in. What somebody wrote stays as it is, and is refused if a rule refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from policies.stack_rules.objects import fields, member, pod_path
from policies.unknown import UNKNOWN

Path = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A value for a place where nothing stands."""

    path: Path
    value: Any


def seccomp(manifest: Mapping[str, Any]) -> Iterator[Change]:
    """Give the pod of a workload the container runtime's seccomp profile, where it names none."""
    path = pod_path(manifest)
    if path is None or not fields(member(manifest, *path)):
        return
    context = (*path, "securityContext")
    windows = member(manifest, *path, "os", "name") in ("windows", UNKNOWN)
    if not windows and member(manifest, *context, "seccompProfile") is None:
        yield Change((*context, "seccompProfile"), {"type": "RuntimeDefault"})


def dual_stack(manifest: Mapping[str, Any]) -> Iterator[Change]:
    """Let a Service that says nothing of families ask for both."""
    if (manifest.get("apiVersion"), manifest.get("kind")) != ("v1", "Service") or not fields(manifest.get("spec")):
        return
    alias = member(manifest, "spec", "type") in ("ExternalName", UNKNOWN)
    if not alias and member(manifest, "spec", "ipFamilyPolicy") is None:
        yield Change(("spec", "ipFamilyPolicy"), "RequireDualStack")


REMEDIES: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[Change]]]] = MappingProxyType(
    {"pod-seccomp": seccomp, "published-service-dual-stack": dual_stack}
)
"""By the id of the rule whose violation they take away."""


def remedied(manifest: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """Return the manifest with the changes, or an equal one; what it is made of is not touched."""
    result = dict(manifest)
    for change in changes:
        result = _with(result, change.path, change.value)
    return result


def _with(value: Mapping[str, Any], path: Path, new: Any) -> dict[str, Any]:
    first, *rest = path
    inner = value.get(first)
    return {**value, first: _with(inner if isinstance(inner, Mapping) else {}, tuple(rest), new) if rest else new}
