"""Writing an agency file anew, from a template for the kind of agency."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import jinja2

from modules.agency.model import Kind
from modules.units import era, names

_TEMPLATES: Final = Path(__file__).parent / "templates"
_OF_KIND: Final[Mapping[Kind, str]] = {
    "ministry": "central",
    "ministerial-agency": "central",
    "government-agency": "central",
    "province": "province",
    "district": "commune",
    "commune": "commune",
    "other": "other",
}
_OFFICES: Final = ("Ủy ban nhân dân",)
"""What the names of agencies begin with, before the name of the unit itself."""


@dataclass(frozen=True)
class Answers:
    """What a person tells of a new agency; all as text, as it will stand in the file."""

    kind: Kind
    code: str
    effective: str
    short: str
    vi: str
    en: str
    owner: str
    """E-mail addresses of those who answer for it."""
    operator: str
    security: str
    parent_code: str = ""
    """'' for a unit that stands under no other."""
    parent_effective: str = ""


def write(answers: Answers, schema: str) -> str:
    """Return the text of the file; ``schema`` is the path of the JSON Schema as an editor finds it from the file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701 - YAML, in which each value is quoted by the filter below
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)
    template = environment.get_template(f"{_OF_KIND[answers.kind]}.yaml.j2")
    return template.render(**asdict(answers), schema=schema)


def short_of(name: str, kind: Kind) -> str:
    """Return the short name that a list of units gives to the unit whose agency has this name."""
    for office in _OFFICES:
        if names.fold(name).startswith(f"{names.fold(office)}-"):
            name = " ".join(name.split()[len(office.split()) :])
    words = [word for time in era.names() if (rule := era.load(time).rules.get(kind)) for word in rule.words]
    return names.short_name(name, words)
