"""What the kit's commands tell of a run of the engine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pulumi.automation.events import DiagnosticEvent, EngineEvent, OpType, PolicyEvent, SummaryEvent

from core.errors import KitError
from toolchain import automation

URN = "urn:pulumi:demo::cgc::govcloud:Team$kubernetes:core/v1:Namespace::shared"
STACK = "urn:pulumi:demo::cgc::pulumi:pulumi:Stack::cgc-demo"


def said(*events: EngineEvent) -> automation._Heard:
    heard = automation._Heard()
    for event in events:
        heard.add(event)
    return heard


def diagnostic(message: str, urn: str | None = URN, severity: str = "error") -> EngineEvent:
    return EngineEvent(0, 0, diagnostic_event=DiagnosticEvent(message, "never", severity, urn=urn))


def test_faults_name_the_resource_as_a_person_knows_it() -> None:
    """Type and name, not the engine's address, without its colours and counts; nothing is told twice."""
    fault = "<{%fg 1%}>error: 1 error occurred:\n\t* no room<{%reset%}>\n"
    heard = said(diagnostic(fault), diagnostic(fault), diagnostic("boom", STACK), diagnostic("ok", severity="info"))
    assert heard.faults == ["kubernetes:core/v1:Namespace shared: no room", "program: boom"]


def test_what_only_follows_from_a_fault_is_not_told() -> None:
    """That the update failed is known without being said."""
    assert said(diagnostic("update failed", STACK), diagnostic("preview failed", None)).faults == []


def test_violation_that_must_not_be_is_told_and_advice_is_not() -> None:
    """A mandatory policy's message is a fault; an advisory one's is not."""
    heard = said(
        *(
            EngineEvent(0, 0, policy_event=PolicyEvent(f"{level} text", "never", "rule", "pack", "1", "1", level, URN))
            for level in ("mandatory", "advisory")
        )
    )
    assert heard.faults == ["kubernetes:core/v1:Namespace shared: policy rule: mandatory text"]


def test_counts_are_of_resources_left_and_changed() -> None:
    """Deleted resources are changes, and are not among those left."""
    changes = {OpType.SAME: 3, OpType.CREATE: 2, OpType.UPDATE: 1, OpType.DELETE: 4}
    heard = said(
        EngineEvent(
            0,
            0,
            summary_event=SummaryEvent(
                maybe_corrupt=False, duration_seconds=1, resource_changes=changes, policy_packs={}
            ),
        )
    )
    done = automation.Summary("up", heard.changes, 1.0)
    assert (done.resources, done.changed) == (6, 7)


def test_message_lists_every_fault() -> None:
    """All faults stand in one message, each indented with all its lines."""
    assert automation._explained("up failed", ["a: 1\n2", "b: 3"], "").message == "up failed:\n  a: 1\n  2\n  b: 3"


def test_message_without_faults_has_what_the_engine_said() -> None:
    """An engine that fails before its first event is heard too."""
    assert (
        automation._explained("up failed", [], "note\nerror: no such stack\n").message == "up failed:\n  no such stack"
    )
    locked = automation._explained("up failed", [], "the stack is currently locked by 1 lock(s)\n by me@here (pid 12)")
    assert "another run" in locked.message
    assert "kill -INT 12" in locked.hint


@pytest.fixture
def project(tmp_path: Path) -> automation._Engine:
    """Give an engine for a project whose state has a folder for locks."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "Pulumi.yaml").write_text("name: cgc\n")
    (tmp_path / ".pulumi/locks/organization/cgc/demo").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pulumi").write_text("#!/bin/sh\n")
    (tmp_path / "bin/pulumi").chmod(0o755)
    environment = {"PATH": str(tmp_path / "bin"), "PULUMI_BACKEND_URL": f"file://{tmp_path}"}
    return automation._Engine(tmp_path / "one", "demo", environment)


def test_lock_of_a_killed_run_is_removed_and_others_stay(project: automation._Engine, tmp_path: Path) -> None:
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


def test_folder_without_a_project_is_told(tmp_path: Path, project: automation._Engine) -> None:
    """A wrong folder is named."""
    with pytest.raises(KitError, match=r"has no readable Pulumi\.yaml"):
        automation._Engine(tmp_path, "demo", {"PATH": str(tmp_path / "bin")})
