"""Proof by packets: probe pods, attempts between them, and the policies that open and close the way."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from conformance import workloads
from conformance.api import Api
from core.errors import KitError

ATTEMPT_SECONDS = 1.2
"""An attempt that has no answer by then is taken as dropped: inside one data centre an answer takes milliseconds."""
OPEN_WITHIN = 20.0
CLOSED_WITHIN = 8.0
READY_WITHIN = 60.0
DIAL_SECONDS = 8.0
SETTLE_SECONDS = 0.25
"""What a change of policy is given before the first attempt; later attempts decide, this only saves one."""


class Family(StrEnum):
    """An address family."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"

    def of(self, addresses: Sequence[str]) -> str | None:
        """Return the first of the addresses that belongs to this family."""
        version = 4 if self is Family.IPV4 else 6
        return next((a for a in addresses if ipaddress.ip_address(a).version == version), None)


@dataclass(frozen=True)
class Tenant:
    """A tenant of the audited cloud: an account and the namespace that probes live in."""

    name: str
    api: Api
    namespaces: tuple[str, ...]
    user: str = ""

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


@dataclass(frozen=True)
class Path:
    """A way from a probe to a port, over one protocol."""

    source: Probe
    destination: str
    """Address or name."""
    protocol: str
    label: str

    def attempt(self) -> str:
        """Try once: ``open``, or what the network said, such as TIMEOUT or REFUSED."""
        port = workloads.TCP_PORT if self.protocol == "tcp" else workloads.UDP_PORT
        host = f"[{self.destination}]" if ":" in self.destination else self.destination
        command = [
            "/agnhost",
            "connect",
            f"--protocol={self.protocol}",
            f"--timeout={ATTEMPT_SECONDS}s",
            f"{host}:{port}",
        ]
        tenant = self.source.tenant
        done = tenant.api.execute(tenant.namespace, self.source.name, command, seconds=ATTEMPT_SECONDS + 8)
        return "open" if done.code == 0 else done.output.split(":")[0].strip()[:40] or "no answer"

    def __str__(self) -> str:
        return f"{self.protocol} {self.label}"


def dial(probe: Probe, host: str, port: int, protocol: str, request: str | bytes) -> str:
    """Let a probe send a request from inside its pod until it is answered; raises KitError when it never is."""
    query = urlencode({"host": host, "port": port, "protocol": protocol, "request": request, "tries": 1})
    tenant = probe.tenant
    path, deadline = f"/dial?{query}", time.monotonic() + OPEN_WITHIN
    while True:
        body = tenant.api.fetch(tenant.namespace, probe.name, workloads.TCP_PORT, path, seconds=DIAL_SECONDS)
        outcome = json.loads(body)
        if outcome.get("responses"):
            return str(outcome["responses"][0])
        if time.monotonic() > deadline:
            raise KitError(f"no answer from {host} port {port} over {protocol}: {'; '.join(outcome.get('errors', []))}")


def name_server(probe: Probe) -> str:
    """Return the address of the name server that a pod is told to use."""
    return _resolver(probe, "dns-server-list").split(",")[0]


def service_domain(probe: Probe) -> str:
    """Return the domain under which a pod finds Services, such as ``svc.cluster.local``."""
    suffixes = _resolver(probe, "dns-suffix").split(",")
    found = next((suffix for suffix in suffixes if suffix.startswith("svc.")), None)
    if found is None:
        raise KitError(f"pod {probe.name} is told no domain of Services: {', '.join(suffixes)}")
    return found


def _resolver(probe: Probe, command: str) -> str:
    done = probe.tenant.api.execute(probe.tenant.namespace, probe.name, ["/agnhost", command], seconds=DIAL_SECONDS)
    if done.code != 0:
        raise KitError(f"pod {probe.name} has no name service: {done.output.splitlines()[0] if done.output else ''}")
    return done.output.strip()


def attempt_all(paths: Sequence[Path]) -> dict[Path, str]:
    """Try all paths at the same time."""
    with ThreadPoolExecutor(max_workers=max(len(paths), 1)) as pool:
        return dict(zip(paths, pool.map(Path.attempt, paths), strict=True))


def settle(paths: Sequence[Path], *, is_open: bool, within: float) -> dict[Path, str]:
    """Try until every path is open (or none is), ``within`` seconds at most, and return the last answers."""
    deadline = time.monotonic() + within
    while True:
        time.sleep(SETTLE_SECONDS)
        answers = attempt_all(paths)
        if all((answer == "open") is is_open for answer in answers.values()) or time.monotonic() > deadline:
            return answers


def summary(answers: Mapping[Path, str]) -> str:
    """Answers of paths in one line."""
    return "; ".join(f"{path}: {answer}" for path, answer in answers.items())


def server_paths(source: Probe, servers: Sequence[Probe], family: Family) -> list[Path]:
    """Every way from a client to the servers in one family, over TCP and UDP, on the same node and on another."""
    paths = []
    for server in servers:
        address = family.of(server.addresses)
        if address is None:
            raise KitError(f"pod {server.name} has no {family} address, so nothing can be shown in {family}")
        place = "same node" if server.node == source.node else "other node"
        label = f"{source.role} → {server.role} [{address}], {place}"
        paths += [Path(source, address, protocol, label) for protocol in ("tcp", "udp")]
    return paths


@contextmanager
def policy(tenant: Tenant, manifest: Mapping[str, Any]) -> Iterator[None]:
    """Hold a NetworkPolicy in the tenant's namespace for as long as the block runs."""
    collection = tenant.path("networkpolicies", "networking.k8s.io/v1")
    tenant.api.create(collection, manifest)
    try:
        yield
    finally:
        tenant.api.remove(f"{collection}/{manifest['metadata']['name']}")


def start(tenant_a: Tenant, tenant_b: Tenant, image: str, run: str) -> Probes:
    """Create all probe pods at once and wait until they run with an address; raises KitError when one does not."""
    plan = [
        (tenant_a, workloads.server(f"audit-{run}-server-1", image, run=run)),
        (tenant_a, workloads.server(f"audit-{run}-server-2", image, run=run)),
        (tenant_a, workloads.client(f"audit-{run}-client", image, run=run)),
        (tenant_b, workloads.client(f"audit-{run}-stranger", image, run=run)),
    ]
    for tenant, manifest in plan:
        tenant.api.create(tenant.path("pods"), manifest)
    deadline = time.monotonic() + READY_WITHIN
    first, second, client, stranger = (
        _wait(tenant, manifest["metadata"]["name"], deadline) for tenant, manifest in plan
    )
    return Probes(servers=(first, second), client=client, stranger=stranger)


def _wait(tenant: Tenant, name: str, deadline: float) -> Probe:
    found = wait_for(
        lambda: tenant.api.must("GET", f"{tenant.path('pods')}/{name}"),
        _ready,
        deadline,
    )
    status = found.get("status", {})
    if not _ready(found):
        raise KitError(f"probe pod {name} of tenant {tenant.name} did not get ready: {_why_not(status)}")
    return Probe(
        tenant,
        name.split("-", 2)[2],
        name,
        str(found["spec"].get("nodeName", "")),
        tuple(entry["ip"] for entry in status.get("podIPs", [])),
        tuple(entry["ip"] for entry in status.get("hostIPs", [])),
    )


def wait_for(
    read: Callable[[], dict[str, Any]], good: Callable[[dict[str, Any]], bool], deadline: float
) -> dict[str, Any]:
    """Read until ``good`` or until the deadline, and return what was read last."""
    while True:
        value = read()
        if good(value) or time.monotonic() > deadline:
            return value
        time.sleep(0.3)


def _ready(pod: Mapping[str, Any]) -> bool:
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
