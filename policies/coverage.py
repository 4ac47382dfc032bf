"""Which requirement is enforced by which rules at which gate, and why some are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from policies.rules import Compiled, StackRule, about

FILE: Final = Path(__file__).parent / "exceptions.yaml"
Gate = Literal["preview", "admission"]
GATES: Final[tuple[Gate, ...]] = ("preview", "admission")


class Reason(BaseModel):
    """Why no rule enforces a requirement, or a part of it, and what shows instead that it is met."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requirement: str
    part: str = ""
    """What of the requirement the rules leave out; without it, there is no rule at all."""
    reason: Annotated[str, Field(min_length=20)]
    instead: Annotated[str, Field(min_length=10)]


@dataclass(frozen=True)
class Line:
    """One requirement: the rules that enforce it at each gate, and what is left out on purpose."""

    requirement: str
    title: str
    rules: Mapping[Gate, tuple[str, ...]]
    reasons: tuple[Reason, ...]

    @property
    def gaps(self) -> tuple[Gate, ...]:
        """Gates at which nothing stands and nothing says why."""
        if any(not reason.part for reason in self.reasons):
            return ()
        return tuple(gate for gate in GATES if not self.rules[gate])


@cache
def reasons(file: Path = FILE) -> tuple[Reason, ...]:
    """Read why some requirements have no rules. Raises ValueError when the file is not well-formed."""
    return tuple(TypeAdapter(list[Reason]).validate_python(yaml.safe_load(file.read_text(encoding="utf-8"))))


def coverage(rules: Iterable[Compiled | StackRule], asked: Mapping[str, str]) -> list[Line]:
    """Set the rules against the requirements that a policy has to check, given as title by id."""
    preview: dict[str, list[str]] = {}
    admission: dict[str, list[str]] = {}
    for entry in rules:
        rule = about(entry)
        for requirement in rule.requirements:
            preview.setdefault(requirement, []).append(rule.id)
            if isinstance(entry, Compiled):  # one object at a time is what the API server judges
                admission.setdefault(requirement, []).append(rule.id)
    return [
        Line(
            requirement,
            title,
            {"preview": tuple(preview.get(requirement, ())), "admission": tuple(admission.get(requirement, ()))},
            tuple(reason for reason in reasons() if reason.requirement == requirement),
        )
        for requirement, title in asked.items()
    ]
