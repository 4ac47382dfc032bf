"""Reading which old units went into which new ones: every mistake at once, with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.errors import KitError
from modules.mistakes import FileError, Mistake
from modules.model import composed
from modules.units.tree import Tree, Unit

_COLUMNS: Final = ("old_code", "old_name", "new_code", "new_name")
_HINT: Final = "columns: old_code, old_name, new_code, new_name; for divided units also systems, names apart by spaces"


@dataclass(frozen=True, slots=True)
class Link:
    """One old unit went, wholly or in part, into a new one."""

    old: Unit
    new: Unit
    systems: tuple[str, ...] = ()
    """Systems of the old unit that go to just this new one, where it was divided."""


def load(path: Path, old: Tree, new: Tree) -> list[Link]:
    """Read a list of links in CSV. Raises FileError with every mistake, KitError for what is no such file at all."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise KitError(f"{path}: {error.strerror or error}", "give the path of a CSV file of links") from error
    except UnicodeDecodeError as error:
        raise KitError(f"{path}: not a text in UTF-8 (byte {error.start})", "save the file as UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if missing := [column for column in _COLUMNS if column not in (reader.fieldnames or ())]:
        raise FileError([Mistake(path, 1, ", ".join(missing), "there is no such column")], _HINT)
    sides = {"old": _by_code(old), "new": _by_code(new)}
    links: dict[tuple[str, str], Link] = {}
    mistakes: list[Mistake] = []
    for row in reader:
        found = list(_wrong(row, sides, links))
        mistakes += [Mistake(path, reader.line_num, column, wrong) for column, wrong in found]
        if not found:
            pair = sides["old"][row["old_code"]], sides["new"][row["new_code"]]
            links[row["old_code"], row["new_code"]] = Link(*pair, tuple((row.get("systems") or "").split()))
    if mistakes:
        raise FileError(mistakes, _HINT)
    return list(links.values())


def _by_code(tree: Tree) -> Mapping[str, Unit]:
    return {unit.key.code: unit for unit in tree}


def _wrong(
    row: Mapping[Any, Any], sides: Mapping[str, Mapping[str, Unit]], links: Mapping[tuple[str, str], Link]
) -> Iterator[tuple[str, str]]:
    """Find what is wrong with a row: its columns, and what."""
    if None in row or any(row[column] is None for column in _COLUMNS):
        yield "row", "holds too many values" if None in row else "is cut off"
        return
    for side, units in sides.items():
        code, name = row[f"{side}_code"], row[f"{side}_name"]
        if code not in units:
            yield f"{side}_code", f"no {side} unit has the code {code!r}"
        elif units[code].name != composed(name.strip()):
            yield f"{side}_name", f"{name!r} is not the name of {code}, which is {units[code].name!r}"
    if (row["old_code"], row["new_code"]) in links:
        yield "new_code", f"{row['old_code']} into {row['new_code']} is given twice"
