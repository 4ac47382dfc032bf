"""What the node needs besides policy: its CNI configuration, and routes to the pod ranges of the other nodes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from playbooks.agent.model import Network, Node
from playbooks.agent.plugin import SOCKET
from playbooks.agent.ruleset import BRIDGE

PROTOCOL = "201"
"""The routing protocol's number by which the agent knows its own routes."""
DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}


def cni_configuration(ranges: Sequence[Network]) -> str:
    """Return the CNI configuration of a node with these pod ranges: a bridge, one address of each family a pod."""
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "forceAddress": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": str(r)}] for r in ranges],
            "routes": [{"dst": DEFAULT[v]} for v in sorted({r.version for r in ranges})],
        },
    }
    portmap = {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": True}}
    announce = {"type": "govcloud-network", "socket": SOCKET}
    configuration = {"cniVersion": "1.0.0", "name": "govcloud", "plugins": [bridge, portmap, announce]}
    return json.dumps(configuration, indent=2, sort_keys=True) + "\n"


def wanted_routes(own: Node, nodes: Iterable[Node]) -> dict[str, str]:
    """Map each other node's pod range to the address of that node in the same family."""
    return {
        str(network): str(address)
        for node in nodes
        if node.name != own.name
        for network in node.ranges
        for address in node.addresses[::-1]
        if address.version == network.version
    }


def route_changes(wanted: dict[str, str], present: dict[str, str]) -> list[list[str]]:
    """Return the ``ip route`` words that lead from the routes that stand to those that are wanted."""
    gone = [["del", network] for network in sorted(present) if network not in wanted]
    new = [["replace", n, "via", via] for n, via in sorted(wanted.items()) if present.get(n) != via]
    return [[*words, "proto", PROTOCOL] for words in (*gone, *new)]


def apply_routes(wanted: dict[str, str]) -> int:
    """Bring this node's routes to what is wanted and return how many changed."""
    present = {r["dst"]: r.get("gateway", "") for f in ("-4", "-6") for r in _ip(f, "route", "show", "proto", PROTOCOL)}
    changes = route_changes(wanted, {_with_length(n): via for n, via in present.items()})
    for words in changes:
        _ip("-6" if ":" in words[1] else "-4", "route", *words)
    return len(changes)


def write_configuration(path: Path, ranges: Sequence[Network]) -> bool:
    """Write the CNI configuration where it differs and say whether it did.

    A node that joined again has other ranges than before: addresses of the old ones are taken off the bridge.
    """
    text = cni_configuration(ranges)
    if path.exists() and path.read_text() == text:
        return False
    for local, length in bridge_addresses(_ip("address", "show")):
        if not any(ip_address(local) in r for r in ranges):
            _ip("address", "del", f"{local}/{length}", "dev", BRIDGE)
    fresh = path.with_name(f".{path.name}")
    fresh.write_text(text)
    fresh.replace(path)
    return True


def bridge_addresses(links: Iterable[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return the bridge's global addresses with their lengths, out of what ``ip -json address`` prints."""
    return [
        (entry["local"], entry["prefixlen"])
        for link in links
        if link.get("ifname") == BRIDGE
        for entry in link.get("addr_info", ())
        if entry.get("scope") == "global"
    ]


def _ip(*words: str) -> list[dict[str, Any]]:
    done = subprocess.run(["ip", "-json", *words], capture_output=True, text=True, check=True, timeout=10)
    return [entry for entry in json.loads(done.stdout or "[]") if entry]


def _with_length(destination: str) -> str:
    return str(ip_network(destination))
