"""The agent's rules against a second, plain reading of the API: any cluster, any policies, any connection."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.playbooks.paper_cluster import answer, namespace, packet, pod, policy, table
from tests.playbooks.policy_truth import Flow, allowed

Json = dict[str, Any]
KEYS, VALUES = ["k"], ["u", "v"]
labels = st.sampled_from([{}, {"k": "u"}, {"k": "v"}])
expressions = st.builds(
    lambda key, operator, values: {
        "key": key,
        "operator": operator,
        **({"values": values} if "In" in operator else {}),
    },
    st.sampled_from(KEYS),
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=2),
)
selectors = st.one_of(
    st.just({}),
    st.sampled_from(VALUES).map(lambda v: {"matchLabels": {"k": v}}),
    expressions.map(lambda e: {"matchExpressions": [e]}),
)
blocks = st.sampled_from(
    [
        {"cidr": "10.2.0.0/24", "except": ["10.2.0.2/32"]},
        {"cidr": "0.0.0.0/0", "except": ["10.2.0.0/25", "10.2.0.0/16"]},
        {"cidr": "fd02::/64", "except": ["fd02::2/127"]},
        {"cidr": "::/0"},
        {"cidr": "192.0.2.0/24"},
    ]
)
peers = st.one_of(
    selectors.map(lambda s: {"podSelector": s}),
    selectors.map(lambda s: {"namespaceSelector": s}),
    st.tuples(selectors, selectors).map(lambda s: {"podSelector": s[0], "namespaceSelector": s[1]}),
    blocks.map(lambda b: {"ipBlock": b}),
)
ports = st.one_of(
    st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(["TCP", "UDP", "SCTP"])}),
    st.fixed_dictionaries(
        {"port": st.sampled_from([8080, 9, 53, "web", "dns"])}, optional={"protocol": st.sampled_from(["TCP", "UDP"])}
    ),
    st.sampled_from([{"port": 8000, "endPort": 9000}, {"port": 1, "endPort": 65535, "protocol": "UDP"}]),
)


def _rules(side: str) -> st.SearchStrategy[list[Json]]:
    some = st.lists(peers, min_size=1, max_size=2).map(lambda p: {side: p})
    rule = st.one_of(some, some, st.tuples(some, ports).map(lambda r: {**r[0], "ports": [r[1]]}), st.just({}))
    return st.lists(rule, min_size=1, max_size=2)


specs = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors, "policyTypes": st.just(["Ingress"]), "ingress": _rules("from")}),
    st.fixed_dictionaries({"podSelector": selectors, "policyTypes": st.just(["Egress"]), "egress": _rules("to")}),
    st.fixed_dictionaries({"podSelector": selectors}, optional={"ingress": _rules("from"), "egress": _rules("to")}),
    st.fixed_dictionaries({"podSelector": selectors, "policyTypes": st.just(["Ingress", "Egress"])}),
)
named = st.lists(
    st.sampled_from(
        [
            {"name": "web", "containerPort": 8080},
            {"name": "web", "containerPort": 9},
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        ]
    ),
    max_size=2,
)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Json], list[Json], list[Json]]:
    """Pods on two nodes, two namespaces, up to four policies."""
    pods = []
    for number in range(2, 2 + draw(st.integers(2, 4))):
        made = pod(f"p{number}", number, draw(st.sampled_from("ab")), draw(st.sampled_from("xy")))
        made["metadata"]["labels"] = draw(labels)
        made["spec"]["containers"] = [{"ports": draw(named)}]
        pods.append(made)
    spaces = [namespace(name, **draw(labels)) for name in "xy"]
    found = draw(st.lists(st.tuples(specs, st.sampled_from("xy")), min_size=1, max_size=3))
    return pods, spaces, [policy(spec, where, f"p{i}") for i, (spec, where) in enumerate(found)]


SERVICES = [("TCP", 8080), ("TCP", 9), ("UDP", 53), ("SCTP", 8500)]


@settings(max_examples=80)
@given(clusters())
def test_rules_say_what_the_policies_say(cluster: tuple[list[Json], list[Json], list[Json]]) -> None:
    """A connection passes every node on its way exactly when the policies allow it, and so does each answer."""
    pods, spaces, policies = cluster
    tables = {node: table(node, pods, policies, spaces) for node in "ab"}
    ends = [(p["spec"]["nodeName"], i["ip"]) for p in pods for i in p["status"]["podIPs"]]
    ends += [("", "192.0.2.9"), ("", "2001:db8::9")]
    for (source_node, source), (target_node, target), (protocol, port) in itertools.product(ends, ends, SERVICES):
        if (":" in source) != (":" in target) or not source_node + target_node:
            continue
        passes = True
        for node in {source_node, target_node} - {""}:
            sides = {"iif": "cni0" if node == source_node else "eth0", "oif": "cni0" if node == target_node else "eth0"}
            first = packet(source, target, port, protocol, **sides)
            verdict = tables[node].passes("forward", first)
            assert tables[node].passes("forward", answer(first)) is verdict
            passes = passes and verdict
        assert passes is allowed(Flow(source, target, protocol, port), pods, spaces, policies), (source, target, port)
