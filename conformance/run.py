"""One run of the audit: start the processes that make the checks, keep what they find, and make the reports."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from conformance import assembly, cleaning, processes, reports, target, unfinished, verdicts
from conformance.assembly import RESULTS, Additions
from conformance.outcomes import Outcomes
from conformance.processes import Standing, Work
from conformance.results import Check, Extent, Run
from conformance.unfinished import Order
from core.errors import KitError
from core.files import sha256

FOLDER = Path(__file__).parent
LIMIT_SECONDS = 600.0
"""A run whose checks take longer is ended; what it had not decided is MISSING."""
CHECK_SECONDS = 120.0
"""What is not decided by then is an ERROR."""
LANES = 2
"""Processes of a whole run: one for what the probe pods are needed for, one for what waits for other things
(docs/adr/0015 has what was measured)."""

Progress = Callable[[Standing], None]
Note = Callable[[str], None]
"""Called with one line that the person should know and that no verdict rests on."""


def audit(
    target_file: Path,
    out: Path,
    *,
    level: int | None = None,
    progress: Progress = lambda _standing: None,
    note: Note = lambda _line: None,
    added: Additions = Additions(),  # noqa: B008  # nothing in it changes
    files: Mapping[str, Path] | None = None,
    checks: Sequence[Path] | None = None,
    only: str = "",
    dry_run: bool = False,
    limit: float = LIMIT_SECONDS,
    check_seconds: float = CHECK_SECONDS,
) -> Run:
    """Audit the cloud of a target file, write the reports to ``out``, and return the run.

    ``checks`` limits the run to some files of checks, ``only`` to those that a pattern of pytest's ``-k`` picks; a dry
    run asks the cloud nothing and writes nothing. ``files`` are where ``added`` was read from: ``resume`` reads them
    again. Raises KitError for a target file with mistakes, or when no check could even be started.
    """
    target.load(target_file, level=level)
    order = Order(
        target=target_file.resolve(),
        target_digest=sha256(target_file),
        kit_digest=unfinished.kit_digest(),
        level=level,
        only=only,
        checks=tuple(path.resolve() for path in checks or ()),
        files={name: path.resolve() for name, path in (files or {}).items()},
        started=datetime.now(UTC),
    )
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="govcloud-audit-") as folder:
            return _assemble(order, _collect(Path(folder) / "outcomes.jsonl", _asked(order)), added, "dry-run")
    existed = out.exists()
    with unfinished.held(out) as lock:
        unfinished.begin(out, order)
        try:
            found = _make(order, out, (limit, check_seconds), progress, note, lock)
        except KitError:
            unfinished.forget(out)
            if not existed:
                out.rmdir()
            raise
        run = _assemble(order, found, added, "filtered" if _filtered(order) else "whole")
        _finish(run, out)
    return run


def resume(
    out: Path,
    *,
    progress: Progress = lambda _standing: None,
    note: Note = lambda _line: None,
    limit: float = LIMIT_SECONDS,
    check_seconds: float = CHECK_SECONDS,
) -> Run:
    """Go on with the run that was ended early in ``out``: make the checks that it had not decided, and the reports.

    Raises KitError when there is no such run, or when the target file or the kit are not what they were.
    """
    order = unfinished.read(out)
    with unfinished.held(out) as lock:
        order = unfinished.go_on(out, order, datetime.now(UTC))
        added = assembly.additions(*(order.files.get(name) for name in ("waivers", "judgements", "previous")))
        found = _make(order, out, (limit, check_seconds), progress, note, lock)
        run = _assemble(order, found, added, "filtered" if _filtered(order) else "whole")
        _finish(run, out)
    return run


def plan(target_file: Path, level: int | None = None) -> Outcomes:
    """Return the checks that a run of this target would make, with what each needs. Asks the cloud nothing."""
    target.load(target_file, level=level)
    with tempfile.TemporaryDirectory(prefix="govcloud-audit-") as folder:
        return _collect(Path(folder) / "outcomes.jsonl", _arguments(target_file.resolve(), level, "", ()))


def every() -> tuple[Check, ...]:
    """Return every check that the kit has, without asking any cloud. Raises KitError when they cannot be read."""
    with tempfile.TemporaryDirectory(prefix="govcloud-audit-") as folder:
        return tuple(_collect(Path(folder) / "outcomes.jsonl", [str(FOLDER / "checks")]).plan)


def _collect(path: Path, arguments: Sequence[str]) -> Outcomes:
    work = Work(["--collect-only", *arguments], path, lanes=1, check_seconds=CHECK_SECONDS, limit=CHECK_SECONDS)
    return _started(*processes.run(work))


def _started(found: Outcomes, complaint: str) -> Outcomes:
    if not found.planned:
        raise KitError(f"the audit could not start: {complaint}", "pytest conformance --collect-only shows more")
    return found


def _arguments(target_file: Path, level: int | None, only: str, checks: Sequence[Path]) -> list[str]:
    return [
        f"--target={target_file}",
        *([f"--level={level}"] if level is not None else []),
        *(["-k", only] if only else []),
        *map(str, checks or [FOLDER / "checks"]),
    ]


def _finish(run: Run, out: Path) -> None:
    reports.write(run, out)
    unfinished.forget(out)


def _asked(order: Order) -> list[str]:
    return _arguments(order.target, order.level, order.only, order.checks)


def _filtered(order: Order) -> bool:
    return bool(order.checks or order.only)


def _make(order: Order, out: Path, limits: tuple[float, float], progress: Progress, note: Note, lock: int) -> Outcomes:
    """Make the checks that are not decided yet, and leave nothing behind in the cloud."""
    cloud = target.load(order.target, level=order.level)
    work = Work(
        _asked(order),
        unfinished.place(out),
        lanes=1 if _filtered(order) else LANES,
        limit=limits[0],
        check_seconds=limits[1],
        usual=_usual(out, cloud.cloud),
        lock=lock,
    )
    cleaning.sweep_all(cloud)
    try:
        return _started(*processes.run(work, progress, lambda run_id: cleaning.sweep_all(cloud, run_id)))
    finally:
        for line in cleaning.sweep_all(cloud):
            note(f"not tidied up: {line}")


def _assemble(order: Order, found: Outcomes, added: Additions, extent: Extent) -> Run:
    now = datetime.now(UTC)
    return assembly.assemble(
        target.load(order.target, level=order.level).subject,
        verdicts.complete(found.plan, list(found.found.values())),
        added,
        started=order.started,
        resumed=order.resumed,
        finished=now,
        judged=now,
        extent=extent,
    )


def _usual(out: Path, cloud: str) -> Path | None:
    """Return the results of an earlier run of the same cloud in this folder, if there are any."""
    path = out / RESULTS
    try:
        return path.resolve() if assembly.read(path).subject.cloud == cloud else None
    except KitError:
        return None
