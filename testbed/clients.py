"""Clients outside the clouds, each a network namespace: one with IPv6 alone, one behind a link of 1280 octets.

The second one's way: the backbone's router, a link whose ends take packets of 1280 octets, a router, and the client's
own link with packets of full size. So neither end knows of the small link before a router tells it.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from core.programs import run
from testbed import names, network
from testbed.addresses import CLIENT, ROUTER, address6
from testbed.network import BRIDGE, HOST_LINK, commands
from testbed.topology import Ranges, Topology

IPV6_ONLY, NARROW, BETWEEN = "client-v6", "client-narrow", "client-router"
"""Names of the clients and of the router between, as hosts have names."""
SMALL_LINK, SMALL = "narrow", 1280
INSIDE = "inside"


def ensure(topology: Topology) -> None:
    """Make the clients that a topology asks for, or leave them when they are whole; remove them where it asks none."""
    whole = _whole(topology, topology.clients) if topology.clients else False
    if whole:
        return
    for name in (IPV6_ONLY, NARROW, BETWEEN):
        network.remove_namespace(names.host(topology.name, name))
    backbone = names.testbed(topology.name)
    for link in (IPV6_ONLY, SMALL_LINK):
        run(["ip", "-n", backbone, "link", "del", link], check=False)
    if topology.clients:
        _make_ipv6_only(topology, backbone)
        _make_narrow(topology, topology.clients, backbone)


def programs(topology: Topology) -> dict[str, list[str]]:
    """Return the commands that run a program at each client, under the names of a target file; none without clients."""
    if not topology.clients:
        return {}

    def within(name: str) -> list[str]:
        return ["ip", "netns", "exec", names.host(topology.name, name)]

    return {"ipv6_only": within(IPV6_ONLY), "narrow": within(NARROW), "outside": within(NARROW)}


def _make_ipv6_only(topology: Topology, backbone: str) -> None:
    space, six = names.host(topology.name, IPV6_ONLY), topology.backbone.ipv6
    network.add_namespace(space)
    commands(space, "link set lo up", f"link add {HOST_LINK} type veth peer name {IPV6_ONLY} netns {backbone}")
    commands(backbone, f"link set {IPV6_ONLY} master {BRIDGE} up")
    commands(
        space,
        f"addr add {address6(six, CLIENT)}/{six.prefixlen} dev {HOST_LINK} nodad",
        f"link set {HOST_LINK} up",
        f"route add default via {address6(six, ROUTER)}",
    )


def _make_narrow(topology: Topology, ranges: Ranges, backbone: str) -> None:
    between, client = names.host(topology.name, BETWEEN), names.host(topology.name, NARROW)
    for space in (between, client):
        network.add_namespace(space)
        commands(space, "link set lo up")
    commands(backbone, f"link add {SMALL_LINK} mtu {SMALL} type veth peer name {HOST_LINK} mtu {SMALL} netns {between}")
    commands(between, f"link add {INSIDE} type veth peer name {HOST_LINK} netns {client}")
    for family in (ranges.ipv4, ranges.ipv6):
        small, own = family.subnets()
        _join(backbone, SMALL_LINK, small, 1)
        _join(between, HOST_LINK, small, 2)
        _join(between, INSIDE, own, 1)
        _join(client, HOST_LINK, own, 2)
        commands(backbone, f"route add {own} via {small[2]}")
        commands(between, f"route add default via {small[1]}")
        commands(client, f"route add default via {own[1]}")


def _join(space: str, link: str, range_: IPv4Network | IPv6Network, number: int) -> None:
    nodad = " nodad" if range_.version == 6 else ""
    commands(space, f"addr add {range_[number]}/{range_.prefixlen} dev {link}{nodad}", f"link set {link} up")


def _whole(topology: Topology, ranges: Ranges) -> bool:
    """Tell whether every link is up with its addresses, the small one is small, and every client has its routes."""
    backbone = names.testbed(topology.name)
    only, between, client = (names.host(topology.name, name) for name in (IPV6_ONLY, BETWEEN, NARROW))
    halves = [(small, own) for small, own in (family.subnets() for family in (ranges.ipv4, ranges.ipv6))]
    links = [
        (only, HOST_LINK, {str(address6(topology.backbone.ipv6, CLIENT))}),
        (backbone, IPV6_ONLY, set()),
        (backbone, SMALL_LINK, {str(small[1]) for small, _ in halves}),
        (between, HOST_LINK, {str(small[2]) for small, _ in halves}),
        (between, INSIDE, {str(own[1]) for _, own in halves}),
        (client, HOST_LINK, {str(own[2]) for _, own in halves}),
    ]
    if not all(network.exists(space) and network.is_up(space, link, wanted) for space, link, wanted in links):
        return False
    sizes = [link["mtu"] for link in network.query("-n", backbone, "link", "show", "dev", SMALL_LINK)]
    sizes += [link["mtu"] for link in network.query("-n", between, "link", "show", "dev", HOST_LINK)]
    routes = [(only, "-6"), *((space, family) for space in (between, client) for family in ("-4", "-6"))]
    back = all(network.query("-n", backbone, f"-{own.version}", "route", "show", str(own)) for _, own in halves)
    ways = all(network.query("-n", space, family, "route", "show", "default") for space, family in routes)
    return sizes == [SMALL, SMALL] and back and ways
