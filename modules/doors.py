"""The ways that are open into, out of and within an agency's systems, as network policies.

Every way is named by labels, never by addresses, so that it is open or shut in both families alike. Both ends open it:
a policy where it begins, and one where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modules import guards, labels
from modules.agency import Agency, System
from modules.contract import Contract, Gateway
from modules.guards import Manifest
from modules.levels import LEVELS, Zone
from modules.spaces import gateways
from modules.workloads import POD_PORT, Workload

_EVERY: Final[Mapping[str, str]] = {}


def between_zones(agency: Agency, system: System, zone: Zone | None) -> Iterator[Manifest]:
    """Open the flows that the file declares, on the side of one zone; up to level 3 a zone is open to itself too."""
    if zone is None:
        return
    here = agency.namespace(system, zone)
    if LEVELS[system.level].zones_open:
        yield guards.open_inside(here)
    for flow in system.flows:
        end = f"{flow.port}-{flow.protocol.lower()}"
        if flow.source == zone:
            target = guards.pods_of(agency.namespace(system, flow.target), _EVERY)
            yield guards.allow_to(here, f"to-{flow.target}-{end}", _EVERY, target, flow.port, flow.protocol)
        if flow.target == zone:
            source = guards.pods_of(agency.namespace(system, flow.source), _EVERY)
            rule = guards.rule_from(source, flow.port, flow.protocol)
            yield guards.inward(here, f"from-{flow.source}-{end}", _EVERY, [rule])


def between_systems(
    owner: Agency, server: Workload, system: System, zone: Zone | None, others: Sequence[System]
) -> Iterator[Manifest]:
    """Open the flows among the systems of one owner: to the ``others`` exposed to the agency, and from all of them."""
    own = {labels.AGENCY: owner.slug}
    if zone == system.main and any(other.exposure == "agency" for other in others):
        exposed = {**guards.namespaces_with(own), "podSelector": {"matchLabels": {labels.EXPOSURE: "agency"}}}
        yield guards.allow_to(server.namespace, "to-own-systems", server.selector, exposed, POD_PORT)
    if zone == system.entry and system.exposure == "agency":
        yield guards.allow_from(server.namespace, "from-own-systems", server.selector, own, POD_PORT)


def entries(agency: Agency, system: System, zone: Zone | None) -> list[Gateway]:
    """Return the gateways of the central cloud that are let into a zone."""
    return gateways(agency, system) if zone == system.entry else []


def rules_from(promise: Contract, gateway: Gateway) -> list[Manifest]:
    """Return the rules that let a gateway in: none where the central cloud has no such gateway."""
    found = promise.gateway(gateway)
    return [guards.rule_from(guards.pods_of(found.namespace, found.pod_labels), POD_PORT)] if found else []


def from_gateway(server: Workload, gateway: Gateway, rules: Any) -> Manifest:
    """Let a gateway of the central cloud call a server, as ``rules_from`` says."""
    return guards.inward(server.namespace, f"from-{gateway}-gateway", server.selector, rules)
