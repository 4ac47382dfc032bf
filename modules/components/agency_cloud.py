"""The cloud of one agency: guarded namespaces for its systems and their zones, and the flows that are declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from modules import contract, doors, grants, guards, inheritance, spaces, workloads
from modules.agency import Agency, System
from modules.components.guarded_namespace import GuardedNamespace
from modules.components.program import plain_errors
from modules.contract import Contract, Gateway, SharedService
from modules.inheritance import Heirloom
from modules.levels import Zone


def unapplied(agency: Agency, *, central: bool) -> Iterator[str]:
    """Name what the file declares and nothing enforces, so that nobody takes it to be in force.

    ``central`` says that it stands on a cluster of the central cloud.
    """
    if agency.identity is not None:
        yield "identity (until the API server is configured with the output 'authenticator')"
    for system in agency.systems:
        at = f"systems: {system.name}"
        for name in ("retention", "backup"):
            if name in system.model_fields_set:
                yield f"{at}: {name} (labels, for the tools that keep logs and copies)"
        if not central:
            for service in system.consumes:
                yield f"{at}: consumes {service} (the central cloud is on another cluster; no way there)"
            for gateway in spaces.gateways(agency, system):
                yield f"{at}: calls from the {gateway} gateway (the central cloud is on another cluster)"
            if grants.granted(agency, system.name):
                yield f"{at}: exchange.consumes (the central cloud is on another cluster; no way there)"


def central_contract(stack: str) -> pulumi.Output[Contract]:
    """Read the central cloud's contract from its stack."""

    def parse(value: object) -> Contract:
        with plain_errors():
            return contract.parse(value, stack)

    return pulumi.StackReference(stack).get_output("contract").apply(parse)


def ways_out(
    agency: Agency, server: workloads.Workload, system: System, offered: pulumi.Output[Contract]
) -> Iterator[guards.Manifest]:
    """Let a system call the shared services that it consumes and, with a grant, the gateway of the exchange."""
    for name in system.consumes:
        yield _way_out(server, f"to-{name}", offered, partial(Contract.service, name=name))
    if grants.granted(agency, system.name):
        yield _way_out(server, "to-state-gateway", offered, Contract.exchange)


def ways_in(
    agency: Agency, server: workloads.Workload, system: System, zone: Zone | None, offered: pulumi.Output[Contract]
) -> Iterator[guards.Manifest]:
    """Let the gateways of the central cloud in that a system is exposed to; say so where there is no such gateway."""

    def rules(gateway: Gateway, promise: Contract) -> list[guards.Manifest]:
        found = doors.rules_from(promise, gateway)
        if not found:
            what = f"systems: {system.name}: calls from the {gateway} gateway"
            pulumi.log.warn(f"declared, and not enforced: {what} (the central cloud has none; it stays shut)")
        return found

    for name in doors.entries(agency, system, zone):
        yield doors.from_gateway(server, name, offered.apply(partial(rules, name)))


class AgencyCloud(pulumi.ComponentResource):
    """All that one agency has: guarded namespaces with a server in each, in one stack of its own.

    ``offered`` is None on another cluster than the central cloud's; ``alone`` are the options that put systems of
    level 5 on clusters of their own, by name; ``logs`` is the address of the central log store.
    """

    def __init__(
        self,
        agency: Agency,
        offered: pulumi.Output[Contract] | None,
        image: str,
        opts: pulumi.ResourceOptions | None = None,
        alone: Mapping[str, pulumi.ResourceOptions] | None = None,
        logs: str = "",
        heirlooms: Sequence[Heirloom] = (),
        *,
        shut: bool = False,
    ) -> None:
        super().__init__("govcloud:modules:AgencyCloud", agency.slug, None, opts)
        for what in unapplied(agency, central=offered is not None):
            pulumi.log.warn(f"declared, and not enforced: {what}", self)
        own_systems = inheritance.own_systems(agency, heirlooms)
        everything = [*own_systems, *(it.system for it in heirlooms)]
        for system in own_systems:
            for zone in system.places:
                server = spaces.workload(agency, system, zone, image)
                own = (alone or {}).get(system.name, pulumi.ResourceOptions())
                options = pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(parent=self))
                space = spaces.space(agency, system, zone, logs)
                others = [it for it in everything if it is not system]
                ways = all_ways(agency, agency, system, zone, server, offered, others)
                called = zone == system.entry and system.exposure != "none"
                fill(space, ways, workloads.manifests(server, service=called), options, shut=shut)
        self.systems = [described(agency, system) for system in own_systems]
        self.register_outputs({"systems": self.systems})


def all_ways(
    agency: Agency,
    owner: Agency,
    system: System,
    zone: Zone | None,
    server: workloads.Workload,
    offered: pulumi.Output[Contract] | None,
    others: Sequence[System],
) -> list[guards.Manifest]:
    """Return all ways that are open into and out of a place of a system, which was made for ``agency``."""
    ways = [*doors.between_zones(agency, system, zone)]
    if offered is not None and zone == system.main:
        ways += ways_out(agency, server, system, offered)
    if offered is not None:
        ways += ways_in(agency, server, system, zone, offered)
    return [*ways, *doors.between_systems(owner, server, system, zone, others)]


def fill(
    space: guards.Space,
    ways: Sequence[guards.Manifest],
    inside: Sequence[guards.Manifest],
    options: pulumi.ResourceOptions,
    *,
    shut: bool,
    protected: bool = False,
) -> None:
    """Make a namespace with its ways and what is in it; while its agency leaves, shut and with no running copy."""
    if not shut:
        GuardedNamespace(space, options, protected=protected).fill([*ways, *inside])
        return
    still = [it if it["kind"] != "Deployment" else {**it, "spec": {**it["spec"], "replicas": 0}} for it in inside]
    GuardedNamespace(guards.closed(space), options, protected=protected).fill(still)


def described(agency: Agency, system: System) -> dict[str, Any]:
    """Return what a stack says of a system: its level, its namespaces, and the name that it is called by."""
    facts: dict[str, Any] = {"name": system.name, "level": system.level}
    facts["namespace"] = agency.namespace(system, system.main)
    if system.zoned:
        facts["zones"] = {zone: agency.namespace(system, zone) for zone in system.all_zones}
    if system.exposure != "none":
        facts["dns_name"] = f"{system.name}.{agency.namespace(system, system.entry)}.svc"
    return facts


def _way_out(
    server: workloads.Workload,
    name: str,
    offered: pulumi.Output[Contract],
    choose: Callable[[Contract], SharedService],
) -> guards.Manifest:
    """Let a server call a shared service: its pods, by labels, so that both families are open alike."""

    def chosen(promise: Contract) -> SharedService:
        with plain_errors():
            return choose(promise)

    found = offered.apply(chosen)
    target = found.apply(lambda it: guards.pods_of(it.namespace, it.pod_labels))
    return guards.allow_to(server.namespace, name, server.selector, target, found.apply(lambda it: it.pod_port))
