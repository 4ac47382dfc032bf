"""What the typed models of files have in common, and the kinds of text in them."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema

from modules import labels

SHORT_LIMIT: Final = 20
"""Longest short name of an agency or a system, in characters: the names made of both then fit into 63."""
SHORT_ALLOWED: Final = (
    f"small letters a-z, digits and hyphens, {SHORT_LIMIT} characters at most, no hyphen at either end"
)
TITLE_ALLOWED: Final = "one line of 200 characters at most"


class Model(BaseModel):
    """A model that never changes and refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def composed(text: str) -> str:
    """Return a text with each letter and its marks as one character (NFC), however it was typed."""
    return unicodedata.normalize("NFC", text)


def _title(value: str) -> str:
    if not value.isprintable():
        raise ValueError("one line of text, without tabs or other characters that cannot be seen")
    return composed(value)


def _date(value: object) -> object:
    # pydantic reads a bare number as seconds since 1970, which here is always a mistake
    if isinstance(value, str) and not (len(value) == 10 and value[4] == value[7] == "-"):
        raise ValueError("a date is written YYYY-MM-DD, for example 2025-07-01")
    return value


def _of_this_century(value: dt.date) -> dt.date:
    # names hold the year in two digits
    if not 2000 <= value.year <= 2099:
        raise ValueError("a date from 2000-01-01 to 2099-12-31")
    return value


def _short_name(value: str) -> str:
    if not labels.is_name(value) or len(value) > SHORT_LIMIT:
        raise ValueError(SHORT_ALLOWED)
    return value


Date = Annotated[dt.date, BeforeValidator(_date), AfterValidator(_of_this_century)]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{1,10}$")]
ShortName = Annotated[
    str,
    AfterValidator(_short_name),
    WithJsonSchema({"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": SHORT_LIMIT}),
]
Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_title)]


def about(
    description: str, *, example: Any, unit: str = "", source: str = "", allowed: str = "", default: str = ""
) -> Any:
    """Describe a field for people: the schema, the reference and the messages about mistakes come from this.

    ``example`` is a good value as the file writes it; ``source`` names the requirement or law behind the field;
    ``default`` says in words what stands where the field is left out, if that is not one fixed value.
    """
    more = {"unit": unit, "source": source, "allowed": allowed, "default-is": default}
    extra: dict[str, JsonValue] = {key: text for key, text in more.items() if text}
    return Field(description=description, examples=[example], json_schema_extra=extra)
