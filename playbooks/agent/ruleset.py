"""The node's nftables table, as text. Pure: the same cluster gives the same text, byte for byte.

Three properties carry the whole:

- Packets are judged by who opened the connection, not by who sent the packet: ``ct original saddr`` is the client,
  ``ct reply saddr`` and ``ct reply proto-src`` are the server after a Service's address was translated. Every packet of
  a connection, in either direction, so gets the verdict of the connection, and a policy that now denies it ends it.
- On the pods' bridge only addresses of known pods pass. A pod that the agent has not seen yet, a broadcast, a
  multicast or a source that is no pod's is dropped, so nothing is open before its policies are in force.
- A pod that no policy isolates is in no map, an isolated one is looked up once: cost does not grow with the pods.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Literal

from playbooks.agent.model import Namespace, Network, Node, Pod, Policy
from playbooks.agent.policy import Clause, Cluster, Endpoint, Profile, profiles

TABLE = "govcloud"
BRIDGE = "cni0"
Family = Literal["ipv4", "ipv6"]
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
VERSION = {"ipv4": 4, "ipv6": 6}
WORD = {"ipv4": "ip", "ipv6": "ip6"}
TYPE = {"ipv4": "ipv4_addr", "ipv6": "ipv6_addr"}
NEIGHBOUR = "nd-neighbor-solicit, nd-neighbor-advert"
LISTENER = "nd-router-solicit, mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"


@dataclass
class _Text:
    """Named sets and chains, each written once however many pods share it."""

    sets: dict[str, str] = field(default_factory=dict)
    chains: dict[str, str] = field(default_factory=dict)

    def add_set(self, name: str, kind: str, elements: Sequence[str], flags: str = "") -> str:
        lines = [f"type {kind};", *([f"flags {flags};"] if flags else [])]
        if elements:
            lines.append(f"elements = {{ {', '.join(elements)} }};")
        self.sets[name] = "\n".join(f"    {line}" for line in lines)
        return name

    def add_chain(self, prefix: str, rules: Sequence[str]) -> str:
        body = "\n".join(f"    {rule}" for rule in rules)
        name = f"{prefix}_{_digest(body)}"
        self.chains[name] = body
        return name


def compile_ruleset(
    node: str,
    *,
    families: Collection[Family],
    pods: Iterable[Pod],
    namespaces: Iterable[Namespace],
    policies: Sequence[Policy],
    nodes: Iterable[Node],
    ranges: Iterable[Network],
) -> str:
    """Return what ``nft -f -`` applies in one transaction on ``node``, whose own pod ranges are ``ranges``.

    A family that is not in ``families`` is carried but not judged.
    """
    text, cluster = _Text(), Cluster.of(pods, namespaces)
    local = cluster.on_node(node)
    inside = [n for other in nodes for n in (*other.ranges, *map(ip_network, other.addresses))]
    own = list(ranges)
    for family in FAMILIES:
        mine = [str(a) for a in sorted(a for a in local if a.version == VERSION[family])]
        text.add_set(f"pods_{family}", TYPE[family], mine)
        text.add_set(f"self_{family}", f"{TYPE[family]} . {TYPE[family]}", [f"{a} . {a}" for a in mine])
        text.add_set(f"inside_{family}", TYPE[family], _networks(inside, family), "interval")
        text.add_set(f"range_{family}", TYPE[family], _networks(own, family), "interval")
    maps = _maps(text, cluster, profiles(node, cluster, policies))
    return _render(text, maps, families)


def closed() -> str:
    """Return the guard of the node's start: no pod is known, so nothing passes the pods' bridge."""
    return compile_ruleset("", families=FAMILIES, pods=(), namespaces=(), policies=(), nodes=(), ranges=())


def _maps(text: _Text, cluster: Cluster, found: Sequence[Profile]) -> dict[str, list[str]]:
    maps: dict[str, list[str]] = {f"{side}_{family}": [] for side in ("from", "to") for family in FAMILIES}
    for profile in found:
        side = "to" if profile.direction == "ingress" else "from"
        peer = "original" if profile.direction == "ingress" else "reply"
        rules = [rule for clause in profile.clauses for rule in _clause_rules(text, clause, peer)]
        chain = text.add_chain(side, [*dict.fromkeys(rules), "drop"])
        for pod in profile.pods:
            for address in cluster.addresses(pod):
                family = "ipv4" if address.version == 4 else "ipv6"
                maps[f"{side}_{family}"].append(f"{address} : goto {chain}")
    return maps


def _clause_rules(text: _Text, clause: Clause, peer: str) -> list[str]:
    """Rules that let a clause's packets return to the base chain; ``peer`` is the tuple that holds the other side."""
    peers = [""] if clause.networks is None else _peer_matches(text, clause.networks, peer)
    rules: list[str] = []
    for match in peers:
        rules += [f"{ports}{match}return" for ports in _port_matches(clause)]
    for family in FAMILIES:
        matches = [""] if clause.networks is None else _peer_matches(text, clause.networks, peer, [family])
        for protocol in sorted({protocol for _, protocol, _ in clause.endpoints}):
            name = _endpoint_set(text, clause.endpoints, protocol, family)
            where = f"ct reply {WORD[family]} saddr . ct reply proto-src @{name} "
            rules += [f"meta l4proto {protocol.lower()} {where}{match}return" for match in matches if name]
    return rules


def _port_matches(clause: Clause) -> list[str]:
    if clause.ports is None:
        return [""]
    matches = []
    for protocol in sorted({p.protocol for p in clause.ports}):
        spans = _merge((p.low, p.high) for p in clause.ports if p.protocol == protocol)
        word = f"meta l4proto {protocol.lower()} "
        if spans != [(0, 65535)]:
            values = ", ".join(f"{low}-{high}" if high > low else str(low) for low, high in spans)
            word += f"ct reply proto-src {{ {values} }} "
        matches.append(word)
    return matches


def _peer_matches(
    text: _Text, networks: frozenset[Network], peer: str, families: Sequence[Family] = FAMILIES
) -> list[str]:
    matches = []
    for family in families:
        if elements := _networks(networks, family):
            name = f"peers_{_digest(' '.join(elements))}"
            text.add_set(name, TYPE[family], elements, "interval")
            matches.append(f"ct {peer} {WORD[family]} saddr @{name} ")
    return matches


def _endpoint_set(text: _Text, endpoints: Iterable[Endpoint], protocol: str, family: Family) -> str:
    chosen = sorted((a, port) for a, p, port in endpoints if p == protocol and a.version == VERSION[family])
    if not chosen:
        return ""
    elements = [f"{address} . {port}" for address, port in chosen]
    return text.add_set(f"ports_{_digest(' '.join(elements))}", f"{TYPE[family]} . inet_service", elements)


def _merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _networks(networks: Iterable[Network], family: Family) -> list[str]:
    """Elements of an interval set: no overlaps, in order, a single address without its prefix length."""
    merged: Iterable[Network]
    if family == "ipv4":
        merged = collapse_addresses(n for n in networks if isinstance(n, IPv4Network))
    else:
        merged = collapse_addresses(n for n in networks if isinstance(n, IPv6Network))
    return [str(n.network_address) if n.prefixlen == n.max_prefixlen else str(n) for n in merged]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _render(text: _Text, maps: dict[str, list[str]], families: Collection[Family]) -> str:
    judged = [f for f in FAMILIES if f in families]
    skip = [f"meta nfproto {f} return" for f in FAMILIES if f not in families]
    known = [
        rule
        for f in judged
        for rule in (
            f'iifname "{BRIDGE}" {WORD[f]} saddr != @pods_{f} drop',
            f'oifname "{BRIDGE}" {WORD[f]} daddr != @pods_{f} drop',
            f'iifname != "{BRIDGE}" {WORD[f]} saddr @range_{f} drop',
            f'oifname != "{BRIDGE}" {WORD[f]} daddr @range_{f} drop',
        )
    ]
    to_itself = [f"ct original {WORD[f]} saddr . ct reply {WORD[f]} saddr @self_{f} accept" for f in judged]
    base = {
        "forward": [
            "type filter hook forward priority filter - 10; policy accept;",
            *skip,
            # Pods of one node find each other by these; they are not tracked, so no later rule could know them.
            f'iifname "{BRIDGE}" oifname "{BRIDGE}" ip6 hoplimit 255 icmpv6 type {{ {NEIGHBOUR} }} accept',
            *known,
            f'iifname != "{BRIDGE}" oifname != "{BRIDGE}" return',
            "ct state invalid,untracked drop",
            # 'Packet too big' and its like carry another protocol than the connection that they speak of.
            "ct state related meta l4proto { icmp, ipv6-icmp } accept",
            *to_itself,
            "jump from",
            "jump to",
        ],
        "input": [
            "type filter hook input priority filter - 10; policy accept;",
            f'iifname != "{BRIDGE}" return',
            *skip,
            f"ip6 hoplimit 255 icmpv6 type {{ {NEIGHBOUR} }} accept",
            f"icmpv6 type {{ {LISTENER} }} accept",
            "ct state invalid,untracked drop",
            # Answers to what the node itself asked, such as the kubelet's probes.
            "ct direction reply accept",
            *(f"{WORD[f]} saddr != @pods_{f} drop" for f in judged),
            "jump from",
        ],
        "output": [
            "type filter hook output priority filter - 10; policy accept;",
            *skip,
            f'oifname "{BRIDGE}" ct direction reply jump from',
        ],
        "postrouting": [
            "type nat hook postrouting priority srcnat; policy accept;",
            *(f"{WORD[f]} saddr @pods_{f} {WORD[f]} daddr != @inside_{f} masquerade" for f in FAMILIES),
        ],
    }
    lookups = {
        "from": [f"ct original {WORD[f]} saddr vmap @from_{f}" for f in judged],
        "to": [f"ct reply {WORD[f]} saddr vmap @to_{f}" for f in judged],
    }
    blocks = [f"  set {name} {{\n{body}\n  }}" for name, body in sorted(text.sets.items())]
    blocks += [f"  chain {name} {{\n{body}\n  }}" for name, body in sorted(text.chains.items())]
    for name, elements in sorted(maps.items()):
        inner = f"\n    elements = {{ {', '.join(sorted(elements))} }};" if elements else ""
        blocks.append(f"  map {name} {{\n    type {TYPE[name.split('_')[1]]} : verdict;{inner}\n  }}")
    for name, rules in (*lookups.items(), *base.items()):
        blocks.append(f"  chain {name} {{\n" + "\n".join(f"    {rule}" for rule in rules) + "\n  }")
    return f"table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n" + "\n".join(blocks) + "\n}\n"
