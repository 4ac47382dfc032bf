"""The fields of an agency file, as their models describe them: for messages, the schema and the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from modules.agency.model import Agency
from modules.document import Field

KIT: Final = "the kit's choice"
"""Source of a field that no requirement and no law asks for."""


@dataclass(frozen=True)
class Described:
    """What there is to say of one field."""

    name: str
    """Place in the file, without numbers: ``systems.quota.cpu``."""
    required: bool
    """It must be given wherever the field that holds it is."""
    description: str
    example: Any
    allowed: str
    unit: str
    default: str
    source: str


@cache
def every_field() -> dict[tuple[str, ...], Described]:
    """Return all fields by their place, the numbers in lists left out, in the order of the models."""
    return dict(_fields(Agency, ()))


def described(field: Field) -> Described:
    """Return what there is to say of a place in a file; of an item of a list, with the list's first example."""
    names = tuple(part for part in field if isinstance(part, str))
    found = every_field().get(names)
    if found is None:
        return Described(".".join(names), False, "", None, "", "", "", "")  # noqa: FBT003
    if field and isinstance(field[-1], int):
        return Described(**{**found.__dict__, "example": found.example[0]})
    return found


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside of an annotation: ``tuple[System, ...]`` holds System."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is Literal:
        return None
    return next((found for inner in get_args(annotation) if (found := model_in(inner))), None)


def choices_in(annotation: Any) -> list[str]:
    """Return the words that an annotation allows; none where it allows more than certain words."""
    if get_origin(annotation) is Literal:
        return [str(it) for it in get_args(annotation)]
    return next((found for inner in get_args(annotation) if (found := choices_in(inner))), [])


def _fields(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Described]]:
    for attribute, info in model.model_fields.items():
        place = (*above, info.alias or attribute)
        yield place, _described(place, info)
        if inner := model_in(info.annotation):
            yield from _fields(inner, place)


def _described(place: tuple[str, ...], info: FieldInfo) -> Described:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return Described(
        name=".".join(place),
        required=info.is_required(),
        description=info.description or "",
        example=(info.examples or [None])[0],
        allowed=str(extra.get("allowed", "")) or ", ".join(choices_in(info.annotation)),
        unit=str(extra.get("unit", "")),
        default=str(extra.get("default-is", "")) or _default(info),
        source=str(extra.get("source", KIT)),
    )


def _default(info: FieldInfo) -> str:
    if info.is_required() or info.default is None or isinstance(info.default, BaseModel | tuple):
        return ""
    return str(info.default)
