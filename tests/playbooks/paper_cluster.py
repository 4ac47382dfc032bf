"""A small cluster on paper: two nodes, pods with an address of each family, and the agent's rules for it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from playbooks.agent.model import Namespace, Node, Pod, Policy
from playbooks.agent.ruleset import FAMILIES, Family, compile_ruleset
from tests.playbooks.nft_simulator import Packet, Table, parse

Json = dict[str, Any]
NODES = {
    "a": Node(
        "a", (ip_address("10.1.0.1"), ip_address("fd01::1")), (ip_network("10.2.0.0/24"), ip_network("fd02::/64"))
    ),
    "b": Node(
        "b", (ip_address("10.1.0.2"), ip_address("fd01::2")), (ip_network("10.2.1.0/24"), ip_network("fd02:0:0:1::/64"))
    ),
}


def pod(name: str, number: int, node: str = "a", namespace: str = "x", **more: Any) -> Json:
    """Return a running pod with label ``app`` like its name, and a port ``web`` 8080."""
    four, six = ("10.2.0.", "fd02::") if node == "a" else ("10.2.1.", "fd02:0:0:1::")
    return {
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}, "creationTimestamp": "1"},
        "spec": {
            "nodeName": node,
            "containers": [{"ports": [{"name": "web", "containerPort": 8080}, {"containerPort": 9}]}],
            **more.pop("spec", {}),
        },
        "status": {"phase": "Running", "podIPs": [{"ip": f"{four}{number}"}, {"ip": f"{six}{number}"}], **more},
    }


def namespace(name: str, **labels: str) -> Json:
    """Return a namespace with labels."""
    return {"metadata": {"name": name, "labels": labels}}


def policy(spec: Json, namespace: str = "x", name: str = "p") -> Json:
    """Return a NetworkPolicy."""
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"podSelector": {}, **spec}}


def rules(
    node: str,
    pods: list[Json],
    policies: list[Json],
    namespaces: list[Json] | None = None,
    families: tuple[Family, ...] = FAMILIES,
) -> str:
    """Return the text that the agent of ``node`` applies."""
    return compile_ruleset(
        node,
        families=families,
        pods=map(Pod.parse, pods),
        namespaces=map(Namespace.parse, namespaces or [namespace("x"), namespace("y")]),
        policies=[Policy.parse(p) for p in policies],
        nodes=NODES.values(),
        ranges=NODES[node].ranges,
    )


def table(*arguments: Any, **more: Any) -> Table:
    """Return the same, ready to be judged by packets."""
    return parse(rules(*arguments, **more))


def packet(source: str, target: str, port: int = 8080, protocol: str = "TCP", **more: Any) -> Packet:
    """Return the first packet of a connection between two addresses."""
    client, server = ip_address(source), ip_address(target)
    values: dict[str, Any] = {"source": client, "target": server, "client": client, "server": server}
    return Packet(**{**values, "protocol": protocol.lower(), "server_port": port, **more})


def answer(first: Packet, **more: Any) -> Packet:
    """Return the packet that answers ``first`` on the way back."""
    return replace(
        first,
        source=first.server,
        target=first.client,
        iif=first.oif,
        oif=first.iif,
        reply=True,
        state="established",
        **more,
    )
