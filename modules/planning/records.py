"""What plans have given out so far: a folder with the ledger of addresses and the placements of the units."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from core.errors import KitError
from core.files import write_atomic
from core.paths import state_dir
from modules.addresses import ledger_file
from modules.addresses.changes import release
from modules.addresses.ledger import Ledger
from modules.addresses.prefixes import Prefixes
from modules.planning.placement import Placed

FOLDER: Final = "GOVCLOUD_RECORDS"
"""Variable of the environment that names the folder."""
_PLACEMENTS = TypeAdapter(dict[str, Placed])


@dataclass
class Records:
    """Both records. What is set while they are ``changing`` is written."""

    ledger: Ledger
    placements: dict[str, Placed] = field(default_factory=dict)
    """Where each unit is, by its key."""


def default_folder() -> Path:
    """Return where the records are kept; ``GOVCLOUD_RECORDS`` overrides it."""
    return Path(os.environ.get(FOLDER) or state_dir() / "records")


def ledger_of(folder: Path) -> Path:
    """Return the path of the ledger of addresses."""
    return folder / "addresses.jsonl"


def read(folder: Path, prefixes: Prefixes) -> Records:
    """Read the records; what does not exist yet is empty. Raises KitError for what is damaged."""
    return Records(ledger_file.read(ledger_of(folder), prefixes), _placements(folder))


@contextmanager
def changing(folder: Path, prefixes: Prefixes) -> Iterator[Records]:
    """Give the records to be changed while no other process is at them, and write them at the end.

    When the block raises, both stay as they were. Placements are written first: a unit that is placed and has no
    addresses yet is given some by the next plan.
    """
    with ledger_file.changing(ledger_of(folder), prefixes) as ledger:
        before = _placements(folder)
        records = Records(ledger, dict(before))
        yield records
        if records.placements != before:
            write_atomic(_placements_file(folder), _text(records.placements))


def leave(records: Records, unit: str, on: dt.date) -> dt.date:
    """Take a unit that is offboarded out of the records; returns the day on which its addresses are free again.

    Raises KitError, and changes nothing, when other units' namespaces lie in its addresses.
    """
    until = release(records.ledger, unit, on)
    records.placements.pop(unit, None)
    return until


def _placements_file(folder: Path) -> Path:
    return folder / "placements.json"


def _placements(folder: Path) -> dict[str, Placed]:
    file = _placements_file(folder)
    try:
        return _PLACEMENTS.validate_json(file.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KitError(f"{file}: cannot be read: {error.strerror or error}", "give another folder") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise KitError(f"{file}: {place or 'file'}: {first['msg']}", "restore its last good version") from error


def _text(placements: Mapping[str, Placed]) -> str:
    """Write JSON with a line for each unit, so that a change is seen as one line."""
    lines = (f"{json.dumps(key)}: {placed.model_dump_json()}" for key, placed in sorted(placements.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"
