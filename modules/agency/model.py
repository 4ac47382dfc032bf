"""One agency: who it is, who answers for it, where it runs, its systems, what it exchanges."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from modules.agency.exchange import Exchange
from modules.agency.parts import Contacts, Identity, Names, Placement
from modules.agency.system import System
from modules.levels import Level, Zone
from modules.model import SHORT_ALLOWED, Code, Date, Model, ShortName, about
from modules.units import names
from modules.units.key import UnitKey
from modules.units.tree import Unit

Kind = Literal["ministry", "ministerial-agency", "government-agency", "province", "district", "commune", "other"]

_PERSON = {"email": "vanphong@halong.gov.vn"}


def _highest(known: dict[str, Any]) -> int:
    """Return the level of the highest system; fields before a wrong one are known, the rest are not."""
    return max((system.level for system in known.get("systems", ())), default=1)


class Agency(Model):
    """One agency: what its file says, and the names that follow from it."""

    code: Annotated[
        Code,
        about(
            "Code of the unit, in quotes: that of the administrative unit, or of the ministry on the data exchange",
            example="06688",
            allowed="1 to 10 digits or capital letters, in quotes",
            source="Decision 124/2004/QD-TTg and its later lists",
        ),
    ]
    effective: Annotated[
        Date,
        about(
            "Date from which the code is this unit's: codes are given again after a reform",
            example="2025-07-01",
            unit="YYYY-MM-DD",
            allowed="a date such as 2025-07-01",
        ),
    ]
    kind: Annotated[Kind, about("What kind of unit it is", example="commune")]
    short: Annotated[
        ShortName,
        about(
            "Short name; it goes into every name that is made for the agency and never changes",
            example="ha-long",
            allowed=SHORT_ALLOWED,
        ),
    ]
    name: Annotated[
        Names,
        about(
            "Full name", example={"vi": "Ủy ban nhân dân phường Hạ Long", "en": "People's Committee of Hạ Long Ward"}
        ),
    ]
    parent: Annotated[
        UnitKey | None,
        about(
            "Code and date of the unit above; districts and communes have one",
            example={"code": "22", "effective": "2025-07-01"},
        ),
    ] = None
    contacts: Annotated[
        Contacts,
        about(
            "Who answers for the agency's cloud", example={"owner": _PERSON, "operator": _PERSON, "security": _PERSON}
        ),
    ]
    placement: Annotated[Placement, about("Where its systems run", example={"cluster": "shared"})] = Placement()
    identity: Annotated[
        Identity | None,
        about(
            "Where its people sign in",
            example={"issuer": "https://sso.quangninh.gov.vn/realms/state"},
            default="the identity provider of the unit above, at the top that of the central cloud",
        ),
    ] = None
    systems: Annotated[
        tuple[System, ...],
        Field(min_length=1),
        about(
            "Its information systems",
            example=[{"name": "one-stop", "title": {"vi": "Một cửa"}, "level": 2, "data": "personal"}],
            allowed="one system at least",
        ),
    ]
    level: Annotated[
        Level,
        about(
            "Highest security level that a system of this agency may have",
            example=3,
            allowed="1, 2, 3, 4 or 5",
            default="the level of its highest system",
            source="Decree 331/2026 Art. 8(2)-(3), 11-15; GVC-GOV-01",
        ),
    ] = Field(default_factory=_highest)
    exchange: Annotated[Exchange, about("What it gives and takes on the data exchange platform", example={})] = (
        Exchange()
    )

    @property
    def key(self) -> UnitKey:
        """What identifies the agency over time."""
        return UnitKey(code=self.code, effective=self.effective)

    @property
    def slug(self) -> str:
        """Name of the agency's stack and start of its names: short name, code, date; 38 characters at most."""
        return names.slug(self.short, self.key)

    @property
    def unit(self) -> Unit:
        """The agency as a unit of the tree."""
        return Unit(self.key, self.name.vi, self.kind, self.short, self.parent, self.name.en)

    def namespace(self, system: System, zone: Zone | None = None) -> str:
        """Return the name of the namespace of one of its systems, or of one of the system's zones."""
        return names.namespace(self.slug, system.name, zone or "")
