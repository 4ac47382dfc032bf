"""The catalogue of requirements: the one place that says what a government cloud must do, at which level, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

FILE = Path(__file__).parent / "catalogue" / "catalogue.yaml"

Kind = Literal["CGC", "AGC", "EGC"]
"""Central, agency or enterprise government cloud."""

Level = Annotated[int, Field(ge=1, le=5)]
"""Security level of a system, 1 (lowest) to 5."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Frozen):
    """A document and the place in it; ``verified`` is true when number and content were read."""

    doc: str
    ref: str
    verified: bool


class Method(_Frozen):
    """A way to check a requirement."""

    method: Literal["preview-policy", "admission", "live-probe", "host-check", "s3-api", "document-only"]
    how: str


class Requirement(_Frozen):
    """One requirement; its id is stable and never reused."""

    id: str = Field(pattern=r"^GVC-[A-Z0-9]{3}-\d{2}$")
    title: str
    text: str
    sources: tuple[Source, ...] = Field(min_length=1)
    levels: tuple[Level, ...] = Field(min_length=1)
    applies_to: tuple[Kind, ...] = Field(min_length=1)
    check: tuple[Method, ...]
    notes: str = ""

    def applies(self, kind: Kind, level: int) -> bool:
        """Whether a cloud of this kind must meet it at this level."""
        return kind in self.applies_to and level in self.levels

    @property
    def for_a_person(self) -> bool:
        """Whether documents alone decide it, so that no machine can."""
        return all(method.method == "document-only" for method in self.check)


class Catalogue(dict[str, Requirement]):
    """All requirements by id, in the order of the file."""

    def __init__(self, requirements: Iterable[Requirement], digest: str) -> None:
        super().__init__()
        self.digest = digest
        for requirement in requirements:
            if requirement.id in self:
                raise ValueError(f"the catalogue has {requirement.id} twice")
            self[requirement.id] = requirement

    def applicable(self, kind: Kind, level: int) -> list[Requirement]:
        """Return the requirements that a cloud of this kind must meet at this level."""
        return [requirement for requirement in self.values() if requirement.applies(kind, level)]


@cache
def load(path: Path = FILE) -> Catalogue:
    """Read the catalogue; raises ValueError when it is not well-formed, which the tests keep from happening."""
    raw = path.read_bytes()
    requirements = TypeAdapter(list[Requirement]).validate_python(yaml.safe_load(raw))
    return Catalogue(requirements, hashlib.sha256(raw).hexdigest())
