"""Reading a folder of agency files: every mistake in all of them at once, those of the tree they form included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import KitError
from modules import agency_file
from modules.agency import Agency
from modules.agency_file import AgencyFileError
from modules.document import Document
from modules.mistakes import Mistake
from modules.units import era, tree


def files(folder: Path) -> list[Path]:
    """Return the agency files right in a folder, by name. Raises KitError where there are none."""
    if not folder.is_dir():
        raise KitError(f"{folder}: not a folder", "give the path of a folder of agency files")
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise KitError(f"{folder}: holds no agency files", "their names end with .yaml")
    return found


def load(folder: Path) -> list[Agency]:
    """Read all agency files of a folder, by name of the file.

    Raises AgencyFileError with every mistake in them; once each file is good by itself, also with what keeps the
    agencies from forming a tree: two files with one key, a unit above that has no file or is of a wrong kind.
    """
    read: list[tuple[Agency, Document]] = []
    mistakes: list[Mistake] = []
    for file in files(folder):
        try:
            read.append(agency_file.read(file))
        except AgencyFileError as error:
            mistakes += error.mistakes
        except KitError as error:
            mistakes.append(Mistake(file, 1, "file", error.message.removeprefix(f"{file}: "), error.hint))
    if mistakes := mistakes or _tree_mistakes(read):
        raise AgencyFileError(mistakes)
    return [agency for agency, _ in read]


def tree_of(agencies: Sequence[Agency]) -> tree.Tree:
    """Return the tree that agencies form, in the era of the latest of them. Raises KitError where they form none."""
    return tree.Tree.of([agency.unit for agency in agencies], _era(agencies))


def _tree_mistakes(read: Sequence[tuple[Agency, Document]]) -> list[Mistake]:
    agencies = [agency for agency, _ in read]
    found = tree.findings([agency.unit for agency in agencies], _era(agencies))
    return [read[it.index][1].at((it.field,), it.wrong, it.allowed) for it in found]


def _era(agencies: Sequence[Agency]) -> era.Era:
    return era.in_force(max(agency.effective for agency in agencies))
