"""Where an agency's file has moved away from what was applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import KitError
from modules import agency_file
from modules.document import Field, dotted
from modules.onboarding.register import Entry


def drift(entry: Entry) -> list[str]:
    """Return the fields of the file that say something else than what was applied, or why that cannot be told."""
    if entry.content is None:
        return ["not applied yet"]
    file = Path(entry.file)
    if not file.exists():
        return ["the file is gone"]
    try:
        agency = agency_file.load(file)
    except KitError:
        return ["the file cannot be used: see govcloud agency validate"]
    if str(agency.key) != entry.key:
        return [f"the file is that of {agency.key}"]
    return list(differences(entry.content, agency.model_dump(mode="json", by_alias=True, exclude_unset=True)))


def differences(old: Any, new: Any, place: Field = ()) -> Iterator[str]:
    """Give the places at which two contents of a file differ, as people read them: ``systems[0].level``."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            yield from differences(old.get(name), new.get(name), (*place, name))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, (*place, index))
    elif old != new:
        yield dotted(place)
