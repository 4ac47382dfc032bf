"""Reading an agency file: every mistake at once, each with its line, its field and what is allowed."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from modules.agency import Agency
from modules.agency.checks import findings
from modules.agency.fields import described, every_field
from modules.document import Document, Field
from modules.mistakes import FileError, Mistake

_HINT: Final = "docs/agency.md explains every field"
_ROUNDS = 5


class AgencyFileError(FileError):
    """An agency file that cannot be used; ``mistakes`` lists all that is wrong with it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        super().__init__(mistakes, _HINT)


def load(path: Path) -> Agency:
    """Read and check one agency file. Raises AgencyFileError with every mistake found."""
    return read(path)[0]


def read(path: Path) -> tuple[Agency, Document]:
    """Read one agency file as ``load`` does, and return with it where its fields stand."""
    document = Document(path, _HINT)
    if not isinstance(document.content, dict):
        raise AgencyFileError(document.mistakes)
    mistakes = document.mistakes
    try:
        agency, mended = Agency.model_validate(document.content), set[Field]()
    except ValidationError as error:
        mistakes += [document.at(detail["loc"], *_told(detail)) for detail in _details(error)]
        agency, mended = _mended(document.content)
    for found in findings(agency):
        if not any(_touches(place, field) for place in mended for field in found.rests_on):
            mistakes.append(document.at(found.field, found.wrong, found.allowed))
    if mistakes:
        raise AgencyFileError(mistakes)
    return agency, document


def mistake_in(field: Field, value: str) -> str:
    """Say what is wrong with a value for one field, whatever stands in the others; '' for a good one."""
    whole: Any = {}
    for place, it in every_field().items():
        if len(place) == 1 and it.required:
            whole[place[0]] = copy.deepcopy(it.example)
    holder = whole
    for part in field[:-1]:
        holder = holder.setdefault(part, {})
    holder[field[-1]] = value
    try:
        Agency.model_validate(whole)
    except ValidationError as error:
        for detail in _details(error):
            if detail["loc"] == field:
                wrong, allowed = _told(detail)
                return f"{wrong}; allowed: {allowed}" if allowed else wrong
    return ""


def _details(error: ValidationError) -> list[ErrorDetails]:
    """Return what the model found, without what only follows from it."""
    details = error.errors()
    return [detail for detail in details if not _follows(detail, details)]


def _follows(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    # the level that follows from the systems cannot be told while one is wrong; a list of wrong items counts as empty
    place = detail["loc"]
    inside = any(len(it["loc"]) > len(place) and _touches(it["loc"], place) for it in details)
    return detail["type"] == "default_factory_not_called" or (detail["type"] == "too_short" and inside)


def _told(detail: ErrorDetails) -> tuple[str, str]:
    """Say in words what is wrong, and what is allowed."""
    field, given = detail["loc"], detail["input"]
    allowed = described(field).allowed
    match detail["type"]:
        case "missing":
            wrong = "is missing"
        case "extra_forbidden":
            wrong, allowed = "is not a field of an agency file", "take it out, or correct its spelling"
        case "literal_error":
            wrong, allowed = f"{given!r} is not known", str(detail.get("ctx", {}).get("expected", ""))
        case "value_error":
            wrong, allowed = f"{given!r} cannot be used", str(detail.get("ctx", {}).get("error", ""))
        case _ if given is None:
            wrong = "is empty"
        case _ if isinstance(given, str):
            wrong, allowed = f"{given!r} cannot be used", allowed or detail["msg"]
        case _:
            wrong = detail["msg"]
    return wrong, allowed


def _mended(content: dict[str, Any]) -> tuple[Agency, set[Field]]:
    """Put an example in the place of all that is wrong, so that the rest can be checked too; tell these places."""
    mended: set[Field] = set()
    whole: Any = copy.deepcopy(content)
    for _ in range(_ROUNDS):
        try:
            return Agency.model_validate(whole), mended
        except ValidationError as error:
            details = _details(error)
        for detail in sorted(details, key=lambda it: len(it["loc"]), reverse=True):
            field: Field = detail["loc"]
            mended.add(field)
            holder = whole
            for part in field[:-1]:
                holder = holder[part]
            if detail["type"] == "extra_forbidden":
                del holder[field[-1]]
            else:
                holder[field[-1]] = copy.deepcopy(described(field).example)
    raise AssertionError(f"the examples of the fields do not make a good file: {details}")


def _touches(one: Field, other: Field) -> bool:
    """Tell whether one place holds the other or is it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
