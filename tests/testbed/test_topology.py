"""Topology files: what loads, what each host gets, and one line for every mistake."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.errors import KitError
from testbed.topology import DEFAULT, TOPOLOGIES, Role, Topology, dump, load

Content = dict[str, Any]


def content() -> Content:
    """Return a topology without a mistake: one cluster of two hosts, one bare host."""
    return {
        "name": "sample",
        "backbone": {"ipv4": "10.1.0.0/24", "ipv6": "fd00:1::/64"},
        "clusters": [
            {
                "name": "one",
                "pods": {"ipv4": "10.2.0.0/16", "ipv6": "fd00:2::/56"},
                "services": {"ipv4": "10.3.0.0/20", "ipv6": "fd00:3::/112"},
                "hosts": [{"name": "one-1", "role": "control-plane"}, {"name": "one-2", "role": "worker"}],
            }
        ],
        "hosts": [{"name": "alone", "role": "bare"}],
    }


def written(folder: Path, value: object) -> Path:
    path = folder / "topology.yaml"
    path.write_text(yaml.safe_dump(value), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(TOPOLOGIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_topology_that_ships_is_whole(path: Path) -> None:
    """Each shipped file loads, and what is written back reads as the same topology."""
    topology = load(path)
    assert Topology.model_validate(yaml.safe_load(dump(topology))) == topology


def test_without_a_file_the_default_is_a_cluster_of_two() -> None:
    """`up` without a file boots the central cloud: a control plane and a worker."""
    hosts = load().placed()
    assert load() == load(DEFAULT)
    assert [(host.name, host.cluster, host.role) for host in hosts] == [
        ("cgc-1", "cgc", Role.CONTROL_PLANE),
        ("cgc-2", "cgc", Role.WORKER),
    ]


def test_addresses_follow_the_order_and_read_alike_in_both_families(tmp_path: Path) -> None:
    """Hosts get numbers 11, 12, ... of the backbone, with the same digits in IPv4 and IPv6."""
    hosts = load(written(tmp_path, content())).placed()
    assert [(str(host.ipv4), str(host.ipv6)) for host in hosts] == [
        ("10.1.0.11", "fd00:1::11"),
        ("10.1.0.12", "fd00:1::12"),
        ("10.1.0.13", "fd00:1::13"),
    ]


def test_given_addresses_are_taken(tmp_path: Path) -> None:
    """A host may state its addresses; the others keep theirs."""
    value = content()
    value["hosts"][0] |= {"ipv4": "10.1.0.200", "ipv6": "fd00:1::200"}
    hosts = load(written(tmp_path, value)).placed()
    assert [str(host.ipv4) for host in hosts] == ["10.1.0.11", "10.1.0.12", "10.1.0.200"]


def test_services_stand_on_one_host(tmp_path: Path) -> None:
    """What the services are is told in one file, so a second host of them is refused by name."""
    value = content()
    value["clusters"][0]["hosts"] += [{"name": "one-s", "role": "services"}, {"name": "one-t", "role": "services"}]
    with pytest.raises(KitError, match=r"hosts\[3\]\.role: one-t is a second host of services; allowed: one"):
        load(written(tmp_path, value))


@given(st.integers(min_value=1, max_value=200))
def test_no_two_hosts_share_an_address(count: int) -> None:
    """Whatever their number, hosts have addresses of their own, inside the backbone."""
    hosts = [{"name": f"h{number}", "role": "bare"} for number in range(count)]
    topology = Topology.model_validate(content() | {"clusters": [], "hosts": hosts})
    for family, network in (("ipv4", topology.backbone.ipv4), ("ipv6", topology.backbone.ipv6)):
        addresses = {getattr(host, family) for host in topology.placed()}
        assert len(addresses) == count
        assert all(ip_address(str(address)) in network for address in addresses)


def change(value: Content, path: str, new: object) -> None:
    """Set, or with None remove, the field at ``path``, as in ``clusters.0.pods.ipv4``."""
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place: Any = value
    for part in parents:
        place = place[part]
    if new is None:
        del place[last]
    else:
        place[last] = new


MISTAKES: list[tuple[str, object, str]] = [
    ("name", "Big Name", "name: 'Big Name' is no valid name; allowed: a lower-case letter, then up to 7"),
    ("name", "toolongname", "name: 'toolongname' is no valid name"),
    ("name", None, "name: is missing"),
    ("colour", "red", "colour: is no field of a topology"),
    (
        "backbone.ipv4",
        "10.1.0.1/24",
        "backbone.ipv4: '10.1.0.1/24' is no range; allowed: the range's first address, 10.1",
    ),
    ("backbone.ipv4", "ten", "backbone.ipv4: 'ten' is no range; allowed: a range such as"),
    ("backbone.ipv4", "10.1.0.0/30", "backbone.ipv4: 10.1.0.0/30 has the wrong size; allowed: /16 to /28"),
    ("backbone.ipv4", "8.8.8.0/24", "backbone.ipv4: 8.8.8.0/24 is not private; allowed: parts of 10.0.0.0/8"),
    ("backbone.ipv6", "2001:4860::/64", "backbone.ipv6: 2001:4860::/64 is not private; allowed: parts of fc00::/7"),
    ("backbone.ipv6", None, "backbone.ipv6: is missing"),
    (
        "clusters.0.pods.ipv4",
        "10.1.0.0/16",
        "clusters[0].pods.ipv4: 10.1.0.0/16 overlaps backbone.ipv4 10.1.0.0/24; allowed: ranges apart",
    ),
    (
        "clusters.0.services.ipv6",
        "fd00:2::/112",
        "clusters[0].services.ipv6: fd00:2::/112 overlaps clusters[0].pods.ipv6 fd00:2::/56",
    ),
    (
        "clusters.0.pods.ipv6",
        "fd00:2::/32",
        "clusters[0].pods.ipv6: fd00:2::/32 has the wrong size; allowed: /48 to /63",
    ),
    (
        "clusters.0.hosts.0.role",
        "master",
        "clusters[0].hosts[0].role: 'master' is unknown; allowed: control-plane, worker, services, bare",
    ),
    ("clusters.0.hosts.0.role", "worker", "clusters[0].hosts: one has no control-plane host; allowed: exactly one"),
    ("clusters.0.hosts.1.role", "control-plane", "clusters[0].hosts: one has 2 control-plane host"),
    ("clusters.0.hosts.1.role", "bare", "clusters[0].hosts[1].role: 'bare' belongs to no cluster"),
    ("hosts.0.role", "services", "hosts[0].role: 'services' needs a cluster; allowed here: bare"),
    ("hosts.0.role", "worker", "hosts[0].role: 'worker' needs a cluster; allowed here: bare"),
    ("hosts.0.name", "one-1", "name: 'one-1' is used 2 times"),
    ("hosts.0.name", "one", "name: 'one' is used 2 times"),
    ("hosts.0.name", "uplink", "hosts[0].name: 'uplink' is reserved"),
    ("hosts.0.name", "a-name-that-is-too-long", "hosts[0].name: 'a-name-that-is-too-long' is no valid name"),
    ("hosts.0.name", "under_score", "hosts[0].name: 'under_score' is no valid name"),
    ("hosts.0.name", "ends-", "hosts[0].name: 'ends-' is no valid name"),
    ("clusters.0.name", "workers", "clusters[0].name: 'workers' is reserved"),
    (
        "hosts.0.ipv4",
        "10.9.0.1",
        "hosts[0].ipv4: 10.9.0.1 is no host address of the backbone; allowed: within 10.1.0.0/24",
    ),
    ("hosts.0.ipv4", "10.1.0.255", "hosts[0].ipv4: 10.1.0.255 is no host address of the backbone"),
    ("hosts.0.ipv4", "10.1.0.1", "hosts[0].ipv4: 10.1.0.1 belongs to the backbone's router"),
    ("hosts.0.ipv6", "fd00:1::11", "hosts[0].ipv6: fd00:1::11 belongs to one-1"),
    ("hosts.0.ipv6", "nonsense", "hosts[0].ipv6: 'nonsense' is wrong; allowed:"),
    ("clusters.0.hosts", [], "clusters[0].hosts: [] is wrong; allowed:"),
]


@pytest.mark.parametrize(("field", "value", "expected"), MISTAKES, ids=lambda part: str(part)[:40])
def test_a_mistake_is_one_line_with_file_field_reason_and_way_out(
    tmp_path: Path, field: str, value: object, expected: str
) -> None:
    """One wrong field gives exactly one line, which names the file and the field and says what is allowed."""
    broken = content()
    change(broken, field, value)
    path = written(tmp_path, broken)
    with pytest.raises(KitError) as caught:
        load(path)
    (line,) = caught.value.message.splitlines()
    assert line.startswith(f"topology {path}: {expected}")
    assert "allowed" in line
    assert caught.value.hint


def test_overlaps_between_clusters_are_found(tmp_path: Path) -> None:
    """Pod and service ranges are kept apart over all clusters, in both families."""
    value = content()
    second = {"name": "two", "hosts": [{"name": "two-1", "role": "control-plane"}]}
    value["clusters"].append(value["clusters"][0] | second)
    with pytest.raises(KitError) as caught:
        load(written(tmp_path, value))
    assert len(caught.value.message.splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [("- a list", "holds no mapping"), ("name: [", "not YAML"), ("", "holds no mapping")],
)
def test_a_file_that_is_no_topology_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """A damaged or empty file gives one line."""
    path = tmp_path / "topology.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KitError, match=expected) as caught:
        load(path)
    assert "\n" not in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The line says which file cannot be read."""
    with pytest.raises(KitError, match=r"nowhere\.yaml: cannot be read"):
        load(tmp_path / "nowhere.yaml")


def test_a_topology_without_hosts_is_refused(tmp_path: Path) -> None:
    """There is nothing to boot without a host."""
    with pytest.raises(KitError, match="has no host"):
        load(written(tmp_path, content() | {"clusters": [], "hosts": []}))


def test_unknown_hosts_are_answered_with_the_known_ones() -> None:
    """A wrong host name is met with the names there are."""
    with pytest.raises(KitError) as caught:
        load().host("cgc-9")
    assert caught.value.hint == "its hosts: cgc-1, cgc-2"
