"""The cloud of one agency: a guarded namespace for each of its systems, and the flows that are declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pulumi

from core.errors import KitError
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
    named = {"agency": agency.name.model_dump(), "system": system.title.model_dump(exclude_none=True)}
    names = {
        f"{labels.PREFIX}/{what}-name-{language}": name
        for what, by_language in named.items()
        for language, name in by_language.items()
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


def check_placement(agency: Agency) -> None:
    """Refuse an agency that is not to run on the shared cluster, which is the only one that this version fills."""
    if agency.placement.cluster != "shared":
        raise KitError(
            f"{agency.slug}: 'placement.cluster: {agency.placement.cluster}' is not applied by this version of the kit",
            "plan it with 'govcloud agency plan'; nothing was changed",
        )


def unapplied(agency: Agency) -> Iterator[str]:
    """Name what the file declares and this version does not act on, so that nobody takes it to be in force."""
    for name in ("identity", "exchange"):
        if name in agency.model_fields_set:
            yield name
    for system in agency.systems:
        if system.exposure not in {"none", "agency"}:
            yield f"systems: {system.name}: exposure {system.exposure} (it stays closed)"
        for name in ("environment", "zones", "flows", "retention", "backup"):
            if name in system.model_fields_set:
                yield f"systems: {system.name}: {name}"


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
        with plain_errors():
            check_placement(agency)
        for what in unapplied(agency):
            pulumi.log.warn(f"declared, and not yet applied: {what}", self)
        self.systems: list[dict[str, Any]] = []
        for system in agency.systems:
            server = workload(agency, system, image)
            guarded = GuardedNamespace(space(agency, system), pulumi.ResourceOptions(parent=self))
            doors = [door_out(server, offered, service) for service in system.consumes]
            inside = doors_inside(agency, server, system)
            guarded.fill([*doors, *inside, *workloads.manifests(server, service=system.exposure == "agency")])
            self.systems.append({"name": system.name, "level": system.level, "namespace": server.namespace})
        self.register_outputs({"systems": self.systems})
