"""What an agency gives and takes on the data exchange platform."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from modules.levels import DataClass
from modules.model import SHORT_ALLOWED, TITLE_ALLOWED, Date, Model, ShortName, Title, about
from modules.units.key import UnitKey

_KEY = {"code": "22", "effective": "2025-07-01"}
_DATE = "a date such as 2026-01-31"


class Provided(Model):
    """A service that the agency offers to others."""

    service: Annotated[
        ShortName,
        about("Short name of the service, once within the agency", example="land-records", allowed=SHORT_ALLOWED),
    ]
    title: Annotated[
        Title, about("Full name in Vietnamese", example="Tra cứu thông tin đất đai", allowed=TITLE_ALLOWED)
    ]
    system: Annotated[
        ShortName,
        about(
            "System of this agency that answers; its exposure is state or internet",
            example="land",
            allowed=SHORT_ALLOWED,
        ),
    ]
    data: Annotated[
        DataClass,
        about("The most sensitive data that it hands out", example="internal", source="GVC-DAT-05"),
    ] = "internal"


class Grant(Model):
    """The leave to use a service."""

    by: Annotated[UnitKey, about("Who gave it: code and date of the unit", example=_KEY)]
    document: Annotated[Title, about("Number of the document", example="1234/QĐ-UBND", allowed=TITLE_ALLOWED)]
    date: Annotated[Date, about("Day from which it holds", example="2026-01-31", allowed=_DATE)]
    until: Annotated[
        Date | None,
        about("Last day on which it holds", example="2028-12-31", allowed=_DATE, default="until it is revoked"),
    ] = None

    def obstacle(self, on: dt.date) -> str:
        """Say why it does not hold on a day; '' when it does."""
        if on < self.date:
            return f"does not hold before {self.date}"
        return f"ended on {self.until}" if self.until is not None and on > self.until else ""


class Consumed(Model):
    """A service of another agency that a system of this one uses."""

    service: Annotated[
        ShortName,
        about("Short name of the service, as its provider calls it", example="land-records", allowed=SHORT_ALLOWED),
    ]
    provider: Annotated[UnitKey, about("Who offers it: code and date of the unit", example=_KEY)]
    system: Annotated[
        ShortName, about("System of this agency that calls it", example="one-stop", allowed=SHORT_ALLOWED)
    ]
    grant: Annotated[
        Grant,
        about(
            "On whose leave",
            example={"by": _KEY, "document": "1234/QĐ-UBND", "date": "2026-01-31"},
            source="Decree 278/2025 Art. 7; GVC-INT-01",
        ),
    ]


class Exchange(Model):
    """The agency's side of the data exchange platform."""

    provides: Annotated[
        tuple[Provided, ...],
        about(
            "Services that the agency offers to others",
            example=[{"service": "land-records", "title": "Tra cứu thông tin đất đai", "system": "land"}],
            source="Decree 278/2025 Art. 7(2)-(3); GVC-INT-01",
        ),
    ] = ()
    consumes: Annotated[
        tuple[Consumed, ...],
        about(
            "Services of other agencies that its systems use",
            example=[
                {
                    "service": "land-records",
                    "provider": _KEY,
                    "system": "one-stop",
                    "grant": {"by": _KEY, "document": "1234/QĐ-UBND", "date": "2026-01-31"},
                }
            ],
            source="Decree 278/2025 Art. 7(2)-(3); GVC-INT-01",
        ),
    ] = ()
