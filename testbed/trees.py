"""Mounts, and removal of folders that may hold some."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import KitError, ProgramError
from core.programs import run

MOUNTS = Path("/proc/self/mountinfo")


def mounts_below(folder: Path) -> list[Path]:
    """Mount points at or below ``folder``, the deepest and latest first."""
    found = [_unescape(line.split(" ")[4]) for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    return [path for path in reversed([Path(point) for point in found]) if path.is_relative_to(folder)]


def unmount_below(folder: Path) -> None:
    """Unmount everything at or below ``folder``; a mount that is busy is taken out of the tree at once."""
    for point in mounts_below(folder):
        try:
            run(["umount", point])
        except ProgramError:
            run(["umount", "--lazy", point])


def remove_tree(folder: Path) -> None:
    """Unmount what is mounted below ``folder``, then remove it, never crossing into another file system."""
    if not folder.exists() and not folder.is_symlink():
        return
    unmount_below(folder)
    if left := mounts_below(folder):
        raise KitError(f"{left[0]} cannot be unmounted", "end the programs that use it, then try again")
    run(["rm", "-rf", "--one-file-system", folder])


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
