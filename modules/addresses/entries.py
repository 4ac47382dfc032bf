"""The lines of the address ledger: one event each, in the order in which they happened."""

from __future__ import annotations

import datetime as dt
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modules.addresses.blocks import Prefix

Event = Literal["allocated", "transferred", "released", "returned"]


class Entry(BaseModel):
    """One event: what happened to which blocks, and for whom."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    on: dt.date
    event: Event
    unit: str
    """Key of the unit that has the blocks: from now on, or until now when they are released or returned."""
    zone: str = ""
    """Name of the namespace, where the blocks are parts of an agency's block."""
    blocks: tuple[Prefix, ...]
    giver: str = Field(default="", alias="from")
    """The unit that had them before a transfer."""
    until: dt.date | None = None
    """The day on which the quarantine of released blocks ends."""
    why: str = ""
    """What a person may ask about it later, such as why there is no IPv4."""

    def line(self) -> str:
        """Return it as one line of JSON, the fields that say nothing left out."""
        fields = {"on": str(self.on), "event": self.event, "unit": self.unit, "zone": self.zone, "from": self.giver}
        fields |= {"until": str(self.until) if self.until else "", "why": self.why}
        said: dict[str, object] = {name: value for name, value in fields.items() if value}
        return json.dumps({**said, "blocks": [str(block) for block in self.blocks]}, ensure_ascii=False)


def parse(line: str) -> Entry:
    """Read one line. Raises ValueError that says which field is wrong."""
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        detail = error.errors()[0]
        field = ".".join(str(part) for part in detail["loc"])
        said = detail["ctx"]["error"] if detail["type"] == "value_error" else detail["msg"]
        raise ValueError(f"{field}: {said}" if field else str(said)) from None
