"""The engine's command line, for one stack."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import KitError
from toolchain.engine import Engine, explained


def test_message_lists_every_fault() -> None:
    """All faults stand in one message, each indented with all its lines."""
    assert explained("up failed", ["a: 1\n2", "b: 3"], "").message == "up failed:\n  a: 1\n  2\n  b: 3"


def test_message_without_faults_has_what_the_engine_said() -> None:
    """An engine that fails before its first event is heard too."""
    assert explained("up failed", [], "note\nerror: no such stack\n").message == "up failed:\n  no such stack"
    locked = explained("up failed", [], "the stack is currently locked by 1 lock(s)\n by me@here (pid 12)")
    assert "another run" in locked.message
    assert "kill -INT 12" in locked.hint


@pytest.fixture
def project(tmp_path: Path) -> Engine:
    """Give an engine for a project whose state has a folder for locks."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "Pulumi.yaml").write_text("name: cgc\n")
    (tmp_path / ".pulumi/locks/organization/cgc/demo").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pulumi").write_text("#!/bin/sh\n")
    (tmp_path / "bin/pulumi").chmod(0o755)
    environment = {"PATH": str(tmp_path / "bin"), "PULUMI_BACKEND_URL": f"file://{tmp_path}"}
    return Engine(tmp_path / "one", "demo", environment)


def test_lock_of_a_killed_run_is_removed_and_others_stay(project: Engine, tmp_path: Path) -> None:
    """Only a lock whose run was on this machine, and is no more, is removed."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = socket.gethostname()
    locks = tmp_path / ".pulumi/locks/organization/cgc/demo"
    for name, pid, host in (("dead", gone.pid, here), ("alive", os.getpid(), here), ("elsewhere", gone.pid, "other")):
        (locks / f"{name}.json").write_text(json.dumps({"pid": pid, "hostname": host}))
    (locks / "unreadable.json").write_text("{")
    project.release_dead_locks()
    assert sorted(file.stem for file in locks.iterdir()) == ["alive", "elsewhere", "unreadable"]


def test_folder_without_a_project_is_told(tmp_path: Path, project: Engine) -> None:
    """A wrong folder is named."""
    with pytest.raises(KitError, match=r"has no readable Pulumi\.yaml"):
        Engine(tmp_path, "demo", {"PATH": str(tmp_path / "bin")})


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ("config:\n  cgc:a: b\nencryptionsalt: other\n", "config:\n  cgc:a: b\nencryptionsalt: own\n"),
        ("encryptionsalt: own # mine\n", "encryptionsalt: own # mine\n"),
        ("config:\n  cgc:a:\n    secure: xyz\nencryptionsalt: other\n", None),
        ("config:\n  cgc:a: b\n", "config:\n  cgc:a: b\n"),
    ],
)
def test_settings_follow_the_state_that_is_used(
    project: Engine, tmp_path: Path, settings: str, left: str | None
) -> None:
    """A salt that another state's stack of the same name left is exchanged, unless settings are encrypted with it."""
    state = {"checkpoint": {"latest": {"secrets_providers": {"type": "passphrase", "state": {"salt": "own"}}}}}
    checkpoint = tmp_path / ".pulumi/stacks/cgc/demo.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text(json.dumps(state))
    file = tmp_path / "one" / "Pulumi.demo.yaml"
    file.write_text(settings)
    project.open()
    assert file.read_text() == (settings if left is None else left)


def test_new_stack_starts_without_another_ones_salt(project: Engine, tmp_path: Path) -> None:
    """A stack that this state does not have makes a salt of its own."""
    file = tmp_path / "one" / "Pulumi.demo.yaml"
    file.write_text("config:\n  cgc:a: b\nencryptionsalt: other\n")
    project.open()
    assert file.read_text() == "config:\n  cgc:a: b\n"


def test_settings_of_a_state_that_is_elsewhere_stay(project: Engine, tmp_path: Path) -> None:
    """Where the state is in no folder of this machine, nothing can be said of its salt."""
    file = tmp_path / "one" / "Pulumi.demo.yaml"
    file.write_text("encryptionsalt: other\n")
    Engine(tmp_path / "one", "demo", {"PATH": str(tmp_path / "bin"), "PULUMI_BACKEND_URL": "s3://bucket"}).open()
    assert file.read_text() == "encryptionsalt: other\n"
