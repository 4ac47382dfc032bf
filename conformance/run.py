"""One run of the audit: start pytest, follow its outcomes, and make the reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from conformance import assembly, reports, target, verdicts
from conformance.assembly import Additions
from conformance.results import Check, Result, Run
from core.errors import KitError

FOLDER = Path(__file__).parent
LIMIT_SECONDS = 600.0
"""A run whose checks take longer is ended; what it had not decided is MISSING."""
START_SECONDS = 60.0

Progress = Callable[[int, int, str], None]
"""Called with the number of checks that are done, of all checks, and the name of the last one."""


def audit(
    target_file: Path,
    out: Path,
    *,
    level: int | None = None,
    progress: Progress = lambda _done, _of, _name: None,
    added: Additions = Additions(),  # noqa: B008  # nothing in it changes
    checks: Sequence[Path] | None = None,
    only: str = "",
    dry_run: bool = False,
    limit: float = LIMIT_SECONDS,
) -> Run:
    """Audit the cloud of a target file, write the reports to ``out``, and return the run.

    ``checks`` limits the run to some files of checks, ``only`` to those that a pattern of pytest's ``-k`` picks; a dry
    run asks the cloud nothing and writes nothing. Raises KitError for a target file with mistakes, or when no check
    could even be started.
    """
    subject = target.load(target_file, level=level).subject
    started = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="govcloud-audit-") as folder:
        outcomes = Path(folder) / "outcomes.jsonl"
        options = [f"--target={target_file.resolve()}", f"--outcomes={outcomes}"]
        options += [f"--level={level}"] if level is not None else []
        options += ["-k", only] if only else []
        options += ["--collect-only"] if dry_run else []
        complaint = _pytest([*options, *map(str, checks or [FOLDER / "checks"])], outcomes, progress, limit)
        planned, found = read_outcomes(outcomes)
    if not planned:
        raise KitError(f"the audit could not start: {complaint}", "pytest conformance --collect-only shows more")
    run = assembly.assemble(
        subject,
        verdicts.complete(planned, found),
        added,
        started=started,
        finished=datetime.now(UTC),
        judged=datetime.now(UTC),
        extent="dry-run" if dry_run else "filtered" if checks or only else "whole",
    )
    if not dry_run:
        reports.write(run, out)
    return run


def planned() -> list[Check]:
    """Return every check that the kit has, without asking any cloud. Raises KitError when they cannot be read."""
    with tempfile.TemporaryDirectory(prefix="govcloud-audit-") as folder:
        outcomes = Path(folder) / "outcomes.jsonl"
        options = ["--collect-only", f"--outcomes={outcomes}", str(FOLDER / "checks")]
        complaint = _pytest(options, outcomes, lambda _done, _of, _name: None, LIMIT_SECONDS)
        found = read_outcomes(outcomes)[0]
    if not found:
        raise KitError(f"the checks cannot be read: {complaint}", "pytest conformance --collect-only shows more")
    return found


def _pytest(arguments: list[str], outcomes: Path, progress: Progress, limit: float) -> str:
    """Run the checks in a process of their own, and return the last line that pytest had to say."""
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no"),
        *("-c", str(FOLDER / "pytest.ini"), f"--rootdir={FOLDER}"),
        *arguments,
    ]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    deadline, started = time.monotonic() + START_SECONDS, False
    with tempfile.TemporaryFile("w+") as output:
        # A session of its own: an interrupt at the keyboard reaches the checks once, through us.
        with subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, cwd=FOLDER.parent, start_new_session=True
        ) as process:
            try:
                while process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.2)
                    planned, found = read_outcomes(outcomes)
                    if planned and not started:
                        deadline, started = time.monotonic() + limit, True
                    progress(len(found), len(planned), found[-1].name if found else "")
            finally:
                _end(process)
        output.seek(0)
        said = [line.strip() for line in output.read().splitlines() if line.strip()]
    return next((line for line in said if "error" in line.lower()), said[-1] if said else "pytest said nothing")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the run tidy up what it created; after that, end it."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


def read_outcomes(path: Path) -> tuple[list[Check], list[Result]]:
    """Read the checks that were planned and the results so far; a line that is not whole yet is left for later."""
    planned: list[Check] = []
    found: list[Result] = []
    if not path.exists():
        return planned, found
    for line in path.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if "check" in entry:
            planned.append(Check.model_validate(entry["check"]))
        else:
            found.append(Result.model_validate(entry["result"]))
    return planned, found
