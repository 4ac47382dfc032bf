"""The cloud of one agency: a guarded namespace for each of its systems, and the flows that are declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pulumi

from modules import contract, guards, labels, workloads
from modules.agency import Agency, System
from modules.components.guarded_namespace import GuardedNamespace
from modules.components.program import plain_errors
from modules.contract import Contract, SharedService
from modules.levels import LEVELS


def space(agency: Agency, system: System) -> guards.Space:
    """Return the namespace of a system, with the facts that policies and people look for."""
    facts = {
        labels.AGENCY: agency.slug,
        labels.AGENCY_KEY: str(agency.key),
        labels.SYSTEM: system.name,
        **{labels.consumes(service): "true" for service in system.consumes},
    }
    names = {f"{labels.PREFIX}/agency-name-{language}": name for language, name in agency.name.model_dump().items()} | {
        f"{labels.PREFIX}/system-name-{language}": name for language, name in system.title.model_dump(exclude_none=True).items()
    }
    return guards.Space(
        name=agency.namespace(system),
        tier="agc",
        level=system.level,
        quota=system.limits,
        group=f"govcloud:agc:{agency.slug}",
        labels=facts,
        annotations=names,
    )


def workload(agency: Agency, system: System, image: str = workloads.DEFAULT_IMAGE) -> workloads.Workload:
    """Return the workload of a system."""
    return workloads.Workload(
        name=system.name,
        namespace=agency.namespace(system),
        replicas=LEVELS[system.level].replicas,
        image=image,
        pod_labels={labels.EXPOSURE: system.exposure},
    )


def central_contract(stack: str) -> pulumi.Output[Contract]:
    """Read the central cloud's contract from its stack."""

    def parse(value: object) -> Contract:
        with plain_errors():
            return contract.parse(value, stack)

    return pulumi.StackReference(stack).get_output("contract").apply(parse)


def door_out(server: workloads.Workload, offered: pulumi.Output[Contract], name: str) -> guards.Manifest:
    """Let a system's workload call a shared service: its pods, by labels, so that both families are open alike."""

    def service(promise: Contract) -> SharedService:
        with plain_errors():
            return promise.service(name)

    found = offered.apply(service)
    target = found.apply(lambda it: guards.pods_of(it.namespace, it.pod_labels))
    return guards.allow_to(server.namespace, f"to-{name}", server.selector, target, found.apply(lambda it: it.pod_port))


def doors_inside(agency: Agency, server: workloads.Workload, system: System) -> Iterator[guards.Manifest]:
    """Open the flows among the agency's own systems: to those exposed to the agency, and from all of them."""
    own = {labels.AGENCY: agency.slug}
    if any(other.exposure == "agency" for other in agency.systems if other.name != system.name):
        exposed = {
            "namespaceSelector": {"matchLabels": own},
            "podSelector": {"matchLabels": {labels.EXPOSURE: "agency"}},
        }
        yield guards.allow_to(server.namespace, "to-own-systems", server.selector, exposed, workloads.POD_PORT)
    if system.exposure == "agency":
        yield guards.allow_from(server.namespace, "from-own-systems", server.selector, own, workloads.POD_PORT)


class AgencyCloud(pulumi.ComponentResource):
    """All that one agency has: a guarded namespace and a workload for each system, in one stack of its own."""

    def __init__(
        self,
        agency: Agency,
        offered: pulumi.Output[Contract],
        image: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("govcloud:modules:AgencyCloud", agency.slug, None, opts)
        self.systems: list[dict[str, Any]] = []
        for system in agency.systems:
            server = workload(agency, system, image)
            guarded = GuardedNamespace(space(agency, system), pulumi.ResourceOptions(parent=self))
            doors = [door_out(server, offered, service) for service in system.consumes]
            inside = doors_inside(agency, server, system)
            guarded.fill([*doors, *inside, *workloads.manifests(server, service=system.exposure == "agency")])
            self.systems.append({"name": system.name, "level": system.level, "namespace": server.namespace})
        self.register_outputs({"systems": self.systems})
