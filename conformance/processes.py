"""The processes that make the checks of a run: started together, watched, replaced when a check takes one down."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from conformance import lanes, outcomes
from conformance.outcomes import Outcomes
from conformance.results import Result, Verdict

FOLDER = Path(__file__).parent
START_SECONDS = 60.0
GRACE_SECONDS = 20.0
"""What a check has beyond its limit to end by itself; after that its process is killed."""
END_SECONDS = 20.0
"""What a process has to tidy up when the run is ended."""
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Standing:
    """How far a run is."""

    done: int = 0
    of: int = 0
    last: str = ""
    """The check that ended last."""
    left: float | None = None
    """Seconds that the rest will take, where an earlier run says so."""


@dataclass(frozen=True)
class Work:
    """What the processes are to do."""

    arguments: Sequence[str]
    outcomes: Path
    lanes: int
    check_seconds: float
    limit: float
    """Seconds for the whole run."""
    usual: Path | None = None
    """results.json of an earlier run of the same cloud."""
    lock: int | None = None
    """An open file that the processes inherit, and thereby hold."""


class _Lane:
    """One process, and its successors."""

    def __init__(self, number: int, work: Work) -> None:
        self.number = number
        self._work = work
        self._output: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by end()
        self.run_id = ""
        self.start()

    def start(self) -> None:
        """Start the process, or another one for what is not decided."""
        self.run_id = secrets.token_hex(4)
        command = [
            *(sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no"),
            *("-c", str(FOLDER / "pytest.ini"), f"--rootdir={FOLDER}"),
            *(f"--outcomes={self._work.outcomes}", f"--check-seconds={self._work.check_seconds}"),
            *(f"--lane={self.number}/{self._work.lanes}", f"--run-id={self.run_id}"),
            *([f"--usual={self._work.usual}"] if self._work.usual else []),
            *self._work.arguments,
        ]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        # A session of its own: an interrupt at the keyboard reaches the checks once, through us.
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            cwd=FOLDER.parent,
            start_new_session=True,
            pass_fds=[self._work.lock] if self._work.lock is not None else [],
        )

    @property
    def code(self) -> int | None:
        """How the process ended, None while it runs."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Have the process stop and tidy up."""
        if self.code is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End the process and whatever it started."""
        if self.code is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def complaint(self) -> str:
        """Return the last line that pytest had to say, or the first that speaks of an error."""
        self._output.seek(0)
        said = [line.strip() for line in self._output.read().splitlines() if line.strip()]
        return next((line for line in said if "error" in line.lower()), said[-1] if said else "pytest said nothing")

    def end(self, deadline: float) -> None:
        """Wait until the process has tidied up, kill it at the deadline."""
        try:
            self._process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            self.kill()
        self._output.close()


def run(
    work: Work,
    progress: Callable[[Standing], None] = lambda _standing: None,
    sweep: Callable[[str], object] = lambda _run_id: None,
) -> tuple[Outcomes, str]:
    """Make the checks, and return what was found and what pytest complained of.

    A check that neither ends at its limit nor lets go of its process is an ERROR, as is one that takes its process
    down; the process is replaced, after ``sweep`` has removed what it left in the cloud, and makes the rest.
    """
    found = Outcomes(work.outcomes)
    usual = outcomes.usual_seconds(work.usual) if work.usual else {}
    running: list[_Lane] = []
    started = time.monotonic()
    try:
        running += [_Lane(number, work) for number in range(work.lanes)]
        while _mend(running, found, work, sweep):
            progress(_standing(found, usual))
            if time.monotonic() - started > (work.limit if found.planned else START_SECONDS):
                break
            time.sleep(_LOOK_SECONDS)
        progress(_standing(found, usual))
    finally:
        for lane in running:
            lane.interrupt()
        deadline = time.monotonic() + END_SECONDS
        complaint = running[0].complaint() if running else ""
        for lane in running:
            lane.end(deadline)
        found.update()
    return found, complaint


def _standing(found: Outcomes, usual: dict[str, float]) -> Standing:
    now = time.monotonic()
    under_way = {name: now - since for name, since in found.running.items()}
    done = [name for name in found.found if name in found.planned]
    left = lanes.seconds_left(found.lane_of, done, usual, under_way)
    return Standing(len(done), len(found.planned), found.last, left)


def _mend(running: Sequence[_Lane], found: Outcomes, work: Work, sweep: Callable[[str], object]) -> bool:
    """Read what was found, put another process in the place of one that hangs or is gone; whether any still runs."""
    codes = [lane.code for lane in running]  # before reading: of a process that has ended everything is there
    found.update()
    alive = False
    for lane, code in zip(running, codes, strict=True):
        check = next((name for name in found.running if found.lane_of.get(name) == lane.number), None)
        reason = _stuck(code, time.monotonic() - found.running[check], work.check_seconds) if check else None
        if check and reason:
            lane.kill()
            outcomes.append(work.outcomes, "result", _undecided(found, check, reason).model_dump(mode="json"))
            sweep(lane.run_id)
            lane.start()
        alive |= code is None or reason is not None
    return alive


def _stuck(code: int | None, seconds: float, limit: float) -> str | None:
    """Say why the check that a process is at will give no result any more, None where it may."""
    if code is not None:
        ending = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"its process ended ({ending}) before it gave a result"
    if seconds > limit + GRACE_SECONDS:
        return f"not decided within {limit:.0f} s, and it could not be ended without its process"
    return None


def _undecided(found: Outcomes, name: str, reason: str) -> Result:
    seconds = round(time.monotonic() - found.running[name], 2)
    return Result(**found.planned[name].model_dump(), verdict=Verdict.ERROR, reason=reason, seconds=seconds)
