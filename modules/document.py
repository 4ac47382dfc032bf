"""A YAML file as plain values, with the line of every field."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from core.errors import KitError
from modules.mistakes import Mistake

LARGEST: Final = 256 * 1024
"""Size of the largest file that is read, in bytes."""
_DEEPEST = 20
# libyaml is ten times as fast; thousands of files are read at once
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"

Field = tuple[str | int, ...]
"""A place in a file: names of fields and numbers in lists, from the outermost on."""


def dotted(field: Field) -> str:
    """Write a place as people read it: ``systems[0].level``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in field)
    return text.removeprefix(".") or "file"


class Document:
    """The content of one file. Numbers stay texts: YAML would read the code 00004 as 4."""

    def __init__(self, path: Path, hint: str) -> None:
        """Read a file. Raises KitError, with ``hint``, for what cannot be read at all; other mistakes are kept."""
        self.path = path
        self.mistakes: list[Mistake] = []
        self.content: Any = None
        self._lines: dict[Field, int] = {(): 1}
        text = _text(path, hint)
        if (root := self._compose(text, hint)) is not None or not self.mistakes:
            self.content = self._plain(root, ())
            if not isinstance(self.content, dict):
                self.mistakes.append(Mistake(path, 1, "file", "holds no fields", "lines of the form 'field: value'"))

    def line(self, field: Field) -> int:
        """Line of a field, or of the nearest one that holds it."""
        while field not in self._lines:
            field = field[:-1]
        return self._lines[field]

    def at(self, field: Field, wrong: str, allowed: str = "") -> Mistake:
        """Make a mistake of a field, with its line."""
        return Mistake(self.path, self.line(field), dotted(field), wrong, allowed)

    def _compose(self, text: str, hint: str) -> yaml.Node | None:
        try:
            _check_events(text, self.path, hint)
            return yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
            self.mistakes.append(Mistake(self.path, mark.line + 1 if mark else 1, "file", f"not YAML: {problem}"))
            return None

    def _plain(self, node: yaml.Node | None, field: Field) -> Any:
        """Turn a node into dicts, lists and texts."""
        if node is None:
            return None
        self._lines[field] = node.start_mark.line + 1
        if not node.tag.startswith(_STANDARD):
            self.mistakes.append(self.at(field, f"{node.tag!r} has no meaning here", "a value without a tag (!name)"))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, field)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*field, index)) for index, child in enumerate(node.value)]
        return None if node.tag == f"{_STANDARD}null" else node.value

    def _mapping(self, node: yaml.MappingNode, field: Field) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(Mistake(self.path, line, dotted(field), "the name of a field is a list or a map"))
                continue
            place = (*field, key_node.value)
            if key_node.value in mapping:
                self.mistakes.append(Mistake(self.path, line, dotted(place), "given twice", "once"))
            mapping[key_node.value] = self._plain(value_node, place)
            self._lines[place] = line
        return mapping


def _text(path: Path, hint: str) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise KitError(f"{path}: {error.strerror or error}", "give the path of a file that can be read") from error
    if len(raw) > LARGEST:
        raise KitError(f"{path}: larger than {LARGEST // 1024} KiB, so not a file that a person wrote", hint)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KitError(f"{path}: not a text in UTF-8 (byte {error.start})", "save the file as UTF-8") from error


def _check_events(text: str, path: Path, hint: str) -> None:
    """Refuse what would make a small file large or deep, before it is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise KitError(f"{path}: uses a YAML alias (*name)", "write the value out in each place")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            mark = event.start_mark
            raise KitError(f"{path}:{mark.line + 1 if mark else 1}: too many things inside each other", hint)
