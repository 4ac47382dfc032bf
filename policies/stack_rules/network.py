"""Rules over several objects: doors between namespaces, address blocks, zones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modules import labels
from modules.levels import LEVELS
from policies.stack_rules.objects import (
    Manifest,
    Manifests,
    Violation,
    fields,
    items,
    label,
    member,
    name,
    namespace,
    of_kind,
    unknown,
    waiting,
)
from policies.unknown import UNKNOWN

_DIRECTIONS: Final = (("Ingress", "ingress", "from"), ("Egress", "egress", "to"))


def namespaces_deny_by_default(manifests: Manifests) -> Iterator[Violation]:
    """Find namespaces without a policy that closes all their pods in both directions."""
    policies = _policies(manifests)
    for space in of_kind(manifests, "v1", "Namespace"):
        own = name(space)
        if own in (None, UNKNOWN):
            yield waiting(space, "metadata.name")
            continue
        candidates = [it for it in policies if namespace(it) in (own, UNKNOWN)]
        closed = {direction for it in candidates for direction in _closes(it)}
        if missing := [direction for direction in ("Ingress", "Egress") if direction not in closed]:
            if open_ones := [it for it in candidates if unknown(_judged(it))]:
                yield waiting(space, f"the network policy {', '.join(_told(it) for it in open_ones)}")
            else:
                yield Violation(space, f"no network policy denies {' and '.join(missing)} for all its pods")


def address_blocks_in_pairs(manifests: Manifests) -> Iterator[Violation]:
    """Find IPv4 blocks that no IPv6 block stands beside, for the same pods, direction and ports."""
    judged = [*_policies(manifests), *of_kind(manifests, "networking.k8s.io/v1", "ServiceCIDR")]
    hidden = [it for it in judged if unknown([namespace(it), it.get("spec")])]
    families: dict[str, dict[str, list[Manifest]]] = {}
    for manifest in judged:
        for place, cidr in () if manifest in hidden else _opened(manifest):
            found = families.setdefault(place, {}).setdefault("IPv6" if ":" in cidr else "IPv4", [])
            if manifest not in found:
                found.append(manifest)
    for found_in in families.values():
        for manifest in found_in["IPv4"] if "IPv6" not in found_in else ():
            if pairs := [it for it in hidden if _may_pair(it, manifest)]:
                yield waiting(manifest, f"what {', '.join(_told(it) for it in pairs)} opens")
            else:
                yield Violation(manifest, "a block of IPv4 addresses has no IPv6 block for the same pods and ports")
    for manifest in hidden:
        yield waiting(manifest, "which addresses it opens")


def systems_have_their_zones(manifests: Manifests) -> Iterator[Violation]:
    """Find systems that are divided into zones, and lack some of their level's."""
    systems: dict[tuple[Any, Any], list[Manifest]] = {}
    hidden = []
    for space in of_kind(manifests, "v1", "Namespace"):
        facts = [label(space, key) for key in (labels.AGENCY, labels.SYSTEM, labels.ZONE, labels.SECURITY_LEVEL)]
        if UNKNOWN in facts:
            hidden.append(space)
            yield waiting(space, "a label with its system, zone or level")
        elif facts[2] is not None:
            systems.setdefault((facts[0], facts[1]), []).append(space)
    for spaces in systems.values():
        first = spaces[0]
        zones = [label(it, labels.ZONE) for it in spaces]
        levels = [
            int(it) for it in (label(it, labels.SECURITY_LEVEL) for it in spaces) if it in ("1", "2", "3", "4", "5")
        ]
        needed = LEVELS[max(levels, default=1)].zones
        missing = [zone for zone in needed if zone not in zones]
        if missing and hidden:
            yield waiting(first, f"a label of {', '.join(_told(it) for it in hidden)}")
        elif missing:
            yield Violation(first, f"the system {label(first, labels.SYSTEM)} lacks the zones {', '.join(missing)}")


def _policies(manifests: Manifests) -> list[Manifest]:
    return of_kind(manifests, "networking.k8s.io/v1", "NetworkPolicy")


def _opened(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Return the address blocks that a policy opens, or that are given to Services, each with what it is opened to."""
    spec = fields(manifest.get("spec"))
    for cidr in items(spec.get("cidrs")):
        yield "services", cidr
    for direction, field, peers in _DIRECTIONS:
        for rule in items(spec.get(field)):
            place = [namespace(manifest), spec.get("podSelector") or {}, direction, member(rule, "ports") or []]
            for peer in items(member(rule, peers)):
                if isinstance(cidr := member(peer, "ipBlock", "cidr"), str):
                    yield json.dumps(place, sort_keys=True), cidr


def _may_pair(hidden: Manifest, manifest: Manifest) -> bool:
    return hidden["kind"] == manifest["kind"] and namespace(hidden) in (namespace(manifest), UNKNOWN)


def _closes(policy: Manifest) -> Iterator[str]:
    """Directions that a policy closes for every pod of its namespace, opening nothing itself."""
    spec = policy.get("spec")
    if unknown(_judged(policy)) or not isinstance(spec, Mapping) or spec.get("podSelector"):
        return
    for direction, field, _ in _DIRECTIONS:
        if direction in (spec.get("policyTypes") or ["Ingress"]) and not spec.get(field):
            yield direction


def _judged(policy: Manifest) -> dict[str, Any]:
    """Return the parts of a network policy that decide what it opens and closes."""
    spec = policy.get("spec", {})
    decisive = ("podSelector", "policyTypes", "ingress", "egress")
    parts = {field: spec.get(field) for field in decisive} if isinstance(spec, Mapping) else {"spec": spec}
    return {"namespace": namespace(policy), **parts}


def _told(manifest: Manifest) -> str:
    return str(name(manifest))
