"""What surrounds the run of one stack, with an engine that only notes what it is asked."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.errors import KitError
from govcloud.agency_stacks import AgencyStacks
from toolchain import automation
from toolchain.automation import Summary

STACK = "x-22-250701"
ENGINE = """\
#!/bin/sh
case "$1 $2" in
"stack rm") rm -f "$STORED/stacks/agc/x-22-250701.json" Pulumi.x-22-250701.yaml ;;
esac
"""


@pytest.fixture
def stacks(tmp_path: Path) -> AgencyStacks:
    """Give stacks whose state is files, and an engine that can remove one."""
    project = tmp_path / "agc"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: agc\n", encoding="utf-8")
    stored = tmp_path / ".pulumi"
    (stored / "stacks" / "agc").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").write_text(ENGINE, encoding="utf-8")
    (tmp_path / "bin" / "pulumi").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return AgencyStacks({"PATH": path, "PULUMI_BACKEND_URL": f"file://{tmp_path}", "STORED": str(stored)}, project)


def made(stacks: AgencyStacks, salt: str) -> None:
    """Do what the engine does when it makes a stack, or changes its settings."""
    stored = Path(stacks.environment["STORED"]) / "stacks" / "agc"
    (stored / f"{STACK}.json").write_text("{}", encoding="utf-8")
    (stacks.project / f"Pulumi.{STACK}.yaml").write_text(salt, encoding="utf-8")


def test_run_waits_for_the_engine_of_a_killed_one(stacks: AgencyStacks) -> None:
    """What a killed run left at work is waited for; a lock whose process is gone is not."""
    locks = Path(stacks.environment["STORED"]) / "locks" / "organization" / "agc" / STACK
    locks.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1.5)"]) as orphan:
        (locks / "a.json").write_text(json.dumps({"pid": orphan.pid, "hostname": socket.gethostname()}))
        began = time.monotonic()
        # an ended child is there until it is asked for, as an orphan's new parent does
        threading.Thread(target=orphan.wait, daemon=True).start()
        stacks.wait_for_orphan(STACK)
        assert time.monotonic() - began >= 1
    assert not list(locks.iterdir())


@pytest.mark.parametrize("before", [None, "config: {}\n"], ids=["new", "there before"])
def test_refused_apply_leaves_stack_and_settings(
    stacks: AgencyStacks, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    """A preview that is judged and refused leaves no new stack, and the settings of an old one as they were."""
    if before:
        made(stacks, before)

    def up(*arguments: object) -> Summary:
        made(stacks, "config: {agc:agency: other}\n")
        judge = arguments[-1]
        assert callable(judge)
        judge(Summary("preview", {}, 1.0))
        return Summary("up", {}, 1.0)

    def refuse(_summary: Summary) -> None:
        raise KitError("no")

    monkeypatch.setattr(automation, "up", up)
    settings = stacks.project / f"Pulumi.{STACK}.yaml"
    with pytest.raises(KitError, match="no"):
        stacks.up(STACK, {}, on_preview=refuse)
    assert stacks.exists(STACK) is bool(before)
    assert (settings.read_text(encoding="utf-8") if settings.exists() else None) == before
    stacks.up(STACK, {})
    assert stacks.exists(STACK)
    assert "other" in settings.read_text(encoding="utf-8")
