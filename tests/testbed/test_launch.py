"""The program between the command and a host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from testbed import boot, processes

LAUNCH = [sys.executable, "-I", str(boot.LAUNCHER)]


def test_the_record_names_the_program_that_runs(tmp_path: Path) -> None:
    """Process id and start time are written before the program starts and are still true after."""
    record, log = tmp_path / "record", tmp_path / "log"
    words = [*LAUNCH, str(os.getpid()), str(record), str(log), "--", "sh", "-c", "echo started; exec sleep 60"]
    with subprocess.Popen(words) as process:
        while not (log.exists() and log.read_text()):
            assert process.poll() is None
        written = json.loads(record.read_text())
        assert (written["pid"], written["started"]) == (process.pid, processes.started(process.pid))
        process.kill()
        process.wait()
        assert processes.started(process.pid) is None
    assert log.read_text() == "started\n"


def test_a_launcher_whose_command_was_killed_gives_up(tmp_path: Path) -> None:
    """It joins its place first, so that it can be found, and starts nothing when nobody waits for it."""
    place = tmp_path / "place"
    place.mkdir()
    words = [*LAUNCH, "1", str(tmp_path / "record"), str(tmp_path / "log"), str(place), "--", "true"]
    done = subprocess.run(words, check=False)
    assert done.returncode == 1
    assert (place / "cgroup.procs").read_text()
    assert not (tmp_path / "record").exists()


def test_a_process_that_only_waits_to_be_collected_has_ended() -> None:
    """A killed supervisor stays in the process table until its parent looks; it does not count as running."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert processes.started(process.pid) is None
    process.wait()
