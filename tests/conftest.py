"""The testbed that the cluster tests share: the default shape, a name and prefixes of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.paths import REPOSITORY
from testbed import hosts, ssh
from testbed.state import State
from testbed.topology import Topology, load

TOPOLOGY = REPOSITORY / "tests" / "topology.yaml"


@dataclass(frozen=True)
class Testbed:
    """A testbed that is up."""

    __test__ = False

    topology: Topology
    state: Path

    def kubeconfig(self, cluster: str = "cgc") -> Path:
        """Kubeconfig of a cluster's administrator."""
        return self.state / "clusters" / f"{cluster}.kubeconfig"

    def ssh(self, host: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a host; the result carries its exit code."""
        return ssh.run(self.state, host, command)


@pytest.fixture(scope="session")
def testbed() -> Iterator[Testbed]:
    """Bring the tests' testbed up, as `govcloud testbed up` does, and take it down at the end.

    ``GOVCLOUD_KEEP_TESTBED=1`` leaves it up for the next run.
    """
    from govcloud.testbed_commands import bring_up

    topology = load(TOPOLOGY)
    bring_up(topology)
    yield Testbed(topology, State.of(topology.name).folder)
    if not os.environ.get("GOVCLOUD_KEEP_TESTBED"):
        hosts.down(topology.name)
