"""Who approved what cannot be taken back."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from core.errors import KitError

NEEDED: Final = 2
"""How many people approve that production is deleted."""


def check(names: Iterable[str], what: str) -> tuple[str, ...]:
    """Return the names of those who approved, without repetitions. Raises KitError where they are too few.

    ``what`` says what is to be approved. A name counts once, however it is written.
    """
    people: dict[str, str] = {}
    for name in names:
        plain = " ".join(unicodedata.normalize("NFC", name).split())
        if plain:
            people.setdefault(plain.casefold(), plain)
    if len(people) < NEEDED:
        raise KitError(
            f"{what}: that needs the approval of {NEEDED} people, and has that of {len(people)}",
            "name them: --approved-by NAME --approved-by NAME",
        )
    return tuple(people.values())
