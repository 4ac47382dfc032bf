"""NetworkPolicies resolved to addresses: what each pod of this node may receive and send. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Literal

from playbooks.agent.model import Address, Namespace, Network, Peer, Pod, Policy, PortRule, Rule

Direction = Literal["ingress", "egress"]
Endpoint = tuple[Address, str, int]
"""An address, a protocol and a port that a name stood for."""


@dataclass(frozen=True)
class Clause:
    """One rule after resolution.

    ``networks`` are the peers that may take part (None: everyone). ``ports`` are ranges by number (None: every port
    of every protocol); ``endpoints`` are the destinations that named ports stood for.
    """

    networks: frozenset[Network] | None
    ports: tuple[PortRule, ...] | None
    endpoints: frozenset[Endpoint] = frozenset()


@dataclass(frozen=True)
class Profile:
    """Pods of this node that the same policies isolate in one direction, and what these policies allow."""

    direction: Direction
    pods: tuple[Pod, ...]
    clauses: tuple[Clause, ...]


@dataclass
class Cluster:
    """Pods by address and namespaces by name, with the rules for who owns an address.

    Pods on the host's network and terminated pods are outside of policy. Where two live pods claim one address, as
    happens for a moment when it is used again, the younger one owns it.
    """

    namespaces: dict[str, dict[str, str]]
    pods: tuple[Pod, ...]
    owned: dict[tuple[str, str], tuple[Address, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, pods: Iterable[Pod], namespaces: Iterable[Namespace]) -> Cluster:
        """Index what the API server knows."""
        live = sorted(
            (p for p in pods if p.addresses and not p.host_network and not p.terminated),
            key=lambda p: (p.created, p.namespace, p.name),
        )
        owner = {address: (p.namespace, p.name) for p in live for address in p.addresses}
        owned = {
            (p.namespace, p.name): tuple(a for a in p.addresses if owner[a] == (p.namespace, p.name)) for p in live
        }
        return cls({n.name: dict(n.labels) for n in namespaces}, tuple(live), owned)

    def addresses(self, pod: Pod) -> tuple[Address, ...]:
        """Return the addresses that are this pod's."""
        return self.owned[pod.namespace, pod.name]

    def on_node(self, node: str) -> list[Address]:
        """Return the addresses of the pods on a node."""
        return [a for pod in self.pods if pod.node == node for a in self.addresses(pod)]

    def selected(self, peer: Peer, namespace: str) -> list[Pod]:
        """Return the pods that a peer of a policy in ``namespace`` speaks of."""
        if peer.block is not None:
            return []
        return [
            pod
            for pod in self.pods
            if (
                pod.namespace == namespace
                if peer.namespaces is None
                else pod.namespace in self.namespaces and peer.namespaces.matches(self.namespaces[pod.namespace])
            )
            and peer.pods.matches(dict(pod.labels))
        ]


def profiles(node: str, cluster: Cluster, policies: Sequence[Policy]) -> list[Profile]:
    """Group the pods of ``node`` by the policies that isolate them, once for each direction."""
    ordered = sorted(policies, key=lambda p: (p.namespace, p.name))
    found: list[Profile] = []
    directions: tuple[Direction, ...] = ("ingress", "egress")
    for direction in directions:
        groups: dict[tuple[int, ...], list[Pod]] = {}
        for pod in cluster.pods:
            if pod.node != node:
                continue
            labels = dict(pod.labels)
            chosen = tuple(
                number
                for number, policy in enumerate(ordered)
                if policy.namespace == pod.namespace
                and getattr(policy, direction) is not None
                and policy.pods.matches(labels)
            )
            if chosen:
                groups.setdefault(chosen, []).append(pod)
        for chosen, members in groups.items():
            clauses = [
                _clause(direction, rule, ordered[number].namespace, members, cluster)
                for number in chosen
                for rule in getattr(ordered[number], direction)
            ]
            found.append(Profile(direction, tuple(members), tuple(dict.fromkeys(clauses))))
    return found


def _clause(direction: Direction, rule: Rule, namespace: str, members: Sequence[Pod], cluster: Cluster) -> Clause:
    peers = None if rule.peers is None else [p for peer in rule.peers for p in cluster.selected(peer, namespace)]
    networks: frozenset[Network] | None = None
    if peers is not None:
        blocks = [n for peer in rule.peers or () if peer.block for n in peer.block.networks()]
        networks = frozenset([*blocks, *(ip_network(a) for pod in peers for a in cluster.addresses(pod))])
    if rule.ports is None:
        return Clause(networks, None)
    # A named port belongs to whoever receives: the isolated pod itself (ingress), or the peer (egress).
    receivers = members if direction == "ingress" else cluster.pods if peers is None else peers
    endpoints = frozenset(
        (address, port.protocol, port.port)
        for wanted in rule.ports
        if wanted.name
        for pod in receivers
        for port in pod.ports
        if (port.name, port.protocol) == (wanted.name, wanted.protocol)
        for address in cluster.addresses(pod)
    )
    return Clause(networks, tuple(p for p in rule.ports if not p.name), endpoints)
