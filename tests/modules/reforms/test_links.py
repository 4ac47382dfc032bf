"""Reading links between old and new units: every mistake at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import KitError
from modules.mistakes import FileError
from modules.reforms import links
from modules.units import era, listing
from modules.units.tree import Tree

OLD = listing.parse(
    "code,name,level,parent_code\n01,Hà Nội,province,\n001,Quận A,district,01\n00001,Xã Một,commune,001\n",
    era.load("until-2025-06-30"),
    Path("old.csv"),
)
NEW = listing.parse(
    "code,name,level,parent_code\n01,Hà Nội,province,\n00001,Xã Hai,commune,01\n",
    era.load("from-2025-07-01"),
    Path("new.csv"),
)
HEAD = "old_code,old_name,new_code,new_name"


def load(folder: Path, text: str, old: Tree = OLD, new: Tree = NEW) -> list[links.Link]:
    file = folder / "reform.csv"
    file.write_text(text, encoding="utf-8")
    return links.load(file, old, new)


def test_links_are_read(tmp_path: Path) -> None:
    """A code names an old unit on the left and another one, of the new time, on the right."""
    (link,) = load(tmp_path, f"{HEAD},systems\n00001,Xã Một,00001,Xã Hai,one-stop documents\n")
    assert (str(link.old.key), str(link.new.key)) == ("00001.2004-07-08", "00001.2025-07-01")
    assert link.systems == ("one-stop", "documents")


def test_every_mistake_is_told_with_line_and_column(tmp_path: Path) -> None:
    """Unknown codes, names of other units and links given twice are found together."""
    good = "00001,Xã Một,00001,Xã Hai"
    text = f"{HEAD}\n{good}\n00009,Xã Một,00008,Xã Hai\n00001,Xã Hai,01,Hà Nội\n{good}\n"
    with pytest.raises(FileError) as caught:
        load(tmp_path, text)
    assert [(it.line, it.field) for it in caught.value.mistakes] == [
        (3, "old_code"),
        (3, "new_code"),
        (4, "old_name"),
        (5, "new_code"),
    ]


@pytest.mark.parametrize("text", ["", "a,b\n", "old_code,old_name,new_code\n"])
def test_file_without_the_columns_is_refused(tmp_path: Path, text: str) -> None:
    """The missing columns are named."""
    with pytest.raises(KitError, match="new_name: there is no such column"):
        load(tmp_path, text)


@pytest.mark.parametrize("row", ["00001", "00001,Xã Một,00001", ",,,", '"', "00001,Xã Một,00001,Xã Hai,x"])
def test_short_and_broken_rows_are_mistakes(tmp_path: Path, row: str) -> None:
    """A row that was cut off, or has too much, is told like any other mistake."""
    with pytest.raises(FileError) as caught:
        load(tmp_path, f"{HEAD}\n{row}\n")
    assert {it.line for it in caught.value.mistakes} <= {2, 3}
