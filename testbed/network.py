"""The backbone and the hosts' network namespaces: made, looked at, removed. Both address families everywhere."""

from __future__ import annotations

import hashlib
import json
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from core.errors import KitError
from core.programs import run
from testbed import names
from testbed.addresses import MACHINE, ROUTER, address4, address6
from testbed.topology import PlacedHost, Topology

BRIDGE = "backbone"
UPLINK = "uplink"
HOST_LINK = "eth0"
SETTINGS = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    *(
        f"net.ipv6.conf.{which}.{setting}"
        for which in ("all", "default")
        for setting in ("disable_ipv6=0", "accept_dad=0", "accept_ra=0")
    ),
)
"""Of every namespace: it forwards, its addresses count at once, nobody's advertisements change its routes."""


def conflicts(topology: Topology) -> list[str]:
    """Routes of the machine, other than this testbed's own, that overlap the backbone: one line each."""
    own = names.testbed(topology.name)
    found: dict[str, str] = {}
    wanted: list[IPv4Network | IPv6Network] = [topology.backbone.ipv4, topology.backbone.ipv6]
    for network in wanted:
        for route in query("-d", f"-{network.version}", "route", "show", "table", "all"):
            destination = route.get("dst", "default")
            skip = destination in ("default", "0.0.0.0/0", "::/0") or route.get("type") in ("multicast", "broadcast")
            if skip or route.get("dev") == own:
                continue
            if network.overlaps(ip_network(destination)):
                user = f"link {route['dev']}" if "dev" in route else f"a route of type {route.get('type')}"
                line = f"backbone prefix {network}: {user} of this machine uses {destination}"
                found.setdefault(f"{network} {user}", line)
    return list(found.values())


def strangers(name: str) -> list[str]:
    """Namespaces and links that carry this testbed's names; call it only where the testbed is not ours."""
    spaces = [
        f"network namespace {path.name}" for path in names.NETNS_FOLDER.glob("gvc-*") if names.is_ours(name, path.name)
    ]
    return spaces + [f"link {link}" for link in links(name)]


def links(name: str) -> list[str]:
    """Links of the machine's own namespace that are the testbed's."""
    return [link["ifname"] for link in query("link", "show") if link["ifname"] == names.testbed(name)]


def namespaces(name: str) -> list[str]:
    """Names of the testbed's namespaces."""
    if not names.NETNS_FOLDER.is_dir():
        return []
    return sorted(path.name for path in names.NETNS_FOLDER.iterdir() if names.is_ours(name, path.name))


def ensure_backbone(topology: Topology) -> None:
    """Make the backbone namespace, its bridge and the machine's own link to it, or leave them when they are whole."""
    name = names.testbed(topology.name)
    if not _backbone_whole(topology):
        remove_link(name)
        remove_namespace(name)
        add_namespace(name)
        commands(
            name,
            "link set lo up",
            f"link add {BRIDGE} address {mac(topology.name, BRIDGE)} type bridge forward_delay 0 mcast_snooping 0",
            *_addresses(topology, BRIDGE, ROUTER),
            f"link set {BRIDGE} up",
        )
        run(["ip", "link", "add", name, "type", "veth", "peer", "name", UPLINK, "netns", name])
        commands(name, f"link set {UPLINK} master {BRIDGE} up")
        run(["sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0", f"net.ipv6.conf.{name}.accept_ra=0"])
        _batch(["ip", "-batch", "-"], [*_addresses(topology, name, MACHINE), f"link set {name} up"])


def ensure_host(topology: Topology, host: PlacedHost) -> None:
    """Make the host's namespace and its link to the backbone, or the missing part of them."""
    space, backbone = names.host(topology.name, host.name), names.testbed(topology.name)
    if host_whole(topology, host):
        return
    if not exists(space):
        remove_namespace(space)
        add_namespace(space)
        commands(space, "link set lo up")
    run(["ip", "-n", space, "link", "del", HOST_LINK], check=False)
    run(["ip", "-n", backbone, "link", "del", host.name], check=False)
    commands(
        space,
        f"link add {HOST_LINK} address {mac(topology.name, host.name)} "
        f"type veth peer name {host.name} netns {backbone}",
    )
    commands(backbone, f"link set {host.name} master {BRIDGE} up")
    four, six = topology.backbone.ipv4, topology.backbone.ipv6
    commands(
        space,
        f"addr add {host.ipv4}/{four.prefixlen} dev {HOST_LINK}",
        f"addr add {host.ipv6}/{six.prefixlen} dev {HOST_LINK} nodad",
        f"link set {HOST_LINK} up",
        f"route add default via {address4(four, ROUTER)}",
        f"route add default via {address6(six, ROUTER)}",
    )


def host_whole(topology: Topology, host: PlacedHost) -> bool:
    """Tell whether the host's link is there at both ends, up, with its addresses and routes in both families."""
    space, backbone = names.host(topology.name, host.name), names.testbed(topology.name)
    wanted = {str(host.ipv4), str(host.ipv6)}
    if not (exists(space) and is_up(space, HOST_LINK, wanted) and is_up(backbone, host.name, set())):
        return False
    return all(query("-n", space, family, "route", "show", "default") for family in ("-4", "-6"))


def remove_namespace(space: str) -> None:
    """Remove a namespace, also one that was made only halfway."""
    run(["ip", "netns", "del", space], check=False)
    (names.NETNS_FOLDER / space).unlink(missing_ok=True)


def remove_link(link: str) -> None:
    """Remove a link of the machine's own namespace."""
    run(["ip", "link", "del", link], check=False)


def _backbone_whole(topology: Topology) -> bool:
    name = names.testbed(topology.name)
    four, six = topology.backbone.ipv4, topology.backbone.ipv6
    router, machine = ({str(address4(four, n)), str(address6(six, n))} for n in (ROUTER, MACHINE))
    return exists(name) and is_up(name, BRIDGE, router) and is_up(name, UPLINK, set()) and is_up("", name, machine)


def exists(space: str) -> bool:
    """Tell whether a namespace is there and whole enough to be entered."""
    return (names.NETNS_FOLDER / space).exists() and run(["ip", "-n", space, "link"], check=False).returncode == 0


def is_up(space: str, link: str, wanted: set[str]) -> bool:
    """Tell whether a link of a namespace ('' is the machine's own) is up and has all these addresses."""
    done = run(["ip", *(("-n", space) if space else ()), "-j", "addr", "show", "dev", link], check=False)
    if done.returncode != 0:
        return False
    (found,) = (item for item in json.loads(done.stdout) if item)
    return "UP" in found["flags"] and wanted <= {entry["local"] for entry in found["addr_info"]}


def add_namespace(space: str) -> None:
    """Make a namespace that forwards in both families; its addresses count at once."""
    run(["ip", "netns", "add", space])
    run(["nsenter", f"--net={names.NETNS_FOLDER / space}", "sysctl", "-qw", *SETTINGS])


def _addresses(topology: Topology, link: str, number: int) -> list[str]:
    four, six = topology.backbone.ipv4, topology.backbone.ipv6
    return [
        f"addr add {address4(four, number)}/{four.prefixlen} dev {link}",
        f"addr add {address6(six, number)}/{six.prefixlen} dev {link} nodad",
    ]


def commands(space: str, *lines: str) -> None:
    """Have ``ip`` do these in a namespace. Raises KitError."""
    _batch(["ip", "-n", space, "-batch", "-"], list(lines))


def _batch(words: list[str], commands: list[str]) -> None:
    done = run(words, stdin="\n".join(commands) + "\n", check=False)
    if done.returncode != 0:
        raise KitError(f"the testbed's network cannot be made: {done.stderr.strip().splitlines()[0]}", "run as root")


def query(*words: str) -> list[dict[str, Any]]:
    """Ask ``ip`` for an answer in JSON; nothing where it refuses."""
    done = run(["ip", "-j", *words], check=False)
    return [item for item in json.loads(done.stdout or "[]") if item]


def mac(name: str, host: str) -> str:
    """Return an address that stays the same over reboots, so that neighbours need not learn a new one."""
    digest = hashlib.sha256(f"{name}/{host}".encode()).hexdigest()
    return ":".join(["02", *(digest[i : i + 2] for i in range(0, 10, 2))])
