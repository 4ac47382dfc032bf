"""A service that the central cloud shares with the agencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from modules import guards, labels, workloads
from modules.components.guarded_namespace import GuardedNamespace
from modules.contract import Gateway, by_family
from modules.levels import LEVELS, Level


def space(name: str, level: Level) -> guards.Space:
    """Return the namespace of a shared service."""
    facts = {labels.ENVIRONMENT: "production", labels.LOG_MONTHS: str(LEVELS[level].logs)}
    quota = LEVELS[level].quota
    return guards.Space(name=f"cgc-{name}", tier="cgc", level=level, quota=quota, group="govcloud:cgc", labels=facts)


def workload(name: str, level: Level, image: str) -> workloads.Workload:
    """Return the workload of a shared service."""
    return workloads.Workload(name=name, namespace=f"cgc-{name}", replicas=LEVELS[level].replicas, image=image)


def manifests(server: workloads.Workload, gateways: Sequence[Gateway] = ()) -> list[guards.Manifest]:
    """Return what stands in the namespace: the door for agencies that may call the service, then the service.

    A service that is a gateway may call the systems that are open to it; that of the exchange (``state``) lets in
    who holds a grant.
    """
    source = {labels.TIER: "agc", labels.consumes(server.name): "true"}
    doors = [guards.allow_from(server.namespace, "from-agencies", server.selector, source, workloads.POD_PORT)]
    for gateway in gateways:
        target = guards.namespaces_with({labels.TIER: "agc", labels.open_to(gateway): "true"})
        name = f"{gateway}-to-agencies"
        doors.append(guards.allow_to(server.namespace, name, server.selector, target, workloads.POD_PORT))
    if "state" in gateways:
        holder = {labels.TIER: "agc", labels.GRANTED: "true"}
        doors.append(guards.allow_from(server.namespace, "from-granted", server.selector, holder, workloads.POD_PORT))
    return [*doors, *workloads.manifests(server, service=True)]


class SharedService(pulumi.ComponentResource):
    """A dual-stack service in a guarded namespace, open to the agencies whose systems consume it, and to no one else.

    ``contract`` holds the fields of modules.contract.SharedService once the Service has its addresses.
    """

    def __init__(
        self,
        name: str,
        level: Level,
        image: str,
        opts: pulumi.ResourceOptions | None = None,
        gateways: Sequence[Gateway] = (),
    ) -> None:
        super().__init__("govcloud:modules:SharedService", name, None, opts)
        server = workload(name, level, image)
        guarded = GuardedNamespace(space(name, level), pulumi.ResourceOptions(parent=self))
        made = guarded.fill(manifests(server, gateways), parent=self)
        addresses: pulumi.Output[list[str] | None] = made[f"Service/{name}"].spec.cluster_ips  # type: ignore[attr-defined]
        known = {
            "name": name,
            "namespace": server.namespace,
            "dns_name": f"{name}.{server.namespace}.svc",
            "port": workloads.SERVICE_PORT,
            "pod_port": workloads.POD_PORT,
            "pod_labels": server.selector,
        }
        # a preview has no addresses yet; an apply without both is refused by whoever reads the contract
        self.contract: pulumi.Output[dict[str, Any]] = addresses.apply(lambda it: {**known, **by_family(it or [])})
        self.register_outputs({"contract": self.contract})
