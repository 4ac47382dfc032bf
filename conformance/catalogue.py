"""The catalogue of requirements: the one place that says what a government cloud must do, at which level, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

FOLDER = Path(__file__).parent / "catalogue"
FILE = FOLDER / "catalogue.yaml"

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
    def area(self) -> str:
        """The three letters of its area, such as NET."""
        return self.id.split("-")[1]

    @property
    def for_a_person(self) -> bool:
        """Whether documents alone decide it, so that no machine can."""
        return all(method.method == "document-only" for method in self.check)


class Wording(_Frozen):
    """A requirement in another language."""

    title: str
    text: str
    left: str = ""
    """What ``unchecked`` or ``partly`` says of it, where it stands in one of them."""


class Area(_Frozen):
    """The name of an area."""

    en: str
    vi: str


class Lifetime(_Frozen):
    """How many days a result counts, by level, and where that is written."""

    days: dict[Level, Annotated[int, Field(gt=0)]]
    source: str


class Lifetimes(_Frozen):
    """How long results count: ``usual`` where a requirement has no lifetime of its own."""

    usual: Lifetime
    requirements: dict[str, Lifetime]


class Catalogue(dict[str, Requirement]):
    """All requirements by id, in the order of the file, with what else is known of them."""

    def __init__(
        self,
        requirements: Iterable[Requirement],
        digest: str,
        *,
        lifetimes: Lifetimes,
        unchecked: Mapping[str, str],
        partly: Mapping[str, str],
        vietnamese: Mapping[str, Wording],
        areas: Mapping[str, Area],
    ) -> None:
        super().__init__()
        self.digest = digest
        self.lifetimes = lifetimes
        self.unchecked = unchecked
        """Why the kit has no check of a requirement, by id."""
        self.partly = partly
        """What the kit's checks of a requirement leave to a person, by id."""
        self.vietnamese = vietnamese
        self.areas = areas
        for requirement in requirements:
            if requirement.id in self:
                raise ValueError(f"the catalogue has {requirement.id} twice")
            self[requirement.id] = requirement

    def applicable(self, kind: Kind, level: int) -> list[Requirement]:
        """Return the requirements that a cloud of this kind must meet at this level."""
        return [requirement for requirement in self.values() if requirement.applies(kind, level)]

    def lifetime(self, requirement: str, level: int) -> int:
        """Return for how many days a result counts towards a requirement at a level."""
        return self.lifetimes.requirements.get(requirement, self.lifetimes.usual).days[level]


@cache
def load(path: Path = FILE) -> Catalogue:
    """Read the catalogue; raises ValueError when it is not well-formed, which the tests keep from happening."""
    raw = path.read_bytes()
    return Catalogue(
        TypeAdapter(list[Requirement]).validate_python(yaml.safe_load(raw)),
        hashlib.sha256(raw).hexdigest(),
        lifetimes=Lifetimes.model_validate(_beside("lifetimes.yaml")),
        unchecked=TypeAdapter(dict[str, str]).validate_python(_beside("unchecked.yaml")),
        partly=TypeAdapter(dict[str, str]).validate_python(_beside("partly.yaml")),
        vietnamese=TypeAdapter(dict[str, Wording]).validate_python(_beside("vietnamese.yaml")),
        areas=TypeAdapter(dict[str, Area]).validate_python(_beside("areas.yaml")),
    )


def _beside(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
