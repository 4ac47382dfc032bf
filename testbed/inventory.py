"""The hosts as Ansible reads them."""

from __future__ import annotations

from typing import Any

import yaml

from core.files import write_atomic
from testbed import clients
from testbed.addresses import MACHINE, address4, address6
from testbed.state import State
from testbed.topology import Cluster, PlacedHost, Role, Topology

GROUPS = {Role.CONTROL_PLANE: "control_plane", Role.WORKER: "workers", Role.SERVICES: "services", Role.BARE: "bare"}


def build(topology: Topology, state: State) -> dict[str, Any]:
    """Return the inventory: a group for each role and each cluster, addresses and keys as variables."""
    groups: dict[str, Any] = {group: {"hosts": {}} for group in GROUPS.values()}
    for cluster in topology.clusters:
        groups[cluster.name] = {"hosts": {}, "vars": _cluster_variables(cluster)}
    for host in topology.placed():
        groups[GROUPS[host.role]]["hosts"][host.name] = {}
        if host.cluster:
            groups[host.cluster]["hosts"][host.name] = {}
    groups["served"] = {"hosts": {host.name: {} for host in topology.placed() if host.cluster in topology.served}}
    hosts = {host.name: _host_variables(host) for host in topology.placed()}
    variables = {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(state.key),
        "ansible_ssh_common_args": (
            f"-F /dev/null -o UserKnownHostsFile={state.known_hosts} -o GlobalKnownHostsFile=/dev/null "
            "-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o HostKeyAlgorithms=ssh-ed25519"
        ),
        **_outside_variables(topology),
    }
    return {"all": {"hosts": hosts, "vars": variables, "children": groups}}


def write(topology: Topology, state: State) -> None:
    """Write ``inventory.yaml`` into the state folder."""
    write_atomic(state.inventory, yaml.safe_dump(build(topology, state), sort_keys=False))


def _cluster_variables(cluster: Cluster) -> dict[str, str]:
    (control_plane,) = (host.name for host in cluster.hosts if host.role is Role.CONTROL_PLANE)
    services = [host.name for host in cluster.hosts if host.role is Role.SERVICES]
    return {
        "cluster_name": cluster.name,
        "pod_cidr_ipv4": str(cluster.pods.ipv4),
        "pod_cidr_ipv6": str(cluster.pods.ipv6),
        "service_cidr_ipv4": str(cluster.services.ipv4),
        "service_cidr_ipv6": str(cluster.services.ipv6),
        "control_plane_host": control_plane,
        **({"services_host": services[0]} if services else {}),
    }


def _outside_variables(topology: Topology) -> dict[str, Any]:
    """Who is outside the clouds, and who administers them: where there are clients, the two are told apart."""
    if not topology.clients:
        return {}
    return {
        "client_commands": clients.programs(topology),
        "administration_ipv4": [str(address4(topology.backbone.ipv4, MACHINE))],
        "administration_ipv6": [str(address6(topology.backbone.ipv6, MACHINE))],
    }


def _host_variables(host: PlacedHost) -> dict[str, str]:
    return {"ansible_host": str(host.ipv4), "node_ipv4": str(host.ipv4), "node_ipv6": str(host.ipv6)}
