"""Reading units from a CSV file: a whole tree, or every mistake at once with its line and column."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import KitError
from modules.mistakes import FileError, Mistake
from modules.model import Date, Title
from modules.units import names
from modules.units.era import Era
from modules.units.key import UnitKey
from modules.units.tree import Tree, Unit, findings

_HINT = "the era's file in data/eras names the columns and says which kinds stand under which"
_TITLE: TypeAdapter[str] = TypeAdapter(Title)
_DATE: TypeAdapter[Any] = TypeAdapter(Date)
Row = Mapping[str, str]


def load(path: Path, era: Era) -> Tree:
    """Read a list of units in CSV (UTF-8, a line of column names first) as a tree of this era.

    Raises FileError with every mistake found, KitError for what is no such file at all.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise KitError(f"{path}: {error.strerror or error}", "give the path of a CSV file of units") from error
    except UnicodeDecodeError as error:
        raise KitError(f"{path}: not a text in UTF-8 (byte {error.start})", "save the file as UTF-8") from error
    return parse(text, era, path)


def parse(text: str, era: Era, path: Path) -> Tree:
    """Read the text of such a file; ``path`` is named in mistakes. Raises FileError with every mistake found."""
    listing = _Listing(era, path)
    rows = list(listing.rows(text))
    for line, row in rows:
        listing.read_key(line, row)
    for line, row in rows:
        listing.read_unit(line, row)
    for it in findings(listing.units, era):
        line = listing.lines[it.index]
        if (line, it.field) not in listing.explained:
            listing.wrong(line, it.field, it.wrong, it.allowed)
    if listing.mistakes:
        raise FileError(listing.mistakes, _HINT)
    return Tree.of(listing.units, era)


@dataclass
class _Listing:
    """What is known of a file while it is read."""

    era: Era
    path: Path
    mistakes: list[Mistake] = field(default_factory=list)
    explained: set[tuple[int, str]] = field(default_factory=set)
    """Lines and fields of which no second mistake is to be told."""
    keys: dict[int, UnitKey] = field(default_factory=dict)
    """Key of the unit of each line whose key can be read."""
    by_code: defaultdict[str, list[UnitKey | None]] = field(default_factory=lambda: defaultdict(list))
    """Keys that have a code; None where the key cannot be read."""
    units: list[Unit] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def wrong(self, line: int, name: str, wrong: str, allowed: str = "") -> None:
        """Add a mistake; ``name`` is a field of Columns."""
        column = getattr(self.era.columns, name, None) or name
        self.mistakes.append(Mistake(self.path, line, column, wrong, allowed))
        self.explained.add((line, name))

    def rows(self, text: str) -> Iterator[tuple[int, Row]]:
        """Give the number of each line that holds a unit, and its values by the column's name in Columns."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            head = [name.strip() for name in next(reader, [])]
            if places := self._places(head):
                for values in reader:
                    if len(values) == len(head):
                        yield reader.line_num, {name: values[place].strip() for name, place in places.items()}
                    elif values:
                        self.wrong(reader.line_num, "row", f"holds {len(values)} values", f"{len(head)} values")
        except csv.Error as error:
            self.wrong(reader.line_num, "row", f"cannot be read: {error}", "values apart by commas, in straight quotes")

    def _places(self, head: Sequence[str]) -> dict[str, int]:
        """Find the columns; none where one of them is not there."""
        columns = {name: column for name, column in self.era.columns.model_dump().items() if column}
        for name, column in columns.items():
            if head.count(column) != 1:
                wrong = "this column is given twice" if column in head else "there is no such column"
                self.wrong(1, name, wrong, ", ".join(columns.values()))
        return {} if self.mistakes else {name: head.index(column) for name, column in columns.items()}

    def read_key(self, line: int, row: Row) -> None:
        """Read what identifies the unit of a line."""
        code, key = row["code"], None
        try:
            effective = _DATE.validate_python(row.get("effective", self.era.effective))
        except ValidationError:
            self.wrong(line, "effective", f"{row['effective']!r} is no date", "a date such as 2025-07-01")
        else:
            try:
                key = UnitKey(code=code, effective=effective)
            except ValidationError:
                self.wrong(line, "code", f"{code!r} cannot be used" if code else "is empty", self._codes(row["kind"]))
        rule = self.era.rules.get(row["kind"])
        if key and rule and rule.digits and not (code.isdigit() and len(code) == rule.digits):
            self.wrong(line, "code", f"{code!r} is no code of a {rule.kind}", self._codes(rule.kind))
        self.by_code[code].append(key)
        if key:
            self.keys[line] = key

    def read_unit(self, line: int, row: Row) -> None:
        """Read the rest of a unit, once all keys are known."""
        if (key := self.keys.get(line)) is None:
            return
        texts = {name: self._text(line, name, row[name]) for name in ("name", "english") if row.get(name)}
        if not row["name"]:
            self.wrong(line, "name", "is empty", "the unit's name")
        rule = self.era.rules.get(row["kind"])
        name = texts.get("name", "")
        short = names.short_name(name, rule.words if rule else ())
        self.units.append(Unit(key, name, row["kind"], short, self._parent(line, row["parent"]), texts.get("english")))
        self.lines.append(line)

    def _text(self, line: int, name: str, value: str) -> str:
        try:
            return _TITLE.validate_python(value)
        except ValidationError as error:
            self.wrong(line, name, error.errors()[0]["msg"], "one line of 200 characters at most")
            return value

    def _parent(self, line: int, code: str) -> UnitKey | None:
        if not code:
            return None
        found = self.by_code.get(code, [])
        if len(found) == 1 and found[0]:
            return found[0]
        if not found:
            self.wrong(line, "parent", f"no unit has the code {code!r}", "the code of a unit in this file")
        elif None not in found and len(set(found)) > 1:
            dates = " and ".join(str(it.effective) for it in found if it)
            self.wrong(line, "parent", f"the code {code!r} is that of two units, of {dates}", "a code given once")
        self.explained.add((line, "parent"))  # what is wrong with the unit above is told at its own line
        return next((it for it in found if it), None)

    def _codes(self, kind: str) -> str:
        rule = self.era.rules.get(kind)
        return f"{rule.digits} digits" if rule and rule.digits else "1 to 10 digits or capital letters"
