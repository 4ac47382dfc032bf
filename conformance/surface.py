"""The side of a cloud that the public sees: its endpoints with the addresses that its names lead to."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance import client, outside
from conformance.declared import NotDeclaredError, declared
from conformance.outside import Place
from conformance.plugin import EvidenceBook
from conformance.probes import Family
from conformance.public import Endpoint, Exposed
from conformance.reach import look_up
from conformance.target import Target
from core.errors import KitError

ADMINISTRATION = {
    22: "SSH",
    23: "Telnet",
    111: "RPC port mapper",
    2379: "etcd",
    2380: "etcd",
    3389: "RDP",
    5900: "VNC",
    5985: "WinRM",
    5986: "WinRM",
    10250: "kubelet",
    10255: "kubelet",
    10257: "controller manager",
    10259: "scheduler",
}
"""Ports that administration uses, which nobody outside has to reach (TCVN 14423:2026, 5.13.2.3 b)."""
OTHERS = (
    *(
        21,
        25,
        53,
        80,
        110,
        135,
        139,
        143,
        179,
        389,
        443,
        445,
        636,
        1433,
        1521,
        2375,
        2376,
        3306,
        5000,
        5432,
        6379,
        6443,
    ),
    *(
        8000,
        8080,
        8081,
        8443,
        8888,
        9000,
        9090,
        9100,
        9200,
        9443,
        10249,
        10256,
        11211,
        15672,
        27017,
        30000,
        32767,
        50000,
    ),
)
SCANNED = tuple(sorted({*ADMINISTRATION, *OTHERS}))
"""What a scan tries at each address beside the declared ports: some fifty that are left open most often."""


@dataclass
class Surface:
    """What a target file declares of a cloud's public side, and the addresses that were found for its names."""

    target: Target
    _found: dict[tuple[str, Family], list[str] | KitError] = field(default_factory=dict)
    _scanned: dict[str, list[int]] = field(default_factory=dict)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every declared endpoint."""
        return declared(self.target.endpoints, "endpoints")

    @property
    def exposure(self) -> tuple[Exposed, ...]:
        """Every declared public address, with the ports that may be open there."""
        return declared(self.target.exposure, "public addresses and their open ports (exposure)")

    def endpoint_with(self, wanted: str, what: str) -> Endpoint:
        """Return the first endpoint that has a field, such as ``large``."""
        for endpoint in self.endpoints:
            if getattr(endpoint, wanted):
                return endpoint
        raise NotDeclaredError(f"endpoint with {what} ({wanted})")

    def addresses(self, name: str, family: Family) -> list[str]:
        """Addresses of a name in one family, from its own name servers where these are declared; none if it has none.

        Raises KitError when no name server can be asked.
        """
        if (name, family) not in self._found:
            try:
                self._found[name, family] = self._ask(name, family)
            except KitError as error:  # servers that are silent are not waited for by every check again
                self._found[name, family] = error
        if isinstance(found := self._found[name, family], KitError):
            raise found
        return found

    def address(self, endpoint: Endpoint, family: Family) -> str:
        """Return the first address of an endpoint; one that has none fails the check, for nobody reaches it."""
        found = self.addresses(endpoint.name, family)
        assert found, f"{endpoint.name} has no {family.record} record: nobody reaches it over {family}"  # noqa: S101
        return found[0]

    def open_ports(self, address: str, ports: list[int]) -> list[int]:
        """Scan ports of an address from outside, once in a run."""
        if address not in self._scanned:
            self._scanned[address] = list(self.outside().do("scan", address=address, ports=ports)["open"])
        return self._scanned[address]

    def outside(self) -> Place:
        """Return a place outside the cloud."""
        command = self.target.clients.outside
        return outside.place("a client outside", command) if command else outside.here()

    def ipv6_only(self) -> Place:
        """Return a place that has IPv6 alone."""
        command = declared(self.target.clients.ipv6_only, "client with IPv6 alone (clients.ipv6_only)")
        return outside.place("the client with IPv6 alone", command)

    def narrow(self) -> Place:
        """Return a place behind a small link."""
        command = declared(self.target.clients.narrow, "client behind a small link (clients.narrow)")
        return outside.place("the client behind a small link", command)

    def _ask(self, name: str, family: Family) -> list[str]:
        servers = self.target.name_servers
        if servers is None or not servers.answer_for(name):
            return _system(name, family)
        errors = []
        for server in map(str, servers.addresses):
            for tcp in (False, True):
                answer = client.lookup(server, name, family.record, tcp=tcp)
                if "addresses" in answer:
                    return list(answer["addresses"])
                errors.append(f"{server}: {answer['error']}")
        raise KitError(f"no name server could be asked for {name}: {'; '.join(errors)}")


def fetched(where: Place, endpoint: Endpoint, address: str, evidence: EvidenceBook, **arguments: Any) -> dict[str, Any]:
    """Make an exchange with an endpoint at one address, and note it; the caller judges what came back."""
    words = {"port": endpoint.port, "path": endpoint.path, "name": endpoint.name, **arguments}
    answer = where.do("fetch", address=address, **words)
    scheme, method = "http" if words.get("plain") else "https", "POST" if words.get("send") else "GET"
    evidence.add(f"{method} {scheme}://{endpoint.name}:{words['port']}{words['path']} at {address}", told(answer))
    return answer


def told(answer: Mapping[str, Any]) -> str:
    """Say in one line what an exchange brought."""
    if "error" in answer:
        return str(answer["error"])
    words = [str(answer["status"]), f"{answer['octets']} octets, sha256 {answer['sha256'][:16]}"]
    if "certificate" in answer:
        words.append(f"{answer['tls']}, certificate sha256 {answer['certificate'][:16]}")
    path = answer["path"]
    words.append(f"segments of {path['segments_sent']} sent, {path['segments_received']} received")
    return "; ".join([*words, f"{answer['seconds']} s"])


def _system(name: str, family: Family) -> list[str]:
    try:
        return sorted(look_up(name, family.lower()))
    except socket.gaierror as error:
        if error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}:
            return []
        raise KitError(f"{name}: this machine's resolver could not be asked: {error.strerror}") from error
