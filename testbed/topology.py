"""What to boot: the testbed's hosts, clusters and address ranges, read from a YAML file and checked whole."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from core.errors import KitError
from core.paths import REPOSITORY

TOPOLOGIES = REPOSITORY / "testbed" / "topologies"
DEFAULT = TOPOLOGIES / "default.yaml"

ROUTER = 1
"""Number of the backbone's router in both families; hosts have it as their gateway."""
MACHINE = 2
"""Number of the machine itself on the backbone."""
FIRST_HOST = 11
"""Number of the first host whose addresses the topology does not give."""
RESERVED_HOSTS = frozenset({"backbone", "uplink", "lo", "localhost", "all", "ungrouped"})
RESERVED_CLUSTERS = frozenset({"all", "bare", "workers"})

TestbedName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,7}$")]
ClusterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,7}$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$")]

PATTERNS = {
    "name": "a lower-case letter, then up to 7 lower-case letters or digits",
    "hosts.name": "a lower-case letter, then up to 14 lower-case letters, digits or '-', not '-' at the end",
}


class Role(StrEnum):
    """What a host becomes."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"
    BARE = "bare"


class Model(BaseModel):
    """Settings of every model here: nothing unknown is read, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ranges(Model):
    """A range of addresses in each family."""

    ipv4: IPv4Network
    ipv6: IPv6Network


class Host(Model):
    """A host; its addresses come from its place in the file unless they are given."""

    name: HostName
    role: Role
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None


class Cluster(Model):
    """A Kubernetes cluster: its hosts, and the ranges of its pods and services."""

    name: ClusterName
    pods: Ranges
    services: Ranges
    hosts: tuple[Host, ...] = Field(min_length=1)


class PlacedHost(Model):
    """A host with its cluster ('' for a bare one) and its addresses on the backbone."""

    name: str
    role: Role
    cluster: str
    ipv4: IPv4Address
    ipv6: IPv6Address


class Topology(Model):
    """A whole testbed."""

    name: TestbedName
    backbone: Ranges
    clusters: tuple[Cluster, ...] = ()
    hosts: tuple[Host, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if found := list(_mistakes(self)):
            raise ValueError("\n".join(found))
        return self

    def placed(self) -> tuple[PlacedHost, ...]:
        """Every host with its addresses: clusters in their order, then bare hosts."""
        return tuple(
            PlacedHost(
                name=host.name,
                role=host.role,
                cluster=cluster,
                ipv4=host.ipv4 or address4(self.backbone.ipv4, FIRST_HOST + index),
                ipv6=host.ipv6 or address6(self.backbone.ipv6, FIRST_HOST + index),
            )
            for index, (cluster, _, host) in enumerate(_hosts(self))
        )

    def host(self, name: str) -> PlacedHost:
        """Return the host of that name; KitError lists the names there are."""
        for host in self.placed():
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.placed()) or "none"
        raise KitError(f"testbed {self.name} has no host {name!r}", f"its hosts: {known}")


def address4(network: IPv4Network, number: int) -> IPv4Address:
    """Address number ``number`` of a range."""
    return network.network_address + number


def address6(network: IPv6Network, number: int) -> IPv6Address:
    """Address whose last digits read like ``number``, so that 10.201.0.11 and ...::11 are the same host."""
    return network.network_address + int(str(number), 16)


def load(path: Path | None = None) -> Topology:
    """Read a topology file (the default one when ``path`` is None).

    Raises KitError with one line for every mistake: file, field, what is wrong, what is allowed.
    """
    path = path or DEFAULT
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise KitError(f"topology {path}: cannot be read: {reason}", "name a YAML file with --topology") from error
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise KitError(f"topology {path}: not YAML: {line}", f"see {DEFAULT} for an example") from error
    if not isinstance(content, dict):
        raise KitError(f"topology {path}: holds no mapping of fields", f"see {DEFAULT} for an example")
    try:
        return Topology.model_validate(content)
    except ValidationError as error:
        lines = [f"topology {path}: {line}" for line in _lines(error)]
        raise KitError("\n".join(lines), "the fields are described in docs/testbed.md") from error


def dump(topology: Topology) -> str:
    """Return the topology as YAML that ``load`` reads back to an equal value."""
    return yaml.safe_dump(topology.model_dump(mode="json", exclude_none=True), sort_keys=False)


def _hosts(topology: Topology) -> Iterator[tuple[str, str, Host]]:
    """Yield (cluster, field, host) for every host in the file's order."""
    for c, cluster in enumerate(topology.clusters):
        for h, host in enumerate(cluster.hosts):
            yield cluster.name, f"clusters[{c}].hosts[{h}]", host
    for h, host in enumerate(topology.hosts):
        yield "", f"hosts[{h}]", host


def _mistakes(topology: Topology) -> Iterator[str]:
    yield from _range_mistakes(topology)
    yield from _overlaps(topology)
    yield from _name_mistakes(topology)
    yield from _role_mistakes(topology)
    yield from _address_mistakes(topology)


def _ranges(topology: Topology) -> list[tuple[str, str, Ranges]]:
    """(field, kind, ranges) of everything in the topology that takes addresses."""
    found = [("backbone", "backbone", topology.backbone)]
    for c, cluster in enumerate(topology.clusters):
        found += [(f"clusters[{c}].{kind}", kind, getattr(cluster, kind)) for kind in ("pods", "services")]
    return found


SIZES = {
    "backbone": ((16, 28), (48, 120)),
    "pods": ((8, 23), (48, 63)),  # a node gets a /24 and a /64; the allocator spans at most 16 bits in IPv6
    "services": ((12, 28), (108, 120)),  # the API server's limit is 20 bits
}
"""Prefix lengths allowed: (shortest, longest) for IPv4 and for IPv6."""


def _range_mistakes(topology: Topology) -> Iterator[str]:
    for field, kind, ranges in _ranges(topology):
        pairs: tuple[tuple[str, IPv4Network | IPv6Network], ...] = (("ipv4", ranges.ipv4), ("ipv6", ranges.ipv6))
        for (family, network), (shortest, longest) in zip(pairs, SIZES[kind], strict=True):
            if not shortest <= network.prefixlen <= longest:
                yield f"{field}.{family}: {network} has the wrong size; allowed: /{shortest} to /{longest}"
            if not network.is_private:
                allowed = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16" if network.version == 4 else "fc00::/7"
                yield f"{field}.{family}: {network} is not private; allowed: parts of {allowed}"


def _overlaps(topology: Topology) -> Iterator[str]:
    ranges = _ranges(topology)
    for index, (field, _, one) in enumerate(ranges):
        for other_field, _, other in ranges[:index]:
            if one.ipv4.overlaps(other.ipv4):
                yield f"{field}.ipv4: {one.ipv4} overlaps {other_field}.ipv4 {other.ipv4}; allowed: ranges apart"
            if one.ipv6.overlaps(other.ipv6):
                yield f"{field}.ipv6: {one.ipv6} overlaps {other_field}.ipv6 {other.ipv6}; allowed: ranges apart"


def _name_mistakes(topology: Topology) -> Iterator[str]:
    if not any(True for _ in _hosts(topology)):
        yield "hosts: the topology has no host; allowed: one or more, under clusters or under hosts"
    for c, cluster in enumerate(topology.clusters):
        if cluster.name in RESERVED_CLUSTERS:
            yield f"clusters[{c}].name: {cluster.name!r} is reserved; allowed: any but {_listed(RESERVED_CLUSTERS)}"
    for _, field, host in _hosts(topology):
        if host.name in RESERVED_HOSTS:
            yield f"{field}.name: {host.name!r} is reserved; allowed: any but {_listed(RESERVED_HOSTS)}"
    names = [cluster.name for cluster in topology.clusters] + [host.name for _, _, host in _hosts(topology)]
    for name, count in Counter(names).items():
        if count > 1:
            yield f"name: {name!r} is used {count} times; allowed: one name for each cluster and each host"


def _role_mistakes(topology: Topology) -> Iterator[str]:
    for c, cluster in enumerate(topology.clusters):
        count = sum(host.role is Role.CONTROL_PLANE for host in cluster.hosts)
        if count != 1:
            number = count or "no"
            yield f"clusters[{c}].hosts: {cluster.name} has {number} control-plane host; allowed: exactly one"
    for cluster_name, field, host in _hosts(topology):
        if cluster_name and host.role is Role.BARE:
            yield f"{field}.role: 'bare' belongs to no cluster; allowed here: control-plane, worker"
        if not cluster_name and host.role is not Role.BARE:
            yield f"{field}.role: {host.role.value!r} needs a cluster; allowed here: bare"


def _address_mistakes(topology: Topology) -> Iterator[str]:
    used: dict[object, str] = {}
    for number, owner in ((ROUTER, "the backbone's router"), (MACHINE, "this machine")):
        used[address4(topology.backbone.ipv4, number)] = owner
        used[address6(topology.backbone.ipv6, number)] = owner
    for index, (_, field, host) in enumerate(_hosts(topology)):
        number = FIRST_HOST + index
        four = host.ipv4 or address4(topology.backbone.ipv4, number)
        six = host.ipv6 or address6(topology.backbone.ipv6, number)
        outside = four not in topology.backbone.ipv4 or four == topology.backbone.ipv4.broadcast_address
        if outside or four == topology.backbone.ipv4.network_address:
            yield f"{field}.ipv4: {four} is no host address of the backbone; allowed: within {topology.backbone.ipv4}"
        if six not in topology.backbone.ipv6 or six == topology.backbone.ipv6.network_address:
            yield f"{field}.ipv6: {six} is no host address of the backbone; allowed: within {topology.backbone.ipv6}"
        for family, value in (("ipv4", four), ("ipv6", six)):
            if value in used:
                yield f"{field}.{family}: {value} belongs to {used[value]}; allowed: an address that is free"
            used[value] = host.name


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _lines(error: ValidationError) -> Iterator[str]:
    """One line for each mistake that pydantic found, in the words of the topology file."""
    for mistake in error.errors():
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in mistake["loc"]).lstrip(".")
        value = mistake.get("input")
        match mistake["type"]:
            case "missing":
                yield f"{field}: is missing; allowed: see the example {DEFAULT.name}"
            case "extra_forbidden":
                yield f"{field}: is no field of a topology; allowed: the fields of {DEFAULT.name}"
            case "string_pattern_mismatch":
                key = "hosts.name" if ".hosts[" in f".{field}" else "name"
                yield f"{field}: {value!r} is no valid name; allowed: {PATTERNS[key]}"
            case "enum":
                yield f"{field}: {value!r} is unknown; allowed: {', '.join(role.value for role in Role)}"
            case "value_error":
                yield from str(mistake["ctx"]["error"]).splitlines()
            case "ip_v4_network" | "ip_v6_network":
                yield f"{field}: {value!r} is no range; allowed: {_network_hint(field, value)}"
            case _:
                yield f"{field}: {value!r} is wrong; allowed: {mistake['msg'].removeprefix('Input should be ')}"


def _network_hint(field: str, value: object) -> str:
    example = "10.201.0.0/24" if field.endswith("ipv4") else "fd63:7663:0:1::/64"
    try:
        network = ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        return f"a range such as {example}"
    return f"the range's first address, {network}" if field.endswith(f"v{network.version}") else f"such as {example}"
