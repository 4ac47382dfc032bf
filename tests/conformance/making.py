"""Runs of checks that a test wrote, in processes of their own."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from conformance import unfinished
from conformance.results import Run, Verdict
from conformance.run import FOLDER

HEADER = """
import os, signal, time
from pathlib import Path
import pytest
from conformance.plugin import requirement, serial

HERE = Path(__file__).parent

def note(evidence, name):
    evidence.add("look", name)
    with (HERE / "made").open("a") as file:
        file.write(f"{name} ")

def wait_for(name, seconds=20):
    deadline = time.monotonic() + seconds
    while not (HERE / name).exists():
        assert time.monotonic() < deadline, f"{name} did not come"
        time.sleep(0.02)
"""


def write_checks(folder: Path, name: str, body: str) -> Path:
    file = folder / f"test_{name}.py"
    file.write_text(HEADER + textwrap.dedent(body))
    return file


def verdicts(run: Run) -> dict[str, Verdict]:
    return {result.name.partition(".")[2]: result.verdict for result in run.results}


ENDED = """
    @requirement("GVC-NET-01")
    def test_a_first(evidence):
        note(evidence, "first")

    @requirement("GVC-NET-01")
    def test_b_undecided(evidence):
        note(evidence, "undecided")
        if not (HERE / "go").exists():
            raise RuntimeError("not this time")

    @requirement("GVC-ISO-01")
    def test_c_waits(evidence):
        (HERE / "waiting").touch()
        wait_for("go", 60)
        note(evidence, "waits")
    """


def ended(folder: Path, target: Path, how: signal.Signals, body: str = ENDED) -> tuple[Path, int]:
    """Begin a run in a process of its own, end that while the last check is under way, and return its folder."""
    file = write_checks(folder, "e", body)
    out = folder / "out"
    program = (
        "import signal; from pathlib import Path; from conformance.run import audit;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # ignored where the tests run in the background
        f"audit(Path({str(target)!r}), Path({str(out)!r}), checks=[Path({str(file)!r})])"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=FOLDER.parent, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not (folder / "waiting").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        kept = out / unfinished.FOLDER
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [kept, *kept.iterdir()]}
        assert modes == {"unfinished": 0o700, "run.json": 0o600, "outcomes.jsonl": 0o600, "lock": 0o600}
        process.send_signal(how)
        code = process.wait(30)
    return out, code
