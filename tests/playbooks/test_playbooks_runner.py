"""What surrounds Ansible: events, failures in a line, the agent's archive, the modules of the roles."""

from __future__ import annotations

import getpass
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from core.errors import KitError
from playbooks import archive, runner
from playbooks.library import host_files
from playbooks.runner import Events, Failure, reason

OWNER = getpass.getuser()


def _event(kind: str, **data: Any) -> dict[str, Any]:
    return {"event": kind, "event_data": data}


def test_a_failure_is_one_line_with_host_and_task() -> None:
    """A failed task tells where, what and the last line that the program wrote."""
    events = Events()
    events.take(_event("runner_on_failed", host="h", task="Join", res={"stderr": "a\nno route\n", "msg": "non-zero"}))
    events.take(_event("runner_on_unreachable", host="i", task="Join", res={"msg": "timed out"}))
    events.take(_event("runner_on_failed", host="h", task="Look", ignore_errors=True, res={"msg": "fine"}))
    assert [str(f) for f in events.failures] == ["h: Join: no route", "i: Join: timed out"]


def test_changes_are_kept_by_host_and_task() -> None:
    """What a run changed can be read afterwards."""
    events = Events()
    events.take(_event("runner_on_ok", host="h", task="Write", res={"changed": True}))
    events.take(_event("runner_on_ok", host="h", task="Look", res={"changed": False}))
    assert events.changes == ["h: Write"]


def test_a_task_counts_once_in_the_bar() -> None:
    """A task that starts on each host by itself moves the progress bar once."""
    events = Events()
    start = _event("playbook_on_task_start", task="Write", task_path="site.yml:1")
    assert [events.take(start), events.take(start)] == ["Write", ""]


def test_a_result_without_words() -> None:
    """Even a result that says nothing gives a line."""
    assert reason({}) == "no reason given"
    assert reason({"censored": "the output has been hidden"}) == "its output holds secrets and is not shown"


def test_the_bar_knows_the_number_of_tasks() -> None:
    """Every role of the play counts."""
    assert runner.task_count() >= 15


def test_no_inventory_is_said_before_anything_starts(tmp_path: Path) -> None:
    """A wrong path is one clear line."""
    with pytest.raises(KitError, match="no such file"):
        runner.run(tmp_path / "none.yaml", tmp_path / "artifacts")
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable host is a failure with its name; settings of the person's environment play no part."""
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "no-such-callback")
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(
        "control_plane: {hosts: {nobody: {ansible_host: 127.0.0.1, ansible_port: 1, cluster_name: c}}}\nworkers: {}\n"
    )
    outcome = runner.run(inventory, tmp_path / "artifacts")
    assert [f.host for f in outcome.failures] == ["nobody"]
    assert "refused" in outcome.failures[0].message
    assert os.environ["ANSIBLE_STDOUT_CALLBACK"] == "no-such-callback"


def test_the_agents_archive_runs_and_is_the_same_each_time(tmp_path: Path) -> None:
    """The archive depends on nothing but its sources, and runs with nothing but Python's standard library."""
    assert archive.build() == archive.build()
    path = tmp_path / "agent.pyz"
    path.write_bytes(archive.build())
    done = subprocess.run([sys.executable, "-I", "-S", path, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "serve" in done.stdout


def test_a_file_is_written_where_it_differs(tmp_path: Path) -> None:
    """Content, mode and owner each count; what is right is left alone."""
    path = tmp_path / "folder" / "file"
    assert not host_files.same_file(path, b"x", 0o600, OWNER)
    host_files.write_file(path, b"x", 0o600, OWNER)
    assert host_files.same_file(path, b"x", 0o600, OWNER)
    assert not host_files.same_file(path, b"y", 0o600, OWNER)
    assert not host_files.same_file(path, b"x", 0o644, OWNER)
    assert not host_files.same_file(path, b"x", 0o600, "nobody")
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_programs_are_compared_with_the_manifest(tmp_path: Path) -> None:
    """A program is copied once and runs; one that is not what the manifest says is not installed."""
    media, target = tmp_path / "media", tmp_path / "bin" / "tool"
    (media / "bin").mkdir(parents=True)
    (media / "bin" / "tool").write_bytes(b"#!/bin/sh\n")
    digest = hashlib.sha256(b"#!/bin/sh\n").hexdigest()
    wanted = {"media": str(media), "programs": [{"path": str(target), "source": "bin/tool"}]}
    (media / "manifest.json").write_text(json.dumps({"files": {"bin/tool": digest}}))
    missing = host_files.wanted_programs(wanted)
    assert missing == {target: "bin/tool"}
    host_files.install_programs(wanted, missing)
    assert os.access(target, os.X_OK)
    assert host_files.wanted_programs(wanted) == {}
    (media / "bin" / "tool").write_bytes(b"something else")
    with pytest.raises(host_files.BadMediaError, match="is not the manifest's"):
        host_files.install_programs(wanted, host_files.wanted_programs(wanted))
    assert target.read_bytes() == b"#!/bin/sh\n"


def test_what_a_host_lacks_is_one_line() -> None:
    """A host without a needed program is told which, and the packages to install."""
    wanted = {"sh": "dash", "no-such-one": "b", "no-such-other": "a"}
    assert host_files.lacks({"sh": "dash"}) == ""
    assert host_files.lacks(wanted) == "this host lacks no-such-one, no-such-other: apt-get install a b"


def test_media_that_are_not_there(tmp_path: Path) -> None:
    """A folder without installation media is named."""
    with pytest.raises(host_files.BadMediaError, match="holds no installation media"):
        host_files.install_programs({"media": str(tmp_path)}, {tmp_path / "x": "bin/x"})


def test_failures_are_values() -> None:
    """Two reports of one failure are one failure."""
    assert len({Failure("h", "t", "m"), Failure("h", "t", "m")}) == 1


def test_each_program_is_packed_alone() -> None:
    """Programs start by themselves, hold nothing of each other but what they use, and are the same bytes each time."""
    made = {"agent": archive.build(), "collector": archive.collector(), "alerter": archive.alerter()}
    assert made == {"agent": archive.build(), "collector": archive.collector(), "alerter": archive.alerter()}
    for name, content in made.items():
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            others = {path for path in packed.namelist() if path.count("/") > 1 and path.split("/")[1] != name}
            assert others == (
                {"playbooks/agent/__init__.py", "playbooks/agent/client.py"} if name == "alerter" else set()
            )
            compile(packed.read("__main__.py"), "__main__.py", "exec")
