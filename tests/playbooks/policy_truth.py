"""What Kubernetes' NetworkPolicy means, written down a second time: straight from the API's JSON, slow and plain."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Flow:
    """A connection that somebody wants to open; a side without a pod is an address outside."""

    source: str
    target: str
    protocol: str
    port: int


def allowed(flow: Flow, pods: list[Json], namespaces: list[Json], policies: list[Json]) -> bool:
    """Whether the policies let this connection be opened."""
    labels = {n["metadata"]["name"]: n["metadata"].get("labels", {}) for n in namespaces}
    source, target = _pod_at(flow.source, pods), _pod_at(flow.target, pods)
    if source is not None and source is target:
        return True
    return _side("Egress", source, target, flow, labels=labels, policies=policies) and _side(
        "Ingress", target, source, flow, labels=labels, policies=policies
    )


def _side(
    kind: str,
    me: Json | None,
    other: Json | None,
    flow: Flow,
    *,
    labels: dict[str, Json],
    policies: list[Json],
) -> bool:
    if me is None:
        return True
    isolating = [
        p
        for p in policies
        if p["metadata"]["namespace"] == me["metadata"]["namespace"]
        and _selects(p["spec"].get("podSelector", {}), me["metadata"].get("labels", {}))
        and kind in p["spec"].get("policyTypes", ["Ingress"] + (["Egress"] if p["spec"].get("egress") else []))
    ]
    if not isolating:
        return True
    inward = kind == "Ingress"
    receiver, peers, address = (me, "from", flow.source) if inward else (other, "to", flow.target)
    return any(
        _ports(rule, flow, receiver)
        and (
            not rule.get(peers)
            or any(_peer(p, policy["metadata"]["namespace"], other, address, labels) for p in rule[peers])
        )
        for policy in isolating
        for rule in policy["spec"].get(kind.lower(), [])
    )


def _peer(peer: Json, namespace: str, other: Json | None, address: str, labels: dict[str, Json]) -> bool:
    if "ipBlock" in peer:
        block, ip = peer["ipBlock"], ip_address(address)
        return ip in ip_network(block["cidr"]) and not any(ip in ip_network(e) for e in block.get("except", []))
    if other is None or not _selects(peer.get("podSelector", {}), other["metadata"].get("labels", {})):
        return False
    where = other["metadata"]["namespace"]
    if "namespaceSelector" not in peer:
        return bool(where == namespace)
    return where in labels and _selects(peer["namespaceSelector"], labels[where])


def _ports(rule: Json, flow: Flow, receiver: Json | None) -> bool:
    if not rule.get("ports"):
        return True
    for port in rule["ports"]:
        if port.get("protocol", "TCP") != flow.protocol:
            continue
        wanted = port.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, int):
            if wanted <= flow.port <= port.get("endPort", wanted):
                return True
        elif receiver is not None and any(
            p.get("name") == wanted and p.get("protocol", "TCP") == flow.protocol and p["containerPort"] == flow.port
            for c in receiver["spec"]["containers"]
            for p in c.get("ports", [])
        ):
            return True
    return False


def _selects(selector: Json, labels: Json) -> bool:
    if any(labels.get(k) != v for k, v in selector.get("matchLabels", {}).items()):
        return False
    for e in selector.get("matchExpressions", []):
        has, value = e["key"] in labels, labels.get(e["key"])
        meets = {
            "In": has and value in e.get("values", []),
            "NotIn": not has or value not in e.get("values", []),
            "Exists": has,
            "DoesNotExist": not has,
        }
        if not meets[e["operator"]]:
            return False
    return True


def _pod_at(address: str, pods: list[Json]) -> Json | None:
    for pod in pods:
        if address in [i["ip"] for i in pod["status"]["podIPs"]]:
            return pod
    return None
