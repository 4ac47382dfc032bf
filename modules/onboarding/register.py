"""The register of agencies: a file of JSON for each, with what was applied last and how the last run ended."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock, Timeout
from pydantic import ValidationError

from core.errors import KitError
from core.files import write_atomic
from modules.agency import Agency
from modules.model import Model
from modules.onboarding.budgets import Share
from modules.quantities import Amounts

State = Literal["reserved", "applying", "applied", "failed"]
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,62}")
_PATIENCE: Final = 60
"""Seconds to wait for others that write here, each of which takes thousandths of one."""
_HINT: Final = "restore its last good version, or delete it and apply the agency again"


class Entry(Model):
    """One agency."""

    key: str
    stack: str
    kind: str
    parent: str | None = None
    file: str
    """Path of its file, when it was last applied or tried."""
    state: State
    """``reserved``: addresses, place and budget are its own, nothing was made; ``applying``: a run is at work, or was
    killed; ``applied``, ``failed``: how the last run ended."""
    why: str = ""
    """Why the last run failed."""
    cluster: str
    """Name of its cluster in the plan."""
    kubeconfig: str
    """Path of that cluster's kubeconfig."""
    share: Share = Share()
    applied: dt.datetime | None = None
    """When an apply last succeeded."""
    seconds: float = 0
    """How long that took."""
    resources: int = 0
    """How many resources its stack has since then."""
    content: dict[str, Any] | None = None
    """What its file said then."""
    fingerprint: str = ""
    """Digest of all that decided what was made then: file, settings, the kit's own code."""
    cluster_id: str = ""
    """The cluster on which it was made then, as the uid of its namespace ``kube-system``."""
    approved_by: tuple[str, ...] = ()
    """Who approved that, where it needed approval."""

    def agency(self) -> Agency | None:
        """Return the agency as it was applied last."""
        return Agency.model_validate(self.content) if self.content is not None else None


def folder_of(records: Path) -> Path:
    """Return the folder of the register, beside the other records."""
    return records / "agencies"


def read(records: Path, key: str) -> Entry | None:
    """Return what is known of a unit. Raises KitError where the file is damaged."""
    return _read(_file(records, key))


def every(records: Path) -> Iterator[Entry]:
    """Return what is known of all units, by their keys. Raises KitError where a file is damaged."""
    for file in sorted(folder_of(records).glob("*.json")):
        if (found := _read(file)) is not None:
            yield found


def write(records: Path, entry: Entry) -> None:
    """Record a unit; readable by this user alone, since it names kubeconfigs."""
    write_atomic(_file(records, entry.key), entry.model_dump_json(indent=1) + "\n", mode=0o600)


def update(records: Path, key: str, **changes: Any) -> Entry | None:
    """Change some facts of a unit, and leave those that others change meanwhile; None where it is not known."""
    with _kept(records):
        entry = read(records, key)
        if entry is not None:
            entry = entry.model_copy(update=changes)
            write(records, entry)
        return entry


def remove(records: Path, key: str) -> None:
    """Forget a unit that has left."""
    with _kept(records):
        _file(records, key).unlink(missing_ok=True)


def discharge(records: Path, key: str) -> None:
    """Forget a unit that has left, and give what it had of the budgets above it back.

    Called while `modules.planning.records` are ``changing``, as all that decides about shares is.
    """
    entry = read(records, key)
    if entry is None:
        return
    below, above, ask = key, entry.parent, Amounts()
    while above is not None and (held := read(records, above)) is not None and below in held.share.below:
        share = held.share.with_below(below, ask) if below != key else held.share.without(below)
        update(records, above, share=share)
        if share.budget is not None:
            break
        below, above, ask = above, held.parent, share.ask
    remove(records, key)


@contextmanager
def alone(records: Path, key: str) -> Iterator[None]:
    """Keep other runs away from a unit. Raises KitError at once where one is at work."""
    file = _file(records, key).with_suffix(".lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file, timeout=0, mode=0o600):
            yield
    except Timeout:
        raise KitError(f"{key}: another run is at work on this agency", "wait until it has ended") from None
    except OSError as error:
        raise KitError(f"{file}: {error.strerror or error}", "see who may write there") from error


def find(records: Path, unit: str) -> Entry:
    """Return the unit that is named by its key, its code or its stack. Raises KitError where there is none, or two."""
    folder = folder_of(records)
    if _NAME.fullmatch(unit):
        exact = folder / f"{unit}.json"
        files = [exact] if exact.exists() else sorted(folder.glob(f"{unit}.*.json"))
        if len(files) > 1:
            keys = ", ".join(file.stem for file in files)
            raise KitError(f"{unit} is the code of several agencies: {keys}", "give one of these keys")
        named = (_read(file) for file in files) if files else (it for it in every(records) if it.stack == unit)
        if (found := next(named, None)) is not None:
            return found
    raise KitError(f"{unit}: no agency of this code, key or stack is known", "govcloud agency status --all lists them")


def _kept(records: Path) -> FileLock:
    """Return the lock under which a record is read and written anew."""
    return FileLock(folder_of(records) / ".lock", timeout=_PATIENCE, mode=0o600)


def _file(records: Path, key: str) -> Path:
    return folder_of(records) / f"{key}.json"


def _read(file: Path) -> Entry | None:
    try:
        return Entry.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KitError(f"{file}: cannot be read: {error.strerror or error}", _HINT) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise KitError(f"{file}: {place}: {first['msg']}", _HINT) from error
