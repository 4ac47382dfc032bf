"""Which kinds of units there are and which stand under which: configuration, since reforms change it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from core.errors import KitError
from core.paths import REPOSITORY
from modules import configuration
from modules.model import Date, Model, ShortName, Title

FOLDER: Final = REPOSITORY / "data" / "eras"


class Columns(Model):
    """How a CSV file names the facts of a unit."""

    code: Title = "code"
    name: Title = "name"
    kind: Title = "level"
    parent: Title = "parent_code"
    """Code of the unit above; empty at the top."""
    english: Title | None = None
    effective: Title | None = None
    """Date each unit takes effect; without this column, the era's date."""


class KindRule(Model):
    """A kind of unit and where it may stand."""

    kind: ShortName
    top: bool = False
    """It may stand under no unit at all."""
    under: tuple[ShortName, ...] = ()
    """Kinds of unit that it may stand under."""
    digits: Annotated[int, Field(ge=1, le=10)] | None = None
    """Number of digits of its code; without it, any code."""
    words: tuple[Title, ...] = ()
    """What its names begin with; left out of short names."""
    count: Annotated[int, Field(ge=0)] = 0
    """How many of them the country has; 0 where no list says so."""
    most: Annotated[int, Field(ge=0)] = 0
    """How many of them stand under the one unit that has most."""


class Era(Model):
    """The shape of the state's tree from one day on."""

    name: ShortName
    title: Title
    effective: Date
    columns: Columns = Columns()
    kinds: Annotated[tuple[KindRule, ...], Field(min_length=1)]

    @cached_property
    def rules(self) -> Mapping[str, KindRule]:
        """The kinds by their name."""
        return {rule.kind: rule for rule in self.kinds}


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the eras there are, the latest first."""
    return sorted((file.stem for file in folder.glob("*.yaml")), key=lambda name: load(name, folder).effective)[::-1]


@cache
def in_force(day: dt.date) -> Era:
    """Return the era of the kit that a day falls into; the first one for days before all of them."""
    eras = [load(name) for name in names()]
    return next((era for era in eras if era.effective <= day), eras[-1])


def load(name: str, folder: Path = FOLDER) -> Era:
    """Read the era of this name. Raises KitError naming those there are, or what is wrong in its file."""
    file = folder / f"{name}.yaml"
    if not file.is_file():
        there = ", ".join(sorted(it.stem for it in folder.glob("*.yaml")))
        raise KitError(f"{name}: no era of this name; there are: {there}", f"see {folder}")
    era = configuration.read(file, Era)
    unknown = sorted({it for rule in era.kinds for it in rule.under} - era.rules.keys())
    if unknown or len(era.rules) != len(era.kinds):
        wrong = f"'under' names no kind of this era: {', '.join(unknown)}" if unknown else "a kind is given twice"
        raise KitError(f"{file}: kinds: {wrong}", "name each kind once, and stand it under kinds of this file")
    return era
