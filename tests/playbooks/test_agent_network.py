"""The node's CNI configuration and routes."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network

from playbooks.agent.model import Node
from playbooks.agent.network import bridge_addresses, cni_configuration, route_changes, wanted_routes

OWN = Node("a", (ip_address("10.1.0.1"), ip_address("fd01::1")), (ip_network("10.2.0.0/24"), ip_network("fd02::/64")))
OTHER = Node(
    "b", (ip_address("10.1.0.2"), ip_address("fd01::2")), (ip_network("10.2.1.0/24"), ip_network("fd02:0:0:1::/64"))
)
NEW = Node("c", (ip_address("10.1.0.3"),))


def test_pods_get_an_address_of_each_range() -> None:
    """Each of the node's ranges is a list of its own for the plugin: one address is taken from each."""
    bridge = json.loads(cni_configuration(OWN.ranges))["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.2.0.0/24"}], [{"subnet": "fd02::/64"}]]
    assert bridge["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    assert bridge["hairpinMode"] is True


def test_routes_lead_to_each_other_node_in_its_family() -> None:
    """A range is reached by its node's address of the same family; the own ranges and nodes without any need none."""
    assert wanted_routes(OWN, [OWN, OTHER, NEW]) == {"10.2.1.0/24": "10.1.0.2", "fd02:0:0:1::/64": "fd01::2"}


def test_stale_routes_go_and_right_ones_stay() -> None:
    """A node that left takes its routes away; nothing is done to a route that is right."""
    present = {"10.2.1.0/24": "10.1.0.2", "10.2.9.0/24": "10.1.0.9", "fd02:0:0:1::/64": "fd01::9"}
    assert route_changes(wanted_routes(OWN, [OWN, OTHER]), present) == [
        ["del", "10.2.9.0/24", "proto", "201"],
        ["replace", "fd02:0:0:1::/64", "via", "fd01::2", "proto", "201"],
    ]


def test_the_bridges_addresses_are_read_from_what_ip_prints() -> None:
    """Other links, link-local addresses and the empty entries that ip leaves between them do not count."""
    found = [
        {},
        {"ifname": "eth0", "addr_info": [{"local": "10.1.0.1", "prefixlen": 24, "scope": "global"}]},
        {
            "ifname": "cni0",
            "addr_info": [
                {},
                {"local": "10.2.0.1", "prefixlen": 24, "scope": "global"},
                {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
                {"local": "fd02::1", "prefixlen": 64, "scope": "global"},
            ],
        },
    ]
    assert bridge_addresses(found) == [("10.2.0.1", 24), ("fd02::1", 64)]
