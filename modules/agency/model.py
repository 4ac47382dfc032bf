"""An agency, as its file declares it: who it is, its level, its systems and what they use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from modules.levels import LEVELS, Level, Quota
from modules.model import Code, Date, Model, ShortName, Title
from modules.units import names
from modules.units.key import UnitKey

Kind = Literal["ministry", "ministerial-agency", "government-agency", "province", "commune", "other"]
Exposure = Literal["none", "agency"]


class Names(Model):
    """A name in both languages, as people write it, diacritics kept."""

    vi: Title
    en: Title


class System(Model):
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


class Agency(Model):
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
        return names.slug(self.short, self.key)

    def namespace(self, system: System) -> str:
        """Return the name of the namespace of one of the agency's systems, 63 characters at most."""
        return names.namespace(self.slug, system.name)
