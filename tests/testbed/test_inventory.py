"""What Ansible and SSH are told about the hosts."""

from __future__ import annotations

from pathlib import Path

import yaml

from testbed import inventory, keys
from testbed.state import State
from testbed.topology import TOPOLOGIES, load

THREE = load(TOPOLOGIES / "three-clusters.yaml")


def test_hosts_are_grouped_by_role_and_by_cluster(tmp_path: Path) -> None:
    """Playbooks find each host by what it becomes and by the cluster it belongs to."""
    groups = inventory.build(THREE, State(tmp_path))["all"]["children"]
    found = {group: sorted(content["hosts"]) for group, content in groups.items()}
    assert found == {
        "control_plane": ["agc-1", "cgc-1", "egc-1"],
        "workers": ["agc-2", "cgc-2", "egc-2"],
        "services": [],
        "served": [],
        "bare": ["outside"],
        "cgc": ["cgc-1", "cgc-2"],
        "agc": ["agc-1", "agc-2"],
        "egc": ["egc-1", "egc-2"],
    }


def test_variables_carry_both_families(tmp_path: Path) -> None:
    """Every host has an address, every cluster its ranges, in IPv4 and in IPv6."""
    content = inventory.build(THREE, State(tmp_path))["all"]
    assert content["hosts"]["agc-1"] == {
        "ansible_host": "10.221.0.13",
        "node_ipv4": "10.221.0.13",
        "node_ipv6": "fd63:7663:2:1::13",
    }
    assert content["children"]["egc"]["vars"] == {
        "cluster_name": "egc",
        "pod_cidr_ipv4": "10.226.0.0/16",
        "pod_cidr_ipv6": "fd63:7663:2:600::/56",
        "service_cidr_ipv4": "10.227.0.0/20",
        "service_cidr_ipv6": "fd63:7663:2:7::/112",
        "control_plane_host": "egc-1",
    }


def test_a_host_of_services_belongs_to_a_cluster_and_is_no_node_of_it(tmp_path: Path) -> None:
    """Playbooks find it in its own group and by its cluster's variable; no node is looked for behind it."""
    topology = load(TOPOLOGIES / "egc.yaml")
    groups = inventory.build(topology, State(tmp_path))["all"]["children"]
    assert list(groups["services"]["hosts"]) == ["egc-s"]
    assert list(groups["egc"]["hosts"]) == list(groups["served"]["hosts"]) == ["egc-1", "egc-2", "egc-s"]
    assert groups["egc"]["vars"]["services_host"] == "egc-s"
    assert [host.name for host in topology.nodes("egc")] == ["egc-1", "egc-2"]


def test_only_known_hosts_are_trusted(tmp_path: Path) -> None:
    """Ansible checks each host's key against the file that was written before the host booted."""
    state = State(tmp_path)
    inventory.write(THREE, state)
    variables = yaml.safe_load(state.inventory.read_text())["all"]["vars"]
    assert f"UserKnownHostsFile={tmp_path}/known_hosts" in variables["ansible_ssh_common_args"]
    assert "StrictHostKeyChecking=yes" in variables["ansible_ssh_common_args"]


def test_keys_stay_the_same_and_are_for_the_owner_alone(tmp_path: Path) -> None:
    """A second call changes no key; a damaged key is made anew, and known_hosts follows."""
    state = State(tmp_path)
    keys.ensure(state, THREE)
    before, known = state.key.read_bytes(), state.known_hosts.read_text()
    keys.ensure(state, THREE)
    assert (state.key.read_bytes(), state.known_hosts.read_text()) == (before, known)
    assert {path.stat().st_mode & 0o777 for path in (state.key, state.host("cgc-1").key)} == {0o600}
    assert known.splitlines()[0].startswith("cgc-1,10.221.0.11,fd63:7663:2:1::11 ssh-ed25519 ")

    state.host("cgc-1").key.write_text("damaged")
    keys.ensure(state, THREE)
    changed = [a != b for a, b in zip(known.splitlines(), state.known_hosts.read_text().splitlines(), strict=True)]
    assert changed == [True] + [False] * 6
