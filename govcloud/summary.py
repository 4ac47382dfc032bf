"""The tables that `govcloud up` ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from kubernetes import client, config
from rich.markup import escape
from rich.table import Table

from core.console import stdout
from govcloud.proof import Evidence


@dataclass(frozen=True)
class Node:
    """A node as its API server reports it."""

    cluster: str
    name: str
    ready: bool
    version: str
    ipv4: str
    ipv6: str


@dataclass(frozen=True)
class StackLine:
    """What one stack holds after it was applied."""

    stack: str
    resources: int
    changed: int
    seconds: float


def nodes(cluster: str, kubeconfig: Path) -> list[Node]:
    """Read the nodes of a cluster from its API server."""
    api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    return [_node(cluster, item) for item in api.list_node(_request_timeout=10).items]


def _node(cluster: str, node: Any) -> Node:
    addresses = [ip_address(a.address) for a in node.status.addresses if a.type == "InternalIP"]
    by_version = {address.version: str(address) for address in addresses}
    return Node(
        cluster=cluster,
        name=node.metadata.name,
        ready=any(c.type == "Ready" and c.status == "True" for c in node.status.conditions),
        version=node.status.node_info.kubelet_version,
        ipv4=by_version.get(4, "missing"),
        ipv6=by_version.get(6, "missing"),
    )


def show_nodes(found: Sequence[Node]) -> None:
    """Print one line a node, with its address in each family."""
    table = Table("cluster", "node", "state", "version", "IPv4", "IPv6", title="Clusters", title_justify="left")
    for node in found:
        table.add_row(
            node.cluster, node.name, "Ready" if node.ready else "NotReady", node.version, node.ipv4, node.ipv6
        )
    stdout.print(table)


def show_stacks(lines: Sequence[StackLine]) -> None:
    """Print one line a stack."""
    table = Table("stack", "resources", "changed now", "seconds", title="Stacks", title_justify="left")
    for line in lines:
        table.add_row(line.stack, str(line.resources), str(line.changed), f"{line.seconds:.1f}")
    stdout.print(table)


def show_proof(evidence: Sequence[Evidence]) -> None:
    """Print one line a call: who called whom over which family, what came back, and whether that is as it must be."""
    table = Table("caller", "over", "claim and target", "came back", "", title="Proof", title_justify="left")
    for item in evidence:
        verdict = "[green]as it must[/]" if item.passed else "[red]FAILED[/]"
        claim = f"{item.claim}\n[dim]{escape(item.target)}[/]"
        table.add_row(item.caller, item.family, claim, escape(item.observed), verdict)
    stdout.print(table)


def show_next_steps(steps: Sequence[tuple[str, str]]) -> None:
    """Print commands to try next, each with what it is for, so that a line can be copied."""
    stdout.print("\nTry next:")
    for command, purpose in steps:
        stdout.print(f"  [dim]# {purpose}[/]\n  {escape(command)}", soft_wrap=True)
