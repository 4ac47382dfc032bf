"""What a run keeps while it is under way, so that it can go on after whatever ended it.

In the run's folder, ``unfinished/`` (0700) holds ``run.json`` with what was asked for, and ``outcomes.jsonl`` with what
was found so far (both 0600). It is gone as soon as the reports are written.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from conformance import outcomes
from conformance.results import Result, Verdict
from core.errors import KitError
from core.files import sha256, write_atomic

FOLDER, RUN, OUTCOMES, LOCK = "unfinished", "run.json", "outcomes.jsonl", "lock"
COUNTS_FOR = dt.timedelta(hours=24)
"""A result older than this is not taken over: the cloud may be another one by now."""
LOCK_SECONDS = 30.0
"""How long the processes of a run that was killed may take to end."""


class Order(BaseModel):
    """What a run was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Path
    target_digest: str
    kit_digest: str
    level: int | None
    only: str
    checks: tuple[Path, ...]
    files: Mapping[str, Path]
    """Waivers, judgements and the earlier run, by the names of their options."""
    started: dt.datetime
    resumed: tuple[dt.datetime, ...] = ()


def kit_digest() -> str:
    """SHA-256 of all that decides what a result means: the checks, what they rest on, and the catalogue."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.yaml")]):
        digest.update(f"{path.relative_to(root)}\0{sha256(path)}\n".encode())
    return digest.hexdigest()


def place(folder: Path) -> Path:
    """Return where the outcomes of a run in ``folder`` are kept."""
    return folder / FOLDER / OUTCOMES


def begin(folder: Path, order: Order) -> None:
    """Keep what is asked for, and nothing found; what an earlier run left unfinished here goes."""
    outcomes.rewrite(place(folder), [])
    _write(folder, order)


def _write(folder: Path, order: Order) -> None:
    write_atomic(folder / FOLDER / RUN, f"{order.model_dump_json(indent=2)}\n", mode=0o600)


def read(folder: Path) -> Order:
    """Return what the unfinished run of a folder was asked for. Raises KitError where there is none that can go on."""
    path, hint = folder / FOLDER / RUN, "begin anew: govcloud audit run"
    try:
        order = Order.model_validate_json(path.read_bytes())
    except OSError as error:
        raise KitError(f"{folder}: there is no unfinished run to go on with", hint) from error
    except ValidationError as error:
        raise KitError(f"{path}: is not what a run of this kit keeps, so it cannot go on", hint) from error
    if order.kit_digest != kit_digest():
        raise KitError(f"{folder}: the run was begun by another version of the kit or its catalogue", hint)
    if not order.target.is_file() or sha256(order.target) != order.target_digest:
        raise KitError(f"{folder}: the target file {order.target} is not what it was when the run began", hint)
    return order


def go_on(folder: Path, order: Order, now: dt.datetime) -> Order:
    """Keep of the results those that still count, and note when the run goes on.

    What could not be decided (ERROR) is tried again, and so is what is older than ``COUNTS_FOR``.
    """
    found = outcomes.read(place(folder)).found.values()
    outcomes.rewrite(place(folder), [result for result in found if _counts(result, now)])
    order = order.model_copy(update={"resumed": (*order.resumed, now)})
    _write(folder, order)
    return order


def _counts(result: Result, now: dt.datetime) -> bool:
    recent = result.decided is not None and now - result.decided <= COUNTS_FOR
    return recent and result.verdict not in {Verdict.ERROR, Verdict.MISSING}


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Hold the folder of a run for one run alone, and yield the lock for its processes to inherit.

    As long as one of them lives the lock is held, also after the run itself was killed: they are waited for.
    Raises KitError when another run is under way.
    """
    kept = folder / FOLDER
    kept.mkdir(parents=True, mode=0o700, exist_ok=True)
    kept.chmod(0o700)
    handle = os.open(kept / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    try:
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise KitError(f"{folder}: an audit is under way in this folder", "wait for its end, or take another")
            time.sleep(0.2)
        yield handle
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def forget(folder: Path) -> None:
    """Remove what was kept: the reports are written, or nothing was begun."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
