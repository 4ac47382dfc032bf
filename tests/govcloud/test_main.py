"""The command as a person meets it: one line for a mistake, a traceback only when asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.paths import REPOSITORY


def govcloud(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "govcloud.main", *words],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_mistake_is_one_line_and_a_way_out(tmp_path: Path) -> None:
    """A mistake ends with code 1, says what is wrong and what to do, and shows no traceback."""
    done = govcloud("doctor", "--topology", str(tmp_path / "absent.yaml"))
    assert done.returncode == 1
    assert done.stdout == ""
    wrong, way_out = done.stderr.strip().splitlines()
    assert wrong.startswith("govcloud: topology")
    assert "absent.yaml" in wrong
    assert way_out.startswith("  → ")


def test_a_traceback_is_shown_when_asked(tmp_path: Path) -> None:
    """`--debug` shows where the mistake was found, wherever it stands on the line."""
    done = govcloud("doctor", "--topology", str(tmp_path / "absent.yaml"), "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_wrong_usage_is_told_apart() -> None:
    """An unknown command or option ends with code 2 and points to the help."""
    for words in (["nothing"], ["doctor", "--bogus"], ["testbed", "shell"]):
        done = govcloud(*words)
        assert done.returncode == 2, words
        assert "--help" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_help_names_every_part() -> None:
    """The help lists all commands and groups."""
    done = govcloud("--help", TERM="dumb")
    assert done.returncode == 0
    for name in ("up", "down", "doctor", "env", "toolchain", "testbed", "hosts", "audit"):
        assert f" {name} " in done.stdout
