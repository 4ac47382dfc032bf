"""What identifies a unit over time."""

from __future__ import annotations

from typing import Annotated

from modules.model import Code, Date, Model, about


class UnitKey(Model):
    """A unit's code and the date it takes effect: codes are given again after a reform, so the date belongs to it."""

    code: Annotated[
        Code,
        about("Code of the unit, in quotes", example="22", allowed="1 to 10 digits or capital letters, in quotes"),
    ]
    effective: Annotated[
        Date,
        about(
            "Date from which the code is that unit's",
            example="2025-07-01",
            unit="YYYY-MM-DD",
            allowed="a date such as 2025-07-01",
        ),
    ]

    def __str__(self) -> str:
        return f"{self.code}.{self.effective.isoformat()}"
