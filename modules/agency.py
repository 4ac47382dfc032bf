"""An agency, as its file declares it: who it is, its level, its systems and what they use."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from modules import labels
from modules.levels import LEVELS, Level, Quota

Kind = Literal["ministry", "ministerial-agency", "government-agency", "province", "commune", "other"]
Exposure = Literal["none", "agency"]


def _iso_date(value: object) -> object:
    # pydantic reads a bare number as seconds since 1970, which here is always a mistake
    if isinstance(value, str) and not (len(value) == 10 and value[4] == value[7] == "-"):
        raise ValueError("a date is written YYYY-MM-DD, for example 2025-07-01")
    return value


def _short_name(value: str) -> str:
    if not labels.is_name(value) or len(value) > 20:
        raise ValueError("small letters a-z, digits and hyphens, 20 characters at most, no hyphen at either end")
    return value


Date = Annotated[dt.date, BeforeValidator(_iso_date)]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{1,10}$")]
ShortName = Annotated[str, AfterValidator(_short_name)]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Names(_Model):
    """A name in both languages, as people write it, diacritics kept."""

    vi: Title
    en: Title


class UnitKey(_Model):
    """What identifies a unit over time: codes are given again after a reform, so the date belongs to it."""

    code: Code
    effective: Date

    def __str__(self) -> str:
        return f"{self.code}.{self.effective.isoformat()}"


class System(_Model):
    """An information system: one level, one owner, one namespace."""

    name: ShortName
    title: Names
    level: Level
    exposure: Exposure
    """Who may call it: ``none``, or ``agency`` for the other systems of this agency."""
    consumes: tuple[ShortName, ...] = ()
    """Shared services of the central cloud that it calls."""
    quota: Quota | None = None
    """Its share of the cluster; without it, the share of its level."""

    @property
    def limits(self) -> Quota:
        """The quota that applies."""
        return self.quota or LEVELS[self.level].quota


class Agency(_Model):
    """One agency: what its file says, and the names that follow from it."""

    code: Code
    effective: Date
    kind: Kind
    short: ShortName
    """Goes into every name that is derived; never changes."""
    name: Names
    level: Level
    parent: UnitKey | None = None
    systems: Annotated[tuple[System, ...], Field(min_length=1)]

    @property
    def key(self) -> UnitKey:
        """What identifies the agency over time."""
        return UnitKey(code=self.code, effective=self.effective)

    @property
    def slug(self) -> str:
        """Name of the agency's stack and start of its names: short name, code, date; 38 characters at most."""
        return f"{self.short}-{self.code.lower()}-{self.effective:%y%m%d}"

    def namespace(self, system: System) -> str:
        """Return the name of the namespace of one of the agency's systems, 63 characters at most."""
        return f"agc-{self.slug}-{system.name}"
