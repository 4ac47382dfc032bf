"""The hosts after the playbooks: they stay as they are, they heal, and what was promised of them holds."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from playbooks import runner
from testbed import boot, hosts
from testbed.state import State
from testbed.trees import remove_tree
from tests.playbooks.live_cluster import Cluster
from tests.waiting import eventually
from toolchain import media

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Testbed

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600, func_only=True)]


def _ready(cluster: Cluster, node: str) -> bool:
    path = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    return cluster.kubectl("get", "node", node, "-o", path, check=False).stdout == "True"


def _pid(testbed: Testbed, host: str, program: str) -> str:
    return testbed.ssh(host, f"pidof {program}").stdout.strip()


def test_a_second_run_changes_nothing(testbed: Testbed, cluster: Cluster, tmp_path: Path) -> None:
    """The playbooks run again report no change, and say the truth: nothing was restarted."""
    before = {host: _pid(testbed, host, "kubelet") for host in ("cgc-1", "cgc-2")}
    outcome = runner.run(testbed.state / "inventory.yaml", tmp_path)
    assert outcome.failures == ()
    assert outcome.changes == ()
    assert outcome.changed == 0
    assert before == {host: _pid(testbed, host, "kubelet") for host in ("cgc-1", "cgc-2")}


def test_what_a_killed_run_left_undone_is_done(testbed: Testbed, cluster: Cluster, tmp_path: Path) -> None:
    """A run that was killed between writing files and restarting what reads them is made up for, on that host alone."""
    assert testbed.ssh("cgc-2", "touch /run/govcloud/network").returncode == 0
    before = (
        _pid(testbed, "cgc-2", "kubelet"),
        testbed.ssh("cgc-2", "systemctl show -P MainPID govcloud-network").stdout,
    )
    outcome = runner.run(testbed.state / "inventory.yaml", tmp_path, limit="cgc-2")
    assert outcome.failures == ()
    assert "cgc-2: Start the network agent" in outcome.changes
    after = _pid(testbed, "cgc-2", "kubelet"), testbed.ssh("cgc-2", "systemctl show -P MainPID govcloud-network").stdout
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert testbed.ssh("cgc-2", "ls /run/govcloud").stdout == ""


@pytest.mark.parametrize("program", ["kubelet", "containerd", "etcd", "kube-apiserver"])
def test_a_killed_program_comes_back(testbed: Testbed, cluster: Cluster, program: str) -> None:
    """After kill -9 the program runs again, the API answers and the node is ready, with nobody's help."""
    killed = eventually(lambda: _pid(testbed, "cgc-1", program), f"{program} runs")  # the one before may have ended it
    assert testbed.ssh("cgc-1", f"kill -9 {killed}").returncode == 0
    eventually(lambda: _pid(testbed, "cgc-1", program) not in {"", killed}, f"{program} runs again", 90)
    eventually(lambda: cluster.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok", "the API answers", 90)
    eventually(lambda: _ready(cluster, "cgc-1"), "the node is ready", 90)


@pytest.mark.parametrize("how", ["reset", "replaced"])
def test_a_host_that_comes_back_joins_again(testbed: Testbed, cluster: Cluster, tmp_path: Path, how: str) -> None:
    """A worker whose Kubernetes was taken away, or that is new under its old name, is a node again."""
    if how == "reset":
        assert testbed.ssh("cgc-2", "kubeadm reset --force").returncode == 0
    else:
        boot.stop(testbed.topology.name, "cgc-2")
        remove_tree(State(testbed.state).host("cgc-2").folder)
        hosts.up(testbed.topology, media.ensure())
    outcome = runner.run(testbed.state / "inventory.yaml", tmp_path)
    assert outcome.failures == ()
    assert _ready(cluster, "cgc-2")
    node = cluster.get("node", "cgc-2")["spec"]["podCIDRs"]
    written = testbed.ssh("cgc-2", "cat /etc/cni/net.d/10-govcloud.conflist").stdout
    assert all(f'"{entry}"' in written for entry in node)
    cluster.connect()


def test_a_secret_is_not_readable_in_the_store(testbed: Testbed, cluster: Cluster) -> None:
    """What a secret holds is nowhere in etcd's files, where a ConfigMap's name is found."""
    value = "nobody-reads-this-in-the-store"
    cluster.kubectl("delete", "secret", "sealed", "--ignore-not-found")
    cluster.kubectl("create", "secret", "generic", "sealed", f"--from-literal=value={value}")
    stored = cluster.get("secret", "sealed")["data"]["value"]
    assert base64.b64decode(stored).decode() == value
    search = "grep -rlaF {} /var/lib/etcd/member"
    assert testbed.ssh("cgc-1", search.format("k8s:enc:secretbox:v1:first")).stdout.strip()
    assert testbed.ssh("cgc-1", search.format("network-tests/sealed")).stdout.strip()
    assert not testbed.ssh("cgc-1", search.format(value)).stdout.strip()
    assert not testbed.ssh("cgc-1", search.format(stored)).stdout.strip()
