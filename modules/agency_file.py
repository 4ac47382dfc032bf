"""Reading an agency file: every mistake at once, each with its line, its field and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.errors import KitError
from modules.agency import Agency
from modules.levels import LEVELS
from modules.mistakes import FileError, Mistake

_LARGEST = 256 * 1024
_HINT = "docs/agency.md explains every field"
_ALLOWED: Mapping[str, str] = {
    "level": "1, 2, 3, 4 or 5",
    "code": "1 to 10 digits or capital letters, in quotes",
    "cpu": "cores such as 2 or 0.5, or thousandths such as 500m",
    "memory": "such as 512Mi or 4Gi",
    "pods": "a whole number from 1 to 1000",
    "effective": "a date such as 2025-07-01",
}
Field = tuple[str | int, ...]


class AgencyFileError(FileError):
    """An agency file that cannot be used; ``mistakes`` lists all that is wrong with it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        super().__init__(mistakes, _HINT)


def load(path: Path) -> Agency:
    """Read and check one agency file. Raises AgencyFileError with every mistake found."""
    document = _Document(path)
    if document.mistakes:
        raise AgencyFileError(document.mistakes)
    try:
        agency = Agency.model_validate(document.content)
    except ValidationError as error:
        raise AgencyFileError(document.mistakes_of(error)) from None
    if mistakes := list(_across_fields(agency, document)):
        raise AgencyFileError(mistakes)
    return agency


class _Document:
    """A YAML file as plain values, with the line of every field."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Field, int] = {(): 1}
        self.mistakes: list[Mistake] = []
        self.content: Any = None
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise KitError(f"{path}: {error.strerror or error}", "give the path of an agency file") from error
        if len(raw) > _LARGEST:
            raise KitError(f"{path}: larger than {_LARGEST // 1024} KiB, so not an agency file", _HINT)
        try:
            text = raw.decode("utf-8")
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
                raise KitError(f"{path}: uses a YAML alias (*name)", "write the value out in each place")
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            raise KitError(f"{path}: not a text in UTF-8 (byte {error.start})", "save the file as UTF-8") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            line = mark.line + 1 if mark else 1
            problem = getattr(error, "problem", None) or "cannot be read"
            raise AgencyFileError([Mistake(path, line, "file", f"not YAML: {problem}")]) from error
        self.content = self._plain(root, ())
        if not isinstance(self.content, dict):
            self.mistakes = [Mistake(path, 1, "file", "holds no fields", "lines of the form 'field: value'")]

    def _plain(self, node: yaml.Node | None, field: Field) -> Any:
        """Turn a node into dicts, lists and texts. Numbers stay texts: YAML would read the code 00004 as 4."""
        if node is None:
            return None
        self.lines[field] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                place = (*field, key)
                if key in mapping:
                    self.mistakes.append(
                        Mistake(self.path, key_node.start_mark.line + 1, _dotted(place), "given twice", "once")
                    )
                mapping[key] = self._plain(value_node, place)
                self.lines[place] = key_node.start_mark.line + 1
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*field, index)) for index, child in enumerate(node.value)]
        return None if node.tag == "tag:yaml.org,2002:null" else node.value

    def line(self, field: Field) -> int:
        """Line of a field, or of the nearest one that holds it."""
        while field not in self.lines:
            field = field[:-1]
        return self.lines[field]

    def mistakes_of(self, error: ValidationError) -> list[Mistake]:
        """Say the findings of the model in words, in the order of the file."""
        details = error.errors()
        if len(details) > 1:  # a list whose items are wrong is also reported as empty
            details = [detail for detail in details if detail["type"] != "too_short"] or details
        return sorted((self._mistake(detail) for detail in details), key=lambda mistake: mistake.line)

    def _mistake(self, detail: ErrorDetails) -> Mistake:
        field, given = detail["loc"], detail["input"]
        last = next((part for part in reversed(field) if isinstance(part, str)), "file")
        allowed = _ALLOWED.get(last, "")
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
        return self.at(field, wrong, allowed)

    def at(self, field: Field, wrong: str, allowed: str = "") -> Mistake:
        """Make a mistake of a field, with its line."""
        return Mistake(self.path, self.line(field), _dotted(field), wrong, allowed)


def _across_fields(agency: Agency, document: _Document) -> Iterator[Mistake]:
    """Find what each field alone does not show."""
    names: set[str] = set()
    for index, system in enumerate(agency.systems):
        if system.name in names:
            yield document.at(("systems", index, "name"), f"{system.name!r} names another system too", "a name once")
        names.add(system.name)
        place: Field = ("systems", index, "level")
        if system.level > agency.level:
            yield document.at(place, f"{system.level} is above the agency's own level", f"1 to {agency.level}")
        elif not LEVELS[system.level].shares_cluster:
            wrong = f"a system of level {system.level} needs machines of its own, and this cluster is shared"
            yield document.at(place, wrong, "1, 2, 3 or 4")


def _dotted(field: Field) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in field)
    return text.removeprefix(".") or "file"
