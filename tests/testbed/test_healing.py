"""What `up` does for clusters: heals them after a host was lost, and leaves them out when nothing changed."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from govcloud import settled
from govcloud.testbed_commands import bring_up
from testbed import boot, hosts
from testbed.state import State
from tests.waiting import eventually
from toolchain import media

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600, func_only=True)]


@pytest.mark.parametrize("victim", ["cgc-2", "cgc-1"])
def test_a_cluster_heals_after_a_host_was_killed(testbed: Testbed, victim: str) -> None:
    """After kill -9 of a worker's or a control plane's host, `up` boots it and the cluster is whole again."""
    folder = media.ensure()
    boots = {status.name: status.boot for status in hosts.status(testbed.topology.name)}
    identity = boot.identity(State(testbed.state).host(victim))
    assert identity is not None
    os.kill(identity[0], signal.SIGKILL)
    eventually(lambda: not boot.running(State(testbed.state).host(victim)), f"{victim} is gone")
    assert not settled.is_settled(testbed.topology, folder)
    bring_up(testbed.topology)
    assert settled.is_settled(testbed.topology, folder)
    now = {status.name: status.boot for status in hosts.status(testbed.topology.name)}
    assert [name for name in boots if boots[name] != now[name]] == [victim]


def test_a_second_up_makes_nothing_again(testbed: Testbed, capsys: pytest.CaptureFixture[str]) -> None:
    """When nothing changed and all is healthy, `up` says so and runs no playbook; a stopped service makes it run."""
    bring_up(testbed.topology)
    capsys.readouterr()
    before = (testbed.state / "settled.json").stat().st_mtime_ns
    bring_up(testbed.topology)
    assert "unchanged since they were made, and healthy" in capsys.readouterr().err
    assert (testbed.state / "settled.json").stat().st_mtime_ns == before

    assert testbed.ssh("cgc-2", "systemctl stop kubelet").returncode == 0
    bring_up(testbed.topology)
    assert "unchanged" not in capsys.readouterr().err
    assert testbed.ssh("cgc-2", "systemctl is-active kubelet").stdout == "active\n"
