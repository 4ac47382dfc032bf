"""The accounts of an audit's tenants, and the probe pods that run with their rights."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance import workloads
from conformance.api import Api
from core.errors import KitError

READY_WITHIN = 60.0
"""Seconds in which all probe pods have to run."""

_HOPELESS = (
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImagePullBackOff",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
)
"""Reasons for which a container waits that do not pass by themselves: they are not waited for."""


class Family(StrEnum):
    """An address family."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"

    @property
    def version(self) -> int:
        """Number of the Internet Protocol: 4 or 6."""
        return 4 if self is Family.IPV4 else 6

    @property
    def record(self) -> str:
        """Kind of the records that give a name its addresses: A or AAAA."""
        return "A" if self is Family.IPV4 else "AAAA"

    def of(self, addresses: Sequence[str]) -> str | None:
        """Return the first of the addresses that belongs to this family."""
        return next((a for a in addresses if ipaddress.ip_address(a).version == self.version), None)


@dataclass(frozen=True)
class Tenant:
    """A tenant of the audited cloud: an account and the namespace that probes live in."""

    name: str
    api: Api
    namespaces: tuple[str, ...]
    user: str = ""
    account: str = workloads.DEFAULT_ACCOUNT
    """Service account that its probe pods run as."""

    @property
    def namespace(self) -> str:
        """The namespace for probe pods."""
        return self.namespaces[0]

    def path(self, resource: str, group: str = "", namespace: str = "") -> str:
        """Path of a collection in the tenant's namespace; ``group`` is 'group/version' outside the core."""
        root = f"/apis/{group}" if group else "/api/v1"
        return f"{root}/namespaces/{namespace or self.namespace}/{resource}"


@dataclass(frozen=True)
class Probe:
    """A probe pod that runs; ``role`` is its name in reports."""

    tenant: Tenant
    role: str
    name: str
    node: str
    addresses: tuple[str, ...]
    node_addresses: tuple[str, ...]


@dataclass(frozen=True)
class Probes:
    """The pods of a run: servers of tenant a, kept on different nodes where possible, and a client of each tenant."""

    servers: tuple[Probe, ...]
    client: Probe
    stranger: Probe
    """The client of tenant b."""

    @property
    def all(self) -> tuple[Probe, ...]:
        """Every pod."""
        return (*self.servers, self.client, self.stranger)


def start(tenant_a: Tenant, tenant_b: Tenant, image: str, run: str) -> Probes:
    """Create all probe pods at once and wait until they run with an address; raises KitError when one does not."""
    plan = [
        (tenant_a, workloads.server(f"audit-{run}-server-1", image, run=run, account=tenant_a.account)),
        (tenant_a, workloads.server(f"audit-{run}-server-2", image, run=run, account=tenant_a.account)),
        (tenant_a, workloads.client(f"audit-{run}-client", image, run=run, account=tenant_a.account)),
        (tenant_b, workloads.client(f"audit-{run}-stranger", image, run=run, account=tenant_b.account)),
    ]
    for tenant, manifest in plan:
        tenant.api.create(tenant.path("pods"), manifest)
    deadline = time.monotonic() + READY_WITHIN
    first, second, client, stranger = (
        wait(tenant, manifest["metadata"]["name"], deadline) for tenant, manifest in plan
    )
    return Probes(servers=(first, second), client=client, stranger=stranger)


def wait(tenant: Tenant, name: str, deadline: float) -> Probe:
    """Wait until a pod of the audit runs with an address, by the deadline on the monotonic clock.

    Raises KitError when it does not, with the reason that the cloud gives.
    """
    while True:
        found = tenant.api.must("GET", f"{tenant.path('pods')}/{name}")
        if ready(found):
            break
        reason = _why_not(found.get("status", {}))
        if time.monotonic() > deadline or reason.startswith(_HOPELESS):
            raise KitError(f"probe pod {name} of tenant {tenant.name} did not get ready: {reason}")
        time.sleep(0.3)
    return Probe(
        tenant,
        name.split("-", 2)[2],
        name,
        str(found["spec"].get("nodeName", "")),
        tuple(entry["ip"] for entry in found["status"].get("podIPs", [])),
        tuple(entry["ip"] for entry in found["status"].get("hostIPs", [])),
    )


def ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod says that it is ready."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _why_not(status: Mapping[str, Any]) -> str:
    for container in status.get("containerStatuses", []):
        for state in container.get("state", {}).values():
            if reason := state.get("reason"):
                return f"{reason}: {state.get('message', '')}".strip(": ")
    for condition in status.get("conditions", []):
        if condition["status"] == "False" and condition.get("message"):
            return str(condition["message"])
    return f"phase {status.get('phase', 'unknown')}"
