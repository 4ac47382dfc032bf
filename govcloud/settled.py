"""Has anything changed since the clusters were last made? If not, making them again can be left out honestly."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from core.errors import KitError
from core.files import write_atomic
from core.paths import REPOSITORY
from core.programs import run
from testbed import hosts, ssh
from testbed.state import State
from testbed.topology import PlacedHost, Role, Topology, dump

NODE = ("containerd", "kubelet", "govcloud-network")
SERVICES = {
    Role.CONTROL_PLANE: NODE,
    Role.WORKER: NODE,
    Role.SERVICES: (
        "govcloud-object-store",
        "govcloud-object-store-door",
        "govcloud-identity",
        "nginx",
        "govcloud-name-server",
    ),
}
"""What must run on a host, by its role."""
SERVED = {Role.CONTROL_PLANE: ("govcloud-log-collector",)}
"""What must run beside that in a cluster with a host of services."""
EDGE = "govcloud-edge-filter"
"""What must run beside in a cluster with services, where a topology has clients outside."""


def fingerprint(topology: Topology, media: Path) -> str:
    """Digest of all that decides what the hosts become: topology, installation media, playbooks."""
    digest = hashlib.sha256(f"{dump(topology)}\n{media.name}\n".encode())
    folder = REPOSITORY / "playbooks"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def record(topology: Topology, media: Path) -> None:
    """Write down that the clusters of this topology were just made, and on which boots of the hosts."""
    write_atomic(_file(topology), json.dumps(_now(topology, media)))


def forget(topology: Topology) -> None:
    """Drop the record: from here until ``record``, the clusters are being changed."""
    _file(topology).unlink(missing_ok=True)


def wait_until_healthy(topology: Topology, media: Path, deadline: float = 120) -> None:
    """Wait until all that `is_settled` asks of running clusters holds. Raises KitError after ``deadline`` seconds."""
    until = time.monotonic() + deadline
    while not _all_healthy(topology, media):
        if time.monotonic() > until:
            raise KitError(
                f"the clusters of testbed {topology.name} were made, but are not healthy after {deadline:.0f} s",
                "kubectl get nodes,pods --namespace kube-system, in the environment of govcloud env",
            )
        time.sleep(0.5)


def is_settled(topology: Topology, media: Path) -> bool:
    """Tell whether the clusters are as they were recorded, and healthy.

    The same inputs, the same boots of all hosts, the services active on each host, every node Ready with an address of
    each family, every pod of kube-system Ready.
    """
    try:
        recorded = json.loads(_file(topology).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if recorded != _now(topology, media):
        return False
    return _all_healthy(topology, media)


def _all_healthy(topology: Topology, media: Path) -> bool:
    members = [host for host in topology.placed() if host.role in SERVICES]
    with ThreadPoolExecutor(max_workers=8) as pool:
        services = pool.map(lambda host: _services_run(topology, host), members)
        clusters = pool.map(lambda cluster: _healthy(topology, cluster.name, media), topology.clusters)
        return all([*services, *clusters])


def _file(topology: Topology) -> Path:
    return State.of(topology.name).folder / "settled.json"


def _now(topology: Topology, media: Path) -> dict[str, Any]:
    boots = {status.name: status.boot for status in hosts.status(topology.name)}
    return {"fingerprint": fingerprint(topology, media), "boots": boots}


def _services_run(topology: Topology, host: PlacedHost) -> bool:
    # one call each: asked about several units at once, systemctl is content when one of them is active
    served = host.cluster in topology.served
    wanted = [
        *SERVICES[host.role],
        *(SERVED.get(host.role, ()) if served else ()),
        *([EDGE] if topology.clients and served else []),
    ]
    command = " && ".join(f"systemctl is-active --quiet {service}" for service in wanted)
    return ssh.run(State.of(topology.name).folder, host.name, command).returncode == 0


def _healthy(topology: Topology, cluster: str, media: Path) -> bool:
    kubeconfig = State.of(topology.name).kubeconfig(cluster)
    kubectl: list[str | Path] = [media / "bin" / "kubectl", "--kubeconfig", kubeconfig, "--request-timeout=10s"]
    done = run([*kubectl, "--namespace=kube-system", "get", "nodes,pods", "--output=json"], check=False)
    if done.returncode != 0:
        return False
    items = json.loads(done.stdout)["items"]
    nodes = [item for item in items if item["kind"] == "Node"]
    expected = {host.name for host in topology.nodes(cluster)}
    return {node["metadata"]["name"] for node in nodes} == expected and all(map(ready, items))


def ready(item: Mapping[str, Any]) -> bool:
    """Tell whether a node or a pod is Ready and, for a node, has an internal address of each family."""
    conditions = {condition["type"]: condition["status"] for condition in item["status"].get("conditions", ())}
    addresses = [a["address"] for a in item["status"].get("addresses", ()) if a["type"] == "InternalIP"]
    dual = item["kind"] != "Node" or {":" in address for address in addresses} == {True, False}
    return conditions.get("Ready") == "True" and dual
