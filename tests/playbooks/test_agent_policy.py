"""The rules that the agent makes, judged by packets: one test for each way in which such rules are known to fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from playbooks.agent.ruleset import closed
from tests.playbooks.nft_simulator import parse
from tests.playbooks.paper_cluster import answer, namespace, packet, pod, policy, rules, table

A1, A1_6 = "10.2.0.5", "fd02::5"
A2, A2_6 = "10.2.0.6", "fd02::6"
B1, B1_6 = "10.2.1.7", "fd02:0:0:1::7"
PODS = [pod("one", 5), pod("two", 6), pod("far", 7, node="b")]
DENY = policy({"policyTypes": ["Ingress", "Egress"]})
BOTH = pytest.mark.parametrize(("source", "target"), [(A1, A2), (A1_6, A2_6)], ids=["ipv4", "ipv6"])


@BOTH
def test_open_without_policy(source: str, target: str) -> None:
    """Pods that no policy selects reach each other: a deny below means something."""
    assert table("a", PODS, []).passes("forward", packet(source, target))


@BOTH
def test_default_deny_on_one_node(source: str, target: str) -> None:
    """Default deny holds between two pods of one node, in each family."""
    assert not table("a", PODS, [DENY]).passes("forward", packet(source, target))


@pytest.mark.parametrize(("source", "target"), [(A1, B1), (A1_6, B1_6)], ids=["ipv4", "ipv6"])
def test_default_deny_across_nodes(source: str, target: str) -> None:
    """Each node keeps its own side: the sender's node the egress, the receiver's the ingress."""
    out = packet(source, target, oif="eth0")
    arriving = packet(source, target, iif="eth0")
    egress, ingress = policy({"policyTypes": ["Egress"]}), policy({"policyTypes": ["Ingress"]})
    assert not table("a", PODS, [egress]).passes("forward", out)
    assert table("b", PODS, [egress]).passes("forward", arriving)
    assert not table("b", PODS, [ingress]).passes("forward", arriving)
    assert table("a", PODS, [ingress]).passes("forward", out)


def test_neighbour_discovery_passes_by_name() -> None:
    """Default deny leaves IPv6 pods able to find each other, and lets nothing else through that way."""
    rules_now = table("a", PODS, [DENY])
    asked = packet(A1_6, "ff02::1:ff00:6", protocol="ipv6-icmp", state="untracked", hoplimit=255)
    assert rules_now.passes("forward", replace(asked, icmpv6="nd-neighbor-solicit"))
    assert not rules_now.passes("forward", replace(asked, icmpv6="nd-router-advert"))
    assert not rules_now.passes("forward", replace(asked, icmpv6="nd-neighbor-solicit", hoplimit=64))


def test_a_new_pod_is_closed_until_it_is_seen() -> None:
    """An address of the node's range that is no known pod's neither sends nor receives."""
    rules_now = table("a", PODS, [])
    for stranger, known in (("10.2.0.99", A1), ("fd02::99", A1_6)):
        assert not rules_now.passes("forward", packet(stranger, known))
        assert not rules_now.passes("forward", packet(known, stranger))
        assert not rules_now.passes("forward", packet(stranger, B1 if "." in known else B1_6, oif="eth0"))
        assert not rules_now.passes("input", packet(stranger, "10.1.0.1" if "." in known else "fd01::1"))


@pytest.mark.parametrize("target", ["10.2.0.255", "255.255.255.255", "224.0.0.251", "ff02::fb"])
def test_broadcast_and_multicast_do_not_pass_the_bridge(target: str) -> None:
    """What is meant for everybody would reach isolated pods too."""
    assert not table("a", PODS, [DENY]).passes("forward", packet(A1 if "." in target else A1_6, target))


def test_a_pod_cannot_send_in_the_name_of_something_else() -> None:
    """On the bridge only pods' addresses send, and from outside nothing arrives in the name of a local pod."""
    rules_now = table("a", PODS, [])
    assert not rules_now.passes("forward", packet("10.9.9.9", A1))
    assert not rules_now.passes("forward", packet(A1, A2, iif="eth0"))


@BOTH
def test_an_established_connection_is_judged_again(source: str, target: str) -> None:
    """A connection that was allowed ends, in both directions, with the policy that now denies it."""
    first = packet(source, target, state="established")
    before, after = table("a", PODS, []), table("a", PODS, [policy({"policyTypes": ["Ingress"]})])
    assert before.passes("forward", first)
    assert before.passes("forward", answer(first))
    assert not after.passes("forward", first)
    assert not after.passes("forward", answer(first))


@BOTH
def test_answers_of_an_allowed_connection_pass(source: str, target: str) -> None:
    """Whoever may be called may answer, though it may itself call nobody."""
    spec = {"podSelector": {"matchLabels": {"app": "two"}}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}]}
    rules_now = table("a", PODS, [policy(spec)])
    first = packet(source, target)
    assert rules_now.passes("forward", first)
    assert rules_now.passes("forward", answer(first))
    assert not rules_now.passes("forward", packet(target, source))


def test_a_service_is_judged_by_the_pod_behind_it() -> None:
    """The port that counts is the pod's, whatever the client called: packets are seen after translation."""
    spec = {"policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 8080}]}]}
    rules_now = table("a", PODS, [policy(spec)])
    assert rules_now.passes("forward", packet(A1, A2, 8080))
    assert not rules_now.passes("forward", packet(A1, A2, 80))


@pytest.mark.parametrize("address", [A1, A1_6])
def test_a_pod_reaches_itself_through_its_service(address: str) -> None:
    """A pod's own traffic that comes back to it is nobody else's business."""
    assert table("a", PODS, [DENY]).passes("forward", packet(address, address))


@pytest.mark.parametrize(("node", "address"), [("10.1.0.1", A1), ("fd01::1", A1_6)])
def test_the_nodes_probes_pass(node: str, address: str) -> None:
    """The kubelet's probes of an isolated pod pass, also before the agent has seen the pod; the pod may only answer."""
    for rules_now in (table("a", PODS, [DENY]), table("a", [], [DENY])):
        probe = packet(node, address, iif="", oif="cni0")
        assert rules_now.passes("output", probe)
        assert rules_now.passes("input", answer(probe))
        assert not rules_now.passes("input", packet(address, node, 10250, oif=""))


def test_what_a_pod_asks_of_its_node_is_egress() -> None:
    """A pod that may call nobody may not call its node either, nor go on receiving from it."""
    asked = packet(A1, "10.1.0.1", 6443, oif="")
    assert table("a", PODS, []).passes("input", asked)
    after = table("a", PODS, [policy({"policyTypes": ["Egress"]})])
    assert not after.passes("input", asked)
    assert not after.passes("output", answer(asked))


def test_pods_on_the_hosts_network_are_outside() -> None:
    """Such a pod is no peer of a selector, and no policy isolates the node's address."""
    host = pod("host", 5, spec={"hostNetwork": True}, podIPs=[{"ip": "10.1.0.1"}])
    spec = {"policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}
    rules_now = table("a", [host, pod("two", 6)], [policy(spec)])
    assert not rules_now.passes("forward", packet("10.1.0.1", A2, iif="eth0"))
    assert not rules_now.passes("forward", packet(A1, A2))


def test_a_terminated_pod_gives_its_address_away() -> None:
    """An address belongs to the live pod that uses it, not to a finished one, and to the younger of two."""
    finished = pod("old", 6, phase="Succeeded")
    lingering = pod("older", 6)
    lingering["metadata"]["creationTimestamp"] = "0"
    spec = {"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["old", "older"]}]}}
    for other in (finished, lingering):
        rules_now = table("a", [pod("one", 5), other, pod("two", 6)], [policy({**spec, "policyTypes": ["Ingress"]})])
        assert rules_now.passes("forward", packet(A1, A2))


def test_ipv4_alone_leaves_ipv6_open() -> None:
    """The fault that an audit has to find: with one family enforced the other one is open."""
    rules_now = table("a", PODS, [DENY], families=("ipv4",))
    assert not rules_now.passes("forward", packet(A1, A2))
    assert rules_now.passes("forward", packet(A1_6, A2_6))


def test_the_guard_is_closed() -> None:
    """Before the agent has spoken, nothing passes the pods' bridge, and the node itself is free."""
    guard = parse(closed())
    for source, target in ((A1, A2), (A1_6, A2_6)):
        assert not guard.passes("forward", packet(source, target))
        assert not guard.passes("forward", packet(source, target, oif="eth0"))
        assert not guard.passes("forward", packet(source, target, iif="eth0"))
        assert guard.passes("forward", packet(source, target, iif="eth0", oif="eth1"))
    assert guard.passes("input", packet("10.1.0.2", "10.1.0.1", iif="eth0", oif=""))


def test_named_ports_are_looked_up_at_the_receiver() -> None:
    """One name stands for another number in each pod."""
    other = pod("two", 6)
    other["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": 9000}]
    pods = [pod("one", 5), other]
    inward = policy({"policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": "web"}]}]})
    outward = policy({"policyTypes": ["Egress"], "egress": [{"ports": [{"port": "web"}]}]})
    for rules_now in (table("a", pods, [inward]), table("a", pods, [outward])):
        assert rules_now.passes("forward", packet(A1, A2, 9000))
        assert not rules_now.passes("forward", packet(A1, A2, 8080))
        assert rules_now.passes("forward", packet(A2_6, A1_6, 8080))
        assert not rules_now.passes("forward", packet(A2, A1, 8080, protocol="UDP"))


def test_the_end_port_belongs_to_the_range() -> None:
    """A range holds its first and last port."""
    spec = {"policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 100, "endPort": 200, "protocol": "SCTP"}]}]}
    rules_now = table("a", PODS, [policy(spec)])
    passing = [p for p in (99, 100, 150, 200, 201) if rules_now.passes("forward", packet(A1, A2, p, "SCTP"))]
    assert passing == [100, 150, 200]


@pytest.mark.parametrize(
    ("block", "inside", "hole"),
    [
        ({"cidr": "10.2.0.0/16", "except": ["10.2.1.0/24"]}, A1, B1),
        ({"cidr": "fd02::/16", "except": ["fd02:0:0:1::/64"]}, A1_6, B1_6),
        ({"cidr": "0.0.0.0/0", "except": ["10.2.1.0/25", "192.0.2.0/24"]}, A1, B1),
    ],
)
def test_exceptions_of_a_block_stay_out(block: dict[str, object], inside: str, hole: str) -> None:
    """A block lets in what is in it and not in its exceptions, in its own family only."""
    spec = {"policyTypes": ["Ingress"], "ingress": [{"from": [{"ipBlock": block}]}]}
    rules_now = table("a", PODS, [policy(spec)])
    target = A2 if "." in inside else A2_6
    assert rules_now.passes("forward", packet(inside, target))
    assert not rules_now.passes("forward", packet(hole, target, iif="eth0"))
    assert not rules_now.passes("forward", packet(*((A1_6, A2_6) if "." in inside else (A1, A2))))


def test_a_peer_without_a_namespace_selector_is_of_the_policys_own_namespace() -> None:
    """Pods with the same labels in another namespace stay out, until the rule names their namespace."""
    pods = [pod("one", 5, namespace="y"), pod("two", 6)]
    peers: dict[str, object] = {"podSelector": {"matchLabels": {"app": "one"}}}
    for peer, passes in ((peers, False), ({**peers, "namespaceSelector": {}}, True)):
        spec = {"policyTypes": ["Ingress"], "ingress": [{"from": [peer]}]}
        assert table("a", pods, [policy(spec)]).passes("forward", packet(A1, A2)) is passes


def test_one_transaction() -> None:
    """The text takes the old table away and brings the new one in the same transaction."""
    assert rules("a", PODS, [DENY]).splitlines()[:3] == [
        "table inet govcloud",
        "delete table inet govcloud",
        "table inet govcloud {",
    ]


def test_the_order_of_what_is_known_does_not_matter() -> None:
    """The same cluster gives the same text, so that nothing is applied where nothing changed."""
    policies = [policy({"policyTypes": ["Ingress"]}, name="b"), policy({"ingress": [{}]}, name="a")]
    spaces = [namespace("x"), namespace("y")]
    assert rules("a", PODS, policies, spaces) == rules("a", PODS[::-1], policies[::-1], spaces[::-1])


def test_pods_share_chains() -> None:
    """Pods under the same policies cost map entries and no rules: as many lines for 200 pods as for two."""
    both = policy({"policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [{"podSelector": {}}]}]})
    few, many = (rules("a", [pod(f"p{n}", n) for n in range(2, end)], [both]) for end in (4, 202))
    assert len(few.splitlines()) == len(many.splitlines())
    assert len(many) < 50_000
