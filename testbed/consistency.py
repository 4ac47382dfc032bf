"""Mistakes that no single field of a topology shows: ranges that overlap, names used twice, a missing role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

from testbed.addresses import CLIENT, FIRST_HOST, MACHINE, ROUTER, address4, address6

if TYPE_CHECKING:
    from testbed.topology import Host, Ranges, Topology

RESERVED_HOSTS = frozenset(
    {"backbone", "uplink", "lo", "localhost", "all", "ungrouped", "client-v6", "client-narrow", "client-router"}
)
RESERVED_CLUSTERS = frozenset({"all", "bare", "served", "services", "workers"})
SIZES = {
    "backbone": ((16, 28), (48, 120)),
    "pods": ((8, 23), (48, 63)),  # a node gets a /24 and a /64; the allocator spans at most 16 bits in IPv6
    "services": ((12, 28), (108, 120)),  # the API server's limit is 20 bits
    "clients": ((16, 29), (48, 126)),  # two links with two addresses each
}
"""Prefix lengths allowed: (shortest, longest) for IPv4 and for IPv6."""
PRIVATE = {"ipv4": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), "ipv6": ("fc00::/7",)}
"""Ranges that are nobody's on the Internet (RFC 1918, RFC 4193)."""


def mistakes(topology: Topology) -> Iterator[str]:
    """Yield a line for every mistake: field, what is wrong, what is allowed."""
    found = [*_range_mistakes(topology), *_overlaps(topology), *_name_mistakes(topology), *_role_mistakes(topology)]
    yield from found or _address_mistakes(topology)  # addresses are judged in ranges that make sense


def _ranges(topology: Topology) -> list[tuple[str, str, Ranges]]:
    """(field, kind, ranges) of everything in the topology that takes addresses."""
    found = [("backbone", "backbone", topology.backbone)]
    for c, cluster in enumerate(topology.clusters):
        found += [(f"clusters[{c}].{kind}", kind, getattr(cluster, kind)) for kind in ("pods", "services")]
    return [*found, ("clients", "clients", topology.clients)] if topology.clients else found


def _range_mistakes(topology: Topology) -> Iterator[str]:
    for field, kind, ranges in _ranges(topology):
        pairs: tuple[tuple[str, IPv4Network | IPv6Network], ...] = (("ipv4", ranges.ipv4), ("ipv6", ranges.ipv6))
        for (family, network), (shortest, longest) in zip(pairs, SIZES[kind], strict=True):
            if not shortest <= network.prefixlen <= longest:
                yield f"{field}.{family}: {network} has the wrong size; allowed: /{shortest} to /{longest}"
            private = [ip_network(text) for text in PRIVATE[family]]
            if not any(within.overlaps(network) and within.prefixlen <= network.prefixlen for within in private):
                yield f"{field}.{family}: {network} is not private; allowed: parts of {', '.join(PRIVATE[family])}"


def _overlaps(topology: Topology) -> Iterator[str]:
    ranges = _ranges(topology)
    for index, (field, _, one) in enumerate(ranges):
        for other_field, _, other in ranges[:index]:
            if one.ipv4.overlaps(other.ipv4):
                yield f"{field}.ipv4: {one.ipv4} overlaps {other_field}.ipv4 {other.ipv4}; allowed: ranges apart"
            if one.ipv6.overlaps(other.ipv6):
                yield f"{field}.ipv6: {one.ipv6} overlaps {other_field}.ipv6 {other.ipv6}; allowed: ranges apart"


def _name_mistakes(topology: Topology) -> Iterator[str]:
    if not any(True for _ in hosts_of(topology)):
        yield "hosts: the topology has no host; allowed: one or more, under clusters or under hosts"
    for c, cluster in enumerate(topology.clusters):
        if cluster.name in RESERVED_CLUSTERS:
            yield f"clusters[{c}].name: {cluster.name!r} is reserved; allowed: any but {_listed(RESERVED_CLUSTERS)}"
    for _, field, host in hosts_of(topology):
        if host.name in RESERVED_HOSTS:
            yield f"{field}.name: {host.name!r} is reserved; allowed: any but {_listed(RESERVED_HOSTS)}"
    names = [cluster.name for cluster in topology.clusters] + [host.name for _, _, host in hosts_of(topology)]
    for name, count in Counter(names).items():
        if count > 1:
            yield f"name: {name!r} is used {count} times; allowed: one name for each cluster and each host"


def _role_mistakes(topology: Topology) -> Iterator[str]:
    for c, cluster in enumerate(topology.clusters):
        count = sum(host.role == "control-plane" for host in cluster.hosts)
        if count != 1:
            number = count or "no"
            yield f"clusters[{c}].hosts: {cluster.name} has {number} control-plane host; allowed: exactly one"
    serving = [(field, host.name) for _, field, host in hosts_of(topology) if host.role == "services"]
    for field, name in serving[1:]:
        yield f"{field}.role: {name} is a second host of services; allowed: one in a testbed, {serving[0][1]} is it"
    for cluster_name, field, host in hosts_of(topology):
        if cluster_name and host.role == "bare":
            yield f"{field}.role: 'bare' belongs to no cluster; allowed here: control-plane, worker, services"
        if not cluster_name and host.role != "bare":
            yield f"{field}.role: {host.role.value!r} needs a cluster; allowed here: bare"


def _address_mistakes(topology: Topology) -> Iterator[str]:
    used: dict[object, str] = {}
    for number, owner in ((ROUTER, "the backbone's router"), (MACHINE, "this machine")):
        used[address4(topology.backbone.ipv4, number)] = owner
        used[address6(topology.backbone.ipv6, number)] = owner
    if topology.clients:
        used[address6(topology.backbone.ipv6, CLIENT)] = "the client with IPv6 alone"
    for index, (_, field, host) in enumerate(hosts_of(topology)):
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


def hosts_of(topology: Topology) -> Iterator[tuple[str, str, Host]]:
    """Yield (cluster, field, host) for every host in the file's order."""
    for c, cluster in enumerate(topology.clusters):
        for h, host in enumerate(cluster.hosts):
            yield cluster.name, f"clusters[{c}].hosts[{h}]", host
    for h, host in enumerate(topology.hosts):
        yield "", f"hosts[{h}]", host
