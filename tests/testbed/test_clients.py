"""Clients outside the clouds: asked for by a topology, told to the playbooks, made with a small link on the way."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from core import debian
from testbed import clients, inventory, names, network
from testbed.state import State, locked
from testbed.topology import TOPOLOGIES, Ranges, Topology, load

EGC = TOPOLOGIES / "egc.yaml"


def content() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(EGC.read_text())
    return loaded


def test_a_topology_without_clients_has_none(tmp_path: Path) -> None:
    """Nobody outside is told to the playbooks, so no host filters what comes from outside."""
    topology = load()
    assert clients.programs(topology) == {}
    variables = inventory.build(topology, State(tmp_path))["all"]["vars"]
    assert not {"client_commands", "administration_ipv4", "administration_ipv6"} & set(variables)


def test_clients_are_told_to_the_playbooks(tmp_path: Path) -> None:
    """The commands are those of a target file, and the machine is who administers, in both families."""
    variables = inventory.build(load(EGC), State(tmp_path))["all"]["vars"]
    assert variables["client_commands"] == {
        "ipv6_only": ["ip", "netns", "exec", "gvc-egc-client-v6"],
        "narrow": ["ip", "netns", "exec", "gvc-egc-client-narrow"],
        "outside": ["ip", "netns", "exec", "gvc-egc-client-narrow"],
    }
    assert variables["administration_ipv4"] == ["10.204.0.2"]
    assert variables["administration_ipv6"] == ["fd63:7663:4:1::2"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ipv4": "10.204.0.0/28"}, "clients.ipv4: 10.204.0.0/28 overlaps backbone.ipv4"),
        ({"ipv4": "10.207.0.0/30"}, "clients.ipv4: 10.207.0.0/30 has the wrong size"),
        ({"ipv6": "2001:db8::/64"}, "clients.ipv6: 2001:db8::/64 is not private"),
    ],
    ids=["overlap", "size", "not-private"],
)
def test_mistakes_in_the_clients_ranges_are_named(changes: dict[str, str], said: str) -> None:
    """Addresses of clients are judged as all others are."""
    wrong = content()
    wrong["clients"] |= changes
    with pytest.raises(ValueError, match=said):
        Topology.model_validate(wrong)


def test_a_host_cannot_take_a_clients_name_or_address() -> None:
    """Names and addresses of clients are taken, where there are clients."""
    wrong = content()
    wrong["clusters"][0]["hosts"][0]["name"] = "client-narrow"
    with pytest.raises(ValueError, match="'client-narrow' is reserved"):
        Topology.model_validate(wrong)
    wrong = content()
    wrong["clusters"][0]["hosts"][0]["ipv6"] = "fd63:7663:4:1::3"
    with pytest.raises(ValueError, match="belongs to the client with IPv6 alone"):
        Topology.model_validate(wrong)
    del wrong["clients"]
    Topology.model_validate(wrong)


def ping(space: str, address: str, size: int, seconds: int = 5) -> int:
    """Send packets of a size that nobody may cut until one is answered, and return the exit code."""
    if shutil.which("ping") is None:
        debian.install(["iputils-ping"])
    command = ["ip", "netns", "exec", space, "ping", "-c1", "-i0.5", f"-w{seconds}", "-Mdo", f"-s{size}", address]
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.cluster
def test_clients_are_made_healed_and_removed(testbed: Any) -> None:
    """The small link carries 1280 octets and no more, IPv4 is absent where it has to be, and damage is mended."""
    ranges = Ranges(ipv4=IPv4Network("10.239.255.0/28"), ipv6=IPv6Network("fd63:7663:ff:1::/64"))
    topology = testbed.topology.model_copy(update={"clients": testbed.topology.clients or ranges})
    only, narrow = (names.host(topology.name, name) for name in (clients.IPV6_ONLY, clients.NARROW))
    host = topology.placed()[0]
    try:
        with locked(topology.name):
            clients.ensure(topology)
        assert ping(only, str(host.ipv6), 56, 30) == 0
        assert ping(only, str(host.ipv4), 56) != 0
        for address, header in ((str(host.ipv4), 28), (str(host.ipv6), 48)):
            assert ping(narrow, address, 1280 - header, 30) == 0
            assert ping(narrow, address, 1281 - header) != 0
        before = network.query("-n", narrow, "link", "show", "dev", "eth0")
        clients.ensure(topology)
        assert network.query("-n", narrow, "link", "show", "dev", "eth0") == before  # nothing is made twice
        network.commands(names.testbed(topology.name), f"link set {clients.SMALL_LINK} mtu 1500")
        clients.ensure(topology)
        assert ping(narrow, str(host.ipv6), 1281 - 48) != 0
        clients.ensure(topology.model_copy(update={"clients": None}))
        assert not {only, narrow} & set(network.namespaces(topology.name))
        links = {link["ifname"] for link in network.query("-n", names.testbed(topology.name), "link", "show")}
        assert not {clients.SMALL_LINK, clients.IPV6_ONLY} & links
    finally:
        with locked(topology.name):
            clients.ensure(testbed.topology)
