"""What to boot: the testbed's hosts, clusters and address ranges, read from a YAML file and checked whole."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from core.errors import KitError
from core.paths import REPOSITORY
from testbed.addresses import FIRST_HOST, address4, address6
from testbed.consistency import hosts_of, mistakes

TOPOLOGIES = REPOSITORY / "testbed" / "topologies"
DEFAULT = TOPOLOGIES / "default.yaml"

TestbedName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,7}$")]
ClusterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,7}$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$")]

PATTERNS = {
    "name": "a lower-case letter, then up to 7 lower-case letters or digits",
    "hosts.name": "a lower-case letter, then up to 14 lower-case letters, digits or '-', not '-' at the end",
}


class Role(StrEnum):
    """What a host becomes. A host of services belongs to a cluster and is no node of it."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"
    SERVICES = "services"
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
    clients: Ranges | None = None
    """Asks for clients outside the clouds, one behind a small link; the addresses are those of its way."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if found := list(mistakes(self)):
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
            for index, (cluster, _, host) in enumerate(hosts_of(self))
        )

    def nodes(self, cluster: str) -> tuple[PlacedHost, ...]:
        """Give the hosts that are nodes of a cluster."""
        members = (Role.CONTROL_PLANE, Role.WORKER)
        return tuple(host for host in self.placed() if host.cluster == cluster and host.role in members)

    @property
    def served(self) -> frozenset[str]:
        """Give the clusters that have a host of services, which carries what a cloud offers beside Kubernetes."""
        return frozenset(host.cluster for host in self.placed() if host.role is Role.SERVICES)

    def host(self, name: str) -> PlacedHost:
        """Return the host of that name; KitError lists the names there are."""
        for host in self.placed():
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.placed()) or "none"
        raise KitError(f"testbed {self.name} has no host {name!r}", f"its hosts: {known}")


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
