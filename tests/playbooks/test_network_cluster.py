"""NetworkPolicy on a real cluster: by packets, in both families, and every deny after a proven allow."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.playbooks.live_cluster import FAMILIES, NAMESPACE, Cluster, pod
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300, func_only=True)]

TALK = """
import socket, sys, time
version = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
talk = socket.socket(version)
talk.settimeout(2)
talk.connect((sys.argv[1], 8080))
print("open", flush=True)
try:
    for _ in range(600):
        talk.sendall(b"GET /hostname HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        assert talk.recv(1000)
        print("ok", flush=True)
        time.sleep(0.1)
except TimeoutError:
    print("ended", flush=True)
"""
"""A client that keeps one connection and asks again and again, run by a host's Python inside a pod's network."""


@pytest.fixture(scope="module")
def pods(cluster: Cluster) -> None:
    """Start the pods again that went with a host in a test before."""
    cluster.connect()


@pytest.fixture(autouse=True)
def no_policies(pods: None, cluster: Cluster) -> None:
    """Start each test without policies."""
    cluster.permit()


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
@pytest.mark.parametrize("server", ["near", "far"])
def test_default_deny_after_a_proven_allow(cluster: Cluster, server: str, direction: str) -> None:
    """A default deny cuts what was open, on one node (where the bridge could bypass it) and across nodes."""
    targets = cluster.addresses(server)
    assert set(targets) == set(FAMILIES)
    for family, target in targets.items():
        eventually(partial(cluster.reaches, target), f"{family} open before the policy")
    cluster.deny(direction)
    for family, target in targets.items():
        eventually(partial(cluster.refuses, target), f"{family} denied by the policy")
    assert not any(cluster.reaches(target) for target in targets.values())
    cluster.permit()
    for family, target in targets.items():
        eventually(partial(cluster.reaches, target), f"{family} open after the policy")


CLIENT = {"podSelector": {"matchLabels": {"app": "client"}}}
HERE, ELSEWHERE = (
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": n}}} for n in (NAMESPACE, "default")
)
NOT_FAR, NOT_CLIENT = (
    {"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": [name]}]}}
    for name in ("far", "client")
)
RULES: dict[str, tuple[bool, dict[str, object]]] = {
    "a port by its name": (True, {"ports": [{"port": "web"}]}),
    "another name": (False, {"ports": [{"port": "metrics"}]}),
    "a range that ends with the port": (True, {"ports": [{"port": 8000, "endPort": 8080}]}),
    "a range that begins after the port": (False, {"ports": [{"port": 8081, "endPort": 9000}]}),
    "another protocol": (False, {"ports": [{"port": 8080, "protocol": "UDP"}]}),
    "pods of the own namespace": (True, {"from": [CLIENT]}),
    "all pods of the client's namespace": (True, {"from": [HERE]}),
    "such pods of another namespace": (False, {"from": [{**ELSEWHERE, **CLIENT}]}),
    "pods that are not the far one": (True, {"from": [NOT_FAR]}),
    "pods that are not the client": (False, {"from": [NOT_CLIENT]}),
    "every address": (True, {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]}),
}


@pytest.mark.parametrize("kind", RULES)
def test_a_kind_of_rule_in_the_kernel(cluster: Cluster, kind: str) -> None:
    """Each kind of rule lets the client in, or does not, in both families."""
    passes, rule = RULES[kind]
    cluster.deny("Ingress")
    targets = cluster.addresses("near").values()
    eventually(lambda: not any(cluster.reaches(target) for target in targets), "denied without the rule")
    cluster.let_in("near", rule)
    if passes:
        eventually(lambda: all(cluster.reaches(target) for target in targets), f"let in by {kind}")
    else:
        cluster.let_in("far", {})
        far = cluster.addresses("far").values()
        eventually(lambda: all(cluster.reaches(target) for target in far), "the later rule is in force")
        assert not any(cluster.reaches(target) for target in targets)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_exception_of_a_block_stays_out(cluster: Cluster, family: str) -> None:
    """A block lets the client in; with the client's own address as its exception it does not."""
    own, target = cluster.addresses("client")[family], cluster.addresses("near")[family]
    everything, length = ("::/0", 128) if ":" in own else ("0.0.0.0/0", 32)
    cluster.let_in("near", {"from": [{"ipBlock": {"cidr": everything}}]})
    eventually(partial(cluster.reaches, target), "let in by the block")
    cluster.let_in("near", {"from": [{"ipBlock": {"cidr": everything, "except": [f"{own}/{length}"]}}]})
    eventually(partial(cluster.refuses, target), "kept out by the exception")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_service_in_each_family_is_allowed_by_the_port_of_its_pods(cluster: Cluster, family: str) -> None:
    """Through a Service a policy on the pods' port lets the client in, and one on another port does not."""
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"far-{family}"},
            "spec": {
                "ipFamilyPolicy": "SingleStack",
                "ipFamilies": [family.replace("ip", "IP")],
                "selector": {"app": "far"},
                "ports": [{"port": 80, "targetPort": 8080}],
            },
        }
    )
    address = cluster.get("service", f"far-{family}")["spec"]["clusterIP"]

    def answers(*, wanted: bool) -> bool:
        return cluster.reaches(address, 80) is wanted

    eventually(partial(answers, wanted=True), "the Service answers")
    for port, passes in ((80, False), (8080, True)):
        rule = {"from": [CLIENT], "ports": [{"port": port}]}
        cluster.let_in("far", rule)
        eventually(partial(answers, wanted=passes), f"port {port}: {passes}")


@pytest.mark.parametrize("family", FAMILIES)
def test_no_window_for_a_new_pod(cluster: Cluster, family: str) -> None:
    """Pods that call as their first act get through at once without a deny, and never under one.

    A lost first packet of TCP is sent again after a second; whoever gets through in less lost none.
    """
    target = cluster.addresses("near")[family]
    where = f"[{target}]:8080" if ":" in target else f"{target}:8080"

    def phase(name: str) -> str:
        return str(cluster.get("pod", name)["status"]["phase"])

    def ended(name: str) -> bool:
        return phase(name) in {"Succeeded", "Failed"}

    def outcomes(prefix: str, wait: str) -> list[str]:
        names = [f"{prefix}-{family}-{n}" for n in range(3)]
        call = ("connect", where, f"--timeout={wait}")
        cluster.apply(*(pod(name, "cgc-2", *call, restartPolicy="Never") for name in names))
        for name in names:
            eventually(partial(ended, name), f"{name} ends")
        found = [phase(name) for name in names]
        cluster.kubectl("delete", "pod", *names, "--wait=false")
        return found

    eventually(partial(cluster.reaches, target), "open before the policy")
    assert outcomes("open", "950ms") == ["Succeeded"] * 3
    cluster.deny("Egress")
    eventually(partial(cluster.refuses, target), "denied by the policy")
    assert outcomes("shut", "4s") == ["Failed"] * 3


@pytest.mark.parametrize("family", FAMILIES)
def test_an_established_connection_ends_with_the_policy(testbed: Testbed, cluster: Cluster, family: str) -> None:
    """A connection that was allowed goes silent when a policy denies it, though both ends keep it open."""
    own, target = cluster.addresses("client")["ipv4"], cluster.addresses("near")[family]
    find = f"for n in $(ip netns list | cut -d' ' -f1); do ip -n $n -4 a | grep -q 'inet {own}/' && echo $n; done"
    space = testbed.ssh("cgc-2", find).stdout.strip()
    assert space, "the client's network namespace is on its node"
    eventually(partial(cluster.reaches, target), "open before the policy")
    file = f"/run/talk-{family}"
    talk = f"setsid nsenter --net=/run/netns/{space} python3 -c '{TALK}' {target} </dev/null >{file} 2>&1 &"
    assert testbed.ssh("cgc-2", talk).returncode == 0

    def heard() -> list[str]:
        return testbed.ssh("cgc-2", f"cat {file}").stdout.split()

    eventually(lambda: heard().count("ok") >= 3 or heard()[-1:] == ["ended"], "the connection is in use")
    assert heard()[-1] == "ok"
    cluster.deny("Ingress")
    eventually(lambda: heard()[-1] != "ok", "the connection goes silent")
    assert heard()[-1] == "ended"
    assert testbed.ssh("cgc-2", f"rm {file}").returncode == 0


def test_the_last_rules_outlive_the_agent(testbed: Testbed, cluster: Cluster) -> None:
    """A deny stays in force while the agent is down, and after its return the next change is followed."""
    target = cluster.addresses("near")
    eventually(lambda: all(cluster.reaches(address) for address in target.values()), "open before the policy")
    cluster.deny("Ingress")
    eventually(lambda: not any(cluster.reaches(address) for address in target.values()), "denied by the policy")
    try:
        assert testbed.ssh("cgc-2", "systemctl stop govcloud-network").returncode == 0
        assert not any(cluster.reaches(address) for address in target.values())
    finally:
        testbed.ssh("cgc-2", "systemctl start govcloud-network")
    cluster.permit()
    eventually(lambda: all(cluster.reaches(address) for address in target.values()), "open again")


def test_rules_that_were_taken_away_come_back(testbed: Testbed, cluster: Cluster) -> None:
    """Another program's flush of the packet filter does not leave the node open for long."""
    target = cluster.addresses("near")["ipv4"]
    cluster.deny("Ingress")
    eventually(lambda: not cluster.reaches(target), "denied by the policy")
    assert testbed.ssh("cgc-2", "nft delete table inet govcloud").returncode == 0
    eventually(lambda: not cluster.reaches(target), "denied again", 30)


def test_ipv4_alone_leaves_ipv6_open(testbed: Testbed, cluster: Cluster) -> None:
    """With the agent set to one family, as a fault to be found, the other is open; set back, it is denied."""
    target = cluster.addresses("near")
    cluster.deny("Ingress")
    setting = "sed -i 's/FAMILIES=.*/FAMILIES={}/' /etc/default/govcloud-network && systemctl restart govcloud-network"
    try:
        assert testbed.ssh("cgc-2", setting.format("ipv4")).returncode == 0
        eventually(lambda: cluster.reaches(target["ipv6"]), "IPv6 is open")
        assert not cluster.reaches(target["ipv4"])
    finally:
        assert testbed.ssh("cgc-2", setting.format("ipv4,ipv6")).returncode == 0
    eventually(lambda: not cluster.reaches(target["ipv6"]), "IPv6 is denied again")
