"""The agency file for editors and readers, made from its models: a JSON Schema, and a reference of all fields."""

from __future__ import annotations

import json
from typing import Any

from modules.agency.fields import KIT, Described, every_field
from modules.agency.model import Agency

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_COLUMNS = ("field", "needed", "what to write", "allowed", "unit", "if left out", "example", "source")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of an agency file; ``unit``, ``source`` and ``allowed`` of a field are for people."""
    made = Agency.model_json_schema()
    for definition in (made, *made["$defs"].values()):
        for name, field in definition.get("properties", {}).items():
            field.setdefault("title", name.capitalize())
            field.setdefault("source", KIT)
    return {"$schema": _DIALECT, **made, "title": "Agency file of the Government Cloud Kit"}


def reference() -> str:
    """Return the reference of all fields as a page in Markdown."""
    rows = [_row(field) for field in every_field().values()]
    lines = [_COLUMNS, tuple("---" for _ in _COLUMNS), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        "# Every field of an agency file\n\n"
        "Made from the models by `govcloud agency schema --reference`; a test keeps it so. "
        "A dot leads to a field inside another one: `contacts.owner.email` is `email` under `owner` under `contacts`. "
        "A source that begins with GVC is a requirement of the kit's catalogue (`conformance/catalogue`). "
        "'Needed' means: wherever the field before the dot is given. [agency.md](agency.md) explains how to begin.\n\n"
        f"{table}\n"
    )


def _row(field: Described) -> tuple[str, ...]:
    example = json.dumps(field.example, ensure_ascii=False).strip('"')
    cells = (
        f"`{field.name}`",
        "yes" if field.required else "",
        field.description,
        field.allowed,
        field.unit,
        field.default,
        f"`{example}`",
        field.source,
    )
    return tuple(cell.replace("|", "\\|") for cell in cells)
