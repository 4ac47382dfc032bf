"""New pods that the container runtime announces before the API server tells of them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from playbooks import archive
from playbooks.agent import announce, plugin
from playbooks.agent.announce import Announcements
from playbooks.agent.model import Pod
from playbooks.agent.policy import Cluster
from playbooks.agent.reflector import Changes
from tests.playbooks.paper_cluster import packet, pod, policy, table

ARGUMENTS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=x;K8S_POD_NAME=new;K8S_POD_INFRA_CONTAINER_ID=c1"
RESULT = {
    "cniVersion": "1.0.0",
    "interfaces": [{"name": "eth0"}],
    "ips": [{"address": "10.2.0.9/24", "gateway": "10.2.0.1"}, {"address": "fd02::9/64"}],
}
ADD = plugin.message("ADD", ARGUMENTS, "c1", {"prevResult": RESULT})


def pending(name: str = "new") -> Pod:
    """Return a pod of node a whose addresses the API server does not know yet."""
    return Pod.parse(pod(name, 9, podIPs=[]))


def announced(announcements: Announcements, message: dict[str, Any]) -> threading.Thread:
    """Announce in a thread of its own, as the plugin's connection has one."""
    thread = threading.Thread(target=announcements.take, args=(message,), daemon=True)
    thread.start()
    assert announcements.changes.wait(2)
    return thread


def test_the_message_names_the_pod_and_its_addresses() -> None:
    """The pod comes from the runtime's arguments, its addresses from the plugin before."""
    assert (ADD["namespace"], ADD["name"], ADD["container"]) == ("x", "new", "c1")
    assert ADD["addresses"] == ["10.2.0.9", "fd02::9"]


def test_an_announced_pod_has_its_addresses_and_its_policies() -> None:
    """Rules for a new pod hold before its status tells an address: it is known, and isolated where it shall be."""
    announcements = Announcements(Changes(gather=0))
    thread = announced(announcements, ADD)
    (merged,) = announcements.merge([pending()])
    assert [str(a) for a in merged.addresses] == ["10.2.0.9", "fd02::9"]
    announcements.in_force(Cluster.of([merged], []).owned)
    thread.join(2)
    known = pod("new", 9)
    assert table("a", [known, pod("one", 5)], []).passes("forward", packet("10.2.0.9", "10.2.0.5"))
    deny = policy({"policyTypes": ["Egress"]})
    assert not table("a", [known, pod("one", 5)], [deny]).passes("forward", packet("10.2.0.9", "10.2.0.5"))


def test_the_announcer_waits_for_the_rules_of_this_very_pod() -> None:
    """That another pod had the address before, with its own rules, does not let a new one start."""
    announcements = Announcements(Changes(gather=0))
    thread = announced(announcements, ADD)
    old = Pod.parse(pod("old", 9))
    announcements.in_force(Cluster.of([old], []).owned)
    thread.join(0.2)
    assert thread.is_alive()
    announcements.in_force(Cluster.of(announcements.merge([pending()]), []).owned)
    thread.join(2)
    assert not thread.is_alive()


def test_an_old_sandbox_takes_only_its_own_announcement_away() -> None:
    """The end of a pod's earlier sandbox, told late, leaves the new one's addresses."""
    announcements = Announcements(Changes(gather=0))
    announced(announcements, ADD)
    announcements.take({**ADD, "command": "DEL", "container": "c0"})
    assert announcements.merge([pending()])[0].addresses
    announcements.take({**ADD, "command": "DEL"})
    assert not announcements.merge([pending()])[0].addresses


def test_announcements_of_pods_that_are_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that the API server does not know is waited for, and not for ever."""
    announcements = Announcements(Changes(gather=0))
    announced(announcements, ADD)
    announcements.merge([])
    assert announcements.merge([pending()])[0].addresses
    later = time.monotonic() + announce.FORGET_SECONDS + 1
    monkeypatch.setattr(announce.time, "monotonic", lambda: later)
    announcements.merge([])
    assert not announcements.merge([pending()])[0].addresses


def test_the_plugin_speaks_with_the_agent_over_its_socket(tmp_path: Path) -> None:
    """The runtime's call reaches the agent, waits for its answer, and hands the result of the plugin before on."""
    path = tmp_path / "cni.sock"
    announcements = Announcements(Changes(gather=0))
    announce.serve(path, announcements)
    program = tmp_path / "govcloud-network"
    program.write_bytes(archive.build())
    configuration = {"cniVersion": "1.0.0", "name": "n", "type": "t", "socket": str(path), "prevResult": RESULT}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"CNI_COMMAND": "ADD", "CNI_ARGS": ARGUMENTS, "CNI_CONTAINERID": "c1"},
    ) as started:
        assert started.stdin is not None
        json.dump(configuration, started.stdin)
        started.stdin.close()
        assert announcements.changes.wait(20)
        assert started.poll() is None
        announcements.in_force(Cluster.of(announcements.merge([pending()]), []).owned)
        assert started.stdout is not None
        assert json.load(started.stdout) == RESULT
        assert started.wait(10) == 0


def test_without_an_agent_the_pod_starts_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing agent does not stop a pod from starting: its addresses are unknown, so nothing passes."""
    configuration = {"cniVersion": "1.0.0", "socket": str(tmp_path / "none"), "prevResult": RESULT}
    monkeypatch.setenv("CNI_COMMAND", "ADD")
    monkeypatch.setenv("CNI_ARGS", ARGUMENTS)
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(configuration)))
    plugin.main()
    assert json.loads(capsys.readouterr().out) == RESULT
    assert not table("a", [pod("one", 5)], []).passes("forward", packet("10.2.0.9", "10.2.0.5"))
