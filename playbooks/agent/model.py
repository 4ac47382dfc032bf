"""What the agent keeps of the cluster's objects: plain frozen values, read from the API server's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Json = Mapping[str, Any]

TERMINATED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True)
class Expression:
    """One line of a selector's ``matchExpressions``."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet this line; an operator nobody knows matches nothing."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
            case _:
                return False


@dataclass(frozen=True)
class Selector:
    """A label selector; the empty one selects everything."""

    expressions: tuple[Expression, ...] = ()

    @classmethod
    def parse(cls, value: Json) -> Selector:
        """Read a Kubernetes LabelSelector; ``matchLabels`` become expressions of one value."""
        labels = [Expression(k, "In", frozenset({v})) for k, v in sorted((value.get("matchLabels") or {}).items())]
        expressions = [
            Expression(e["key"], e["operator"], frozenset(e.get("values") or ()))
            for e in value.get("matchExpressions") or ()
        ]
        return cls((*labels, *expressions))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every line."""
        return all(e.matches(labels) for e in self.expressions)


@dataclass(frozen=True)
class NamedPort:
    """A container port that has a name."""

    name: str
    protocol: str
    port: int


@dataclass(frozen=True)
class Pod:
    """A pod as far as its traffic is concerned. ``created`` is the API server's time stamp, which sorts as text."""

    namespace: str
    name: str
    node: str
    labels: tuple[tuple[str, str], ...] = ()
    addresses: tuple[Address, ...] = ()
    ports: tuple[NamedPort, ...] = ()
    host_network: bool = False
    terminated: bool = False
    created: str = ""

    @classmethod
    def parse(cls, value: Json) -> Pod:
        """Read a v1 Pod."""
        meta, spec, status = value["metadata"], value.get("spec") or {}, value.get("status") or {}
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        ports = [p for c in containers for p in c.get("ports") or () if p.get("name")]
        return cls(
            namespace=meta["namespace"],
            name=meta["name"],
            node=spec.get("nodeName") or "",
            labels=tuple(sorted((meta.get("labels") or {}).items())),
            addresses=tuple(ip_address(i["ip"]) for i in status.get("podIPs") or () if i.get("ip")),
            ports=tuple(NamedPort(p["name"], p.get("protocol") or "TCP", p["containerPort"]) for p in ports),
            host_network=bool(spec.get("hostNetwork")),
            terminated=status.get("phase") in TERMINATED,
            created=meta.get("creationTimestamp") or "",
        )


@dataclass(frozen=True)
class Namespace:
    """A namespace and its labels."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, value: Json) -> Namespace:
        """Read a v1 Namespace."""
        return cls(value["metadata"]["name"], tuple(sorted((value["metadata"].get("labels") or {}).items())))


@dataclass(frozen=True)
class Node:
    """A node: where it is reached and which pod ranges lie behind it."""

    name: str
    addresses: tuple[Address, ...] = ()
    ranges: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, value: Json) -> Node:
        """Read a v1 Node; only addresses of type InternalIP count."""
        known = (value.get("status") or {}).get("addresses") or ()
        return cls(
            value["metadata"]["name"],
            tuple(ip_address(a["address"]) for a in known if a["type"] == "InternalIP"),
            tuple(ip_network(r) for r in (value.get("spec") or {}).get("podCIDRs") or ()),
        )


@dataclass(frozen=True)
class Block:
    """An ``ipBlock`` peer."""

    cidr: Network
    exceptions: tuple[Network, ...] = ()

    def networks(self) -> list[Network]:
        """Return the block without its exceptions, as networks that do not overlap."""
        rest: list[Network] = [self.cidr]
        for hole in self.exceptions:
            rest = [piece for network in rest for piece in _without(network, hole)]
        return rest


@dataclass(frozen=True)
class Peer:
    """Whom a rule speaks of: a block, or pods by their labels and their namespace's labels (None: own namespace)."""

    pods: Selector = Selector()
    namespaces: Selector | None = None
    block: Block | None = None

    @classmethod
    def parse(cls, value: Json) -> Peer:
        """Read a NetworkPolicyPeer."""
        if block := value.get("ipBlock"):
            return cls(block=Block(ip_network(block["cidr"]), tuple(map(ip_network, block.get("except") or ()))))
        spaces = value.get("namespaceSelector")
        return cls(Selector.parse(value.get("podSelector") or {}), None if spaces is None else Selector.parse(spaces))


@dataclass(frozen=True)
class PortRule:
    """A protocol with a range of ports, a name, or neither (every port of the protocol)."""

    protocol: str = "TCP"
    name: str = ""
    low: int = 0
    high: int = 65535

    @classmethod
    def parse(cls, value: Json) -> PortRule:
        """Read a NetworkPolicyPort."""
        protocol, port = value.get("protocol") or "TCP", value.get("port")
        if port is None:
            return cls(protocol)
        if isinstance(port, str):
            return cls(protocol, name=port)
        return cls(protocol, low=port, high=value.get("endPort") or port)


@dataclass(frozen=True)
class Rule:
    """One ingress or egress rule; None for peers or ports means every one."""

    peers: tuple[Peer, ...] | None = None
    ports: tuple[PortRule, ...] | None = None

    @classmethod
    def parse(cls, value: Json, peers: str) -> Rule:
        """Read a rule whose peers stand under ``from`` or ``to``."""
        return cls(
            tuple(map(Peer.parse, value[peers])) if value.get(peers) else None,
            tuple(map(PortRule.parse, value["ports"])) if value.get("ports") else None,
        )


@dataclass(frozen=True)
class Policy:
    """A NetworkPolicy; None for a direction means that it does not isolate in that direction."""

    namespace: str
    name: str
    pods: Selector = Selector()
    ingress: tuple[Rule, ...] | None = None
    egress: tuple[Rule, ...] | None = None

    @classmethod
    def parse(cls, value: Json) -> Policy:
        """Read a networking.k8s.io/v1 NetworkPolicy; without ``policyTypes`` egress counts only where it is given."""
        meta, spec = value["metadata"], value.get("spec") or {}
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        return cls(
            meta["namespace"],
            meta["name"],
            Selector.parse(spec.get("podSelector") or {}),
            tuple(Rule.parse(r, "from") for r in spec.get("ingress") or ()) if "Ingress" in types else None,
            tuple(Rule.parse(r, "to") for r in spec.get("egress") or ()) if "Egress" in types else None,
        )


def _without(network: Network, hole: Network) -> list[Network]:
    if isinstance(network, IPv4Network) and isinstance(hole, IPv4Network):
        return list(_exclude4(network, hole))
    if isinstance(network, IPv6Network) and isinstance(hole, IPv6Network):
        return list(_exclude6(network, hole))
    return [network]


def _exclude4(network: IPv4Network, hole: IPv4Network) -> list[IPv4Network]:
    if network.subnet_of(hole):
        return []
    return sorted(network.address_exclude(hole)) if hole.subnet_of(network) else [network]


def _exclude6(network: IPv6Network, hole: IPv6Network) -> list[IPv6Network]:
    if network.subnet_of(hole):
        return []
    return sorted(network.address_exclude(hole)) if hole.subnet_of(network) else [network]
