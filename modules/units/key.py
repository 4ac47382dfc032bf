"""What identifies a unit over time."""

from __future__ import annotations

from modules.model import Code, Date, Model


class UnitKey(Model):
    """A unit's code and the date it takes effect: codes are given again after a reform, so the date belongs to it."""

    code: Code
    effective: Date

    def __str__(self) -> str:
        return f"{self.code}.{self.effective.isoformat()}"
