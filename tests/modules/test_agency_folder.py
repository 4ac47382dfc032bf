"""A folder of agency files: a tree, or every mistake in all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.errors import KitError
from core.paths import REPOSITORY
from modules import agency_folder
from modules.agency_file import AgencyFileError

EXAMPLES = REPOSITORY / "data" / "agencies"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in EXAMPLES.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("place", [EXAMPLES, EXAMPLES / "until-2025-06-30"])
def test_shipped_folders_are_trees(place: Path) -> None:
    """The examples form a tree in each era, with each agency under the one that its file names."""
    agencies = agency_folder.load(place)
    tree = agency_folder.tree_of(agencies)
    assert len(tree) == len(agencies) == len(list(place.glob("*.yaml")))
    for agency in agencies:
        assert tree[agency.key].slug == agency.slug
        assert [it.key for it in tree.ancestors(agency.key)][:1] == ([agency.parent] if agency.parent else [])


def test_mistakes_of_all_files_come_together(folder: Path) -> None:
    """One run shows what is wrong in every file, by file and line."""
    change(folder / "ba-dinh.yaml", "kind: commune", "kind: ward")
    change(folder / "quang-ninh.yaml", "level: 3", "level: 9")
    (folder / "co-to.yaml").write_bytes(b"\xff")
    with pytest.raises(AgencyFileError) as caught:
        agency_folder.load(folder)
    found = [(mistake.file.name, mistake.line, mistake.field) for mistake in caught.value.mistakes]
    assert found == [("ba-dinh.yaml", 5, "kind"), ("co-to.yaml", 1, "file"), ("quang-ninh.yaml", 10, "level")]


def test_agencies_that_form_no_tree_are_refused(folder: Path) -> None:
    """A key used twice, a unit above without a file and one of a wrong kind are named at their lines."""
    change(folder / "phu-quoc.yaml", 'code: "91"', 'code: "92"')
    change(folder / "ba-dinh.yaml", 'parent: {code: "01"', 'parent: {code: "06688"')
    change(folder / "co-to.yaml", 'code: "07192"', 'code: "06688"')
    with pytest.raises(AgencyFileError) as caught:
        agency_folder.load(folder)
    found = [(mistake.file.name, mistake.field, mistake.wrong) for mistake in caught.value.mistakes]
    assert found == [
        ("ba-dinh.yaml", "parent", "a commune does not stand under a commune (Ủy ban nhân dân đặc khu Cô Tô)"),
        ("ha-long.yaml", "code", "06688.2025-07-01 is another unit's key too (Ủy ban nhân dân đặc khu Cô Tô)"),
        ("phu-quoc.yaml", "parent", "there is no unit 92.2025-07-01"),
    ]


def test_no_folder_and_no_files(tmp_path: Path) -> None:
    """A path that leads nowhere and a folder without files are told apart."""
    with pytest.raises(KitError, match="not a folder"):
        agency_folder.load(tmp_path / "nowhere")
    with pytest.raises(KitError, match="holds no agency files"):
        agency_folder.load(tmp_path)
