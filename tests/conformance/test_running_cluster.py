"""A run against a real cluster that is killed, or whose probes cannot start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from conformance import cleaning, outcomes, tenants, unfinished
from conformance import target as targets
from conformance.results import Subject, Verdict
from conformance.run import FOLDER, audit, resume
from conformance.target import PROBE_IMAGE
from govcloud.audit_commands import app
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def real(testbed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepare two tenants on the tests' testbed, and return the target file."""
    kubeconfig = testbed.kubeconfig(testbed.topology.clusters[0].name)
    subject = Subject(cloud="Testbed", operator="Government Cloud Kit", kind="CGC", level=3)
    yield tenants.prepare(kubeconfig, tmp_path_factory.mktemp("audit"), subject, PROBE_IMAGE)
    tenants.clean(kubeconfig)


def test_a_whole_run_is_killed_and_goes_on_and_leaves_nothing(real: Path, tmp_path: Path) -> None:
    """After kill -9 in the middle the doctor is content, leftovers are listed, and the resumed run decides all."""
    command = [sys.executable, "-m", "govcloud.main", "audit", "run", "--target", str(real), "--out", str(tmp_path)]
    path = unfinished.place(tmp_path)
    with subprocess.Popen(command, cwd=FOLDER.parent, stderr=subprocess.DEVNULL) as process:
        eventually(
            lambda: process.poll() is not None or any(it.startswith("isolation.") for it in outcomes.read(path).found),
            "a check of isolation is decided",
            300,
        )
        assert process.poll() is None
        lanes = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in (process.pid, *map(int, lanes)):
            with contextlib.suppress(ProcessLookupError):  # a lane that went with the first of them
                os.kill(pid, signal.SIGKILL)
    assert lanes
    with unfinished.held(tmp_path):
        left = cleaning.find(targets.load(real))
    assert {item.kind for item in left.left} >= {"pods"}
    assert left.unseen == ()
    before = {name: result.decided for name, result in outcomes.read(path).found.items() if result.verdict == "PASS"}
    run = resume(tmp_path)
    assert {
        result.name: result.reason for result in run.results if result.verdict in {"FAIL", "ERROR", "MISSING"}
    } == {}
    again = {result.name: result.decided for result in run.results}
    assert {name: again[name] for name in before} == before
    assert run.extent == "whole"
    assert cleaning.find(targets.load(real)).left == ()
    assert CliRunner().invoke(app, ["doctor", "--target", str(real)]).exit_code == 0


def test_a_probe_image_that_no_node_has_is_an_error(real: Path, tmp_path: Path) -> None:
    """The nodes' own reason is told within a minute, and nothing is left."""
    content = yaml.safe_load(real.read_text())
    target = real.with_name("no-image.yaml")
    target.write_text(yaml.safe_dump({**content, "probe_image": "govcloud.local/nothing:v0"}))
    run = audit(target, tmp_path, checks=[FOLDER / "checks" / "test_isolation.py"])
    assert {result.verdict for result in run.results} == {Verdict.ERROR}
    assert all("did not get ready: " in result.reason for result in run.results)
    assert cleaning.find(targets.load(target)).left == ()
