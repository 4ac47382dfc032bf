"""Reading and writing the journals of agencies that leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from core.errors import KitError
from core.files import write_atomic
from modules.leaving.models import NEXT, Journal, file_of, folder_of


def read(records: Path, slug: str) -> Journal | None:
    """Return an agency's journal; None while it has not begun to leave. Raises KitError for a damaged one."""
    file = file_of(records, slug)
    try:
        return Journal.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise KitError(f"{file}: not a journal that can be read", "restore its last good version") from error


def every(records: Path) -> Iterator[Journal]:
    """Return the journals of all agencies that leave or have left."""
    for file in sorted(folder_of(records).glob("*.json")):
        if (found := read(records, file.stem)) is not None:
            yield found


def write(records: Path, journal: Journal) -> Journal:
    """Write a journal whole, readable by its owner alone, and return it."""
    write_atomic(file_of(records, journal.plan.slug), journal.model_dump_json(indent=1) + "\n", mode=0o600)
    return journal


def remove(records: Path, slug: str) -> None:
    """Forget a leave that was called off."""
    file_of(records, slug).unlink(missing_ok=True)


def told(journal: Journal) -> str:
    """Say in one line how far an agency's leave got."""
    said = f"leaving: {NEXT[journal.phase]}"
    if journal.phase == "quarantined":
        return f"{said}; may be deleted from {journal.deletable}"
    return f"{said}; its addresses are free from {journal.addresses_free}" if journal.addresses_free else said


def refuse_leaver(records: Path, slug: str) -> None:
    """Refuse to apply an agency that leaves or has left: that would open what was shut. Raises KitError."""
    if (journal := read(records, slug)) is not None:
        raise KitError(
            f"{slug} is not applied: {told(journal)}",
            "take its file out of the folder, or call the leave off: govcloud agency offboard --cancel"
            if journal.phase != "gone"
            else "take its file out of the folder; a unit that comes back has a new date of effect",
        )
