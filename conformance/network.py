"""Proof by packets: attempts between probe pods, and the policies that open and close the way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from conformance import dns, workloads
from conformance.probes import Family, Probe, Tenant
from core.errors import KitError

ATTEMPT_SECONDS = 1.2
"""An attempt that has no answer by then is taken as dropped: inside one data centre an answer takes milliseconds."""
OPEN_WITHIN = 45.0
"""A new Service or policy may take this long to reach every node; a watch that broke is opened again within 30 s."""
CLOSED_WITHIN = 8.0
NAMED_WITHIN = 90.0
"""A name server may take this long to learn of a new Service, and to forget that it did not know it.

One that lost its watch tries again after pauses of up to 30 s, and keeps for 30 s that a name was not there."""
DIAL_SECONDS = 8.0
SETTLE_SECONDS = 0.25
"""What a change of policy is given before the first attempt; later attempts decide, this only saves one."""


@dataclass(frozen=True)
class Path:
    """A way from a probe to a port, over one protocol."""

    source: Probe
    destination: str
    """Address or name."""
    protocol: str
    label: str
    port: int = 0
    """0 stands for the port of the audit's servers."""

    def attempt(self) -> str:
        """Try once: ``open``, or what the network said, such as TIMEOUT or REFUSED."""
        port = self.port or (workloads.TCP_PORT if self.protocol == "tcp" else workloads.UDP_PORT)
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


def dial(
    probe: Probe, host: str, port: int, protocol: str, request: str | bytes, *, within: float = OPEN_WITHIN
) -> str:
    """Let a probe send a request from inside its pod until it is answered; raises KitError when it never is."""
    query = urlencode({"host": host, "port": port, "protocol": protocol, "request": request, "tries": 1})
    tenant = probe.tenant
    path, deadline = f"/dial?{query}", time.monotonic() + within
    while True:
        body = tenant.api.fetch(tenant.namespace, probe.name, workloads.TCP_PORT, path, seconds=DIAL_SECONDS)
        outcome = json.loads(body)
        if outcome.get("responses"):
            return str(outcome["responses"][0])
        if time.monotonic() > deadline:
            raise KitError(f"no answer from {host} port {port} over {protocol}: {'; '.join(outcome.get('errors', []))}")


def look_up(probe: Probe, server: str, name: str, kind: int) -> list[dns.Record]:
    """Ask a name server from inside a pod for one kind of record, until it knows some or ``NAMED_WITHIN`` is over."""
    deadline = time.monotonic() + NAMED_WITHIN
    while True:
        answer = dial(probe, server, 53, "udp", dns.question(name, kind))
        records = [record for record in dns.answers(dns.cells(answer)) if record.kind == kind]
        if records or time.monotonic() > deadline:
            return records
        time.sleep(1)


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


def summary(answers: Mapping[Path, str], separator: str = "; ") -> str:
    """Answers of paths, in one line or with another separator."""
    return separator.join(f"{path}: {answer}" for path, answer in answers.items())


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


def policies_of(tenant: Tenant) -> str:
    """Path of the tenant's NetworkPolicies."""
    return tenant.path("networkpolicies", "networking.k8s.io/v1")


@contextmanager
def policy(tenant: Tenant, manifest: Mapping[str, Any]) -> Iterator[None]:
    """Hold a NetworkPolicy in the tenant's namespace for as long as the block runs."""
    collection = policies_of(tenant)
    tenant.api.create(collection, manifest)
    try:
        yield
    finally:
        tenant.api.remove(f"{collection}/{manifest['metadata']['name']}")
