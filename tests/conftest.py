"""What tests share: a testbed of the default shape, with its own name and prefixes, and the engine of the rules."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import hypothesis
import pytest
import yaml
from filelock import FileLock, Timeout

from core.errors import KitError
from core.paths import REPOSITORY
from policies.engine import PROGRAM
from testbed import checks, hosts, ssh
from testbed.state import State
from testbed.topology import Topology, load
from tests.signers import Authority
from toolchain import build

hypothesis.settings.register_profile("kit", deadline=None)  # other work on the machine is no mistake of the code
hypothesis.settings.load_profile("kit")

TOPOLOGY = REPOSITORY / "tests" / "topology.yaml"
EGC_TOPOLOGY = REPOSITORY / "tests" / "egc-topology.yaml"


@dataclass(frozen=True)
class Testbed:
    """A testbed that is up."""

    __test__ = False

    topology: Topology
    state: Path

    def kubeconfig(self, cluster: str = "cgc") -> Path:
        """Kubeconfig of a cluster's administrator."""
        return State(self.state).kubeconfig(cluster)

    def ssh(self, host: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a host; the result carries its exit code."""
        return ssh.run(self.state, host, command)


def topology_of(worker: int, file: Path = TOPOLOGY) -> Topology:
    """Return the topology for one of the processes that run tests, counted from 0."""
    text = Template(file.read_text(encoding="utf-8")).substitute(n=worker + 1)
    return Topology.model_validate(yaml.safe_load(text))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority with an auditor's key under it."""
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def testbed() -> Iterator[Testbed]:
    """Bring a testbed up, as `govcloud testbed up` does, and take it down at the end.

    Every process that runs tests has its own. ``GOVCLOUD_TEST_TOPOLOGY`` names the file of another one, which is
    left up for the next run.
    """
    yield from _brought_up("GOVCLOUD_TEST_TOPOLOGY", TOPOLOGY)


@pytest.fixture(scope="session")
def egc() -> Iterator[Testbed]:
    """Bring an enterprise cloud up, which is there to be audited and broken, and take it down at the end.

    ``GOVCLOUD_TEST_EGC_TOPOLOGY`` names the file of another one, which is left up for the next run.
    """
    yield from _brought_up("GOVCLOUD_TEST_EGC_TOPOLOGY", EGC_TOPOLOGY)


def _brought_up(variable: str, file: Path) -> Iterator[Testbed]:
    from govcloud.testbed_commands import bring_up

    named = os.environ.get(variable)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    topology = load(Path(named)) if named else topology_of(worker, file)
    with _alone(topology.name):
        checks.require(topology)
        bring_up(topology)
        yield Testbed(topology, State.of(topology.name).folder)
        if not named:
            hosts.down(topology.name)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold a testbed for one run of tests: a second one at once would take it down under the first."""
    try:
        with FileLock(Path(tempfile.gettempdir(), f"govcloud-tests-{name}.lock"), timeout=0):
            yield
    except Timeout:
        raise KitError(f"another run of tests uses testbed {name}", "wait until it has ended") from None


@pytest.fixture(scope="session")
def judging() -> Iterator[None]:
    """Name the engine to this process, and build it first where it is missing."""
    named = os.environ.get(PROGRAM)
    os.environ[PROGRAM] = named or str(build.ensure(["policy-judge"])["policy-judge"])
    yield
    if named is None:
        del os.environ[PROGRAM]
