"""Objects out of manifests: YAML text, files, patterns and addresses, with where each object stands."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import urllib3
import yaml

_PATTERN: Final = re.compile(r"(?:^|[^\\])[*?\[]")
_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
INTEGER: Final = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]*|[1-9][0-9_]*)\Z")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
ONE_LETTER: Final = re.compile(r"[yYnN]\Z")
"""What old readers of YAML take for yes or no."""
_FETCH_SECONDS: Final = 30.0


class ManifestError(ValueError):
    """A manifest cannot be used; the message names the file, the document and the line."""


@dataclass(frozen=True)
class Manifest:
    """One object and where it was written, such as ``web.yaml, document 2 (line 14)``."""

    where: str
    obj: dict[str, Any]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads scalars as Kubernetes' own tools do.

    To them ``2024-01-01`` and ``22:22`` are texts, ``1e3`` is a number and ``=`` is nothing special.
    """

    yaml_implicit_resolvers: Final = {
        first: [
            (tag, pattern)
            for tag, pattern in known
            if tag.rpartition(":")[2] not in {"timestamp", "int", "float", "value"}
        ]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _integer(loader: Any, node: Any) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    sign, digits = (-1 if text.startswith("-") else 1), text.lstrip("+-")
    if re.fullmatch("0[0-7]+", digits):
        return sign * int(digits, 8)
    return sign * int(digits, 0)


_Loader.add_implicit_resolver("tag:yaml.org,2002:int", INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))


def decode(text: str, source: str) -> list[Manifest]:
    """Return the objects of a YAML or JSON text in their order, the items of lists in place of the lists.

    Empty documents are left out. Raises ManifestError for what is no YAML and for a document that is no object.
    """
    found: list[Manifest] = []
    loader = _Loader(text)
    number = 0
    try:
        while loader.check_node():
            number += 1
            node = loader.get_node()
            where = f"{source}, document {number} (line {node.start_mark.line + 1})"
            value = _json(loader.construct_document(node), where)
            if value is None or value == {}:
                continue
            if not isinstance(value, dict):
                raise ManifestError(f"{where}: is no object but a {type(value).__name__}")
            found.append(Manifest(where, value))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ManifestError(f"{source}, document {max(number, 1)}{line}: is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ManifestError(f"{source}: is no YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ManifestError(f"{source}, document {number}: refers to itself") from error
    finally:
        loader.dispose()
    return list(expand(found))


def expand(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Yield the items of lists in place of the lists; an item that does not say its kind has the one of its list."""
    for manifest in manifests:
        kind, items = manifest.obj.get("kind"), manifest.obj.get("items")
        if not (isinstance(kind, str) and kind.endswith("List") and isinstance(items, list)):
            yield manifest
            continue
        of_items = {"apiVersion": manifest.obj.get("apiVersion"), "kind": kind.removesuffix("List")}
        given = of_items if of_items["kind"] else {}
        for index, item in enumerate(items):
            where = f"{manifest.where}, items[{index}]"
            if not isinstance(item, dict):
                raise ManifestError(f"{where}: is no object but a {type(item).__name__}")
            yield from expand([Manifest(where, {**given, **item})])


def read(files: Iterable[str], *, patterns: bool, missed: list[str]) -> list[Manifest]:
    """Return the objects of files; ``patterns`` are expanded and those that match no file are added to ``missed``."""
    found: list[Manifest] = []
    for file in files:
        if _ADDRESS.match(file):
            found += decode(_fetched(file), file)
            continue
        paths = [file]
        if patterns and _PATTERN.search(file):
            paths = sorted(glob.glob(file, include_hidden=True))  # noqa: PTH207 - paths stay as they were written
            if not paths:
                missed.append(file)
        for path in paths:
            try:
                text = Path(path).read_text(encoding="utf-8")
            except OSError as error:
                raise ManifestError(f"manifest {path} cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise ManifestError(f"manifest {path} cannot be read: it is no UTF-8 text") from error
            found += decode(text, path)
    return found


def _fetched(address: str) -> str:
    try:
        answer = urllib3.request("GET", address, timeout=_FETCH_SECONDS, retries=2)
    except urllib3.exceptions.HTTPError as error:
        raise ManifestError(f"manifest {address} cannot be fetched: {type(error).__name__}") from error
    if answer.status >= 400:
        raise ManifestError(f"manifest {address} cannot be fetched: HTTP status {answer.status}")
    return str(answer.data.decode(errors="replace"))


def _json(value: Any, where: str) -> Any:
    """Return a value as JSON has it: every member's name a text."""
    match value:
        case dict():
            return {_name(key, where): _json(item, where) for key, item in value.items()}
        case list():
            return [_json(item, where) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            raise ManifestError(f"{where}: a {type(value).__name__} cannot stand in an object")


def _name(key: Any, where: str) -> str:
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
        case _:
            raise ManifestError(f"{where}: a member's name must be text")
