"""From results, waivers and an earlier run to the one model; and reading that model back from a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from conformance import catalogue, changes, decisions, verdicts
from conformance.results import Extent, Result, Run, Subject, Waiver
from core.errors import KitError

RESULTS = "results.json"
LARGEST = 64 * 1024 * 1024
"""Size of the largest results.json that is read, in bytes."""


@dataclass(frozen=True)
class Additions:
    """What people add to the results of the checks."""

    waivers: Sequence[Waiver] = ()
    judgements: Sequence[Result] = ()
    previous: Run | None = None


def additions(waivers: Path | None, judgements: Path | None, previous: Path | None) -> Additions:
    """Read the files of what people add. Raises KitError with a line for each mistake."""
    known, today = catalogue.load(), dt.datetime.now(dt.UTC).date()
    return Additions(
        decisions.read_waivers(waivers, known) if waivers else (),
        decisions.read_judgements(judgements, known, today) if judgements else (),
        read(previous) if previous else None,
    )


def assemble(
    subject: Subject,
    results: Sequence[Result],
    added: Additions,
    *,
    started: dt.datetime,
    finished: dt.datetime,
    judged: dt.datetime,
    resumed: Sequence[dt.datetime] = (),
    extent: Extent = "whole",
) -> Run:
    """Make the model of a run from what was found and what people add."""
    known = catalogue.load()
    everything = [*results, *added.judgements]
    lines, waivers = verdicts.judge(
        known, subject, everything, added.waivers, began=started, on=judged.date(), extent=extent
    )
    run = Run(
        kit=version("government-cloud-kit"),
        catalogue=known.digest,
        subject=subject,
        extent=extent,
        started=started,
        resumed=tuple(resumed),
        finished=finished,
        judged=judged,
        results=tuple(everything),
        requirements=tuple(lines),
        waivers=tuple(waivers),
    )
    if added.previous:
        run = run.model_copy(update={"comparison": changes.compare(added.previous, run)})
    return run


def again(run: Run, added: Additions, judged: dt.datetime) -> Run:
    """Judge a run's own checks again, with what people add now. Raises KitError if the catalogue is another one."""
    if run.catalogue != catalogue.load().digest:
        raise KitError(
            "the run was judged by another catalogue of requirements than this kit's", "audit the cloud again"
        )
    return assemble(
        run.subject,
        [result for result in run.results if not result.by],
        added,
        started=run.started,
        resumed=run.resumed,
        finished=run.finished,
        judged=judged,
        extent=run.extent,
    )


def read(path: Path) -> Run:
    """Read results.json, or the one in a folder. Raises KitError that names file and field."""
    file = path / RESULTS if path.is_dir() else path
    hint = f"give a folder that govcloud audit run wrote, or its {RESULTS}"
    try:
        if file.stat().st_size > LARGEST:
            raise KitError(f"{file}: larger than {LARGEST // 1024**2} MiB, so not the results of an audit", hint)
        text = file.read_bytes()
    except OSError as error:
        raise KitError(f"{file}: cannot be read: {error.strerror or error}", hint) from error
    return parse(text, file)


def parse(text: bytes, file: Path) -> Run:
    """Read the text of results.json. Raises KitError that names file and field."""
    try:
        return Run.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        said = first["msg"].removeprefix("Value error, ")
        raise KitError(f"{file}: {place}: {said}", "give the results of an audit by this kit") from error
