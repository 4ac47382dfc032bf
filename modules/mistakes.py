"""What is wrong with a file that a person wrote: all of it at once, with lines, fields and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import KitError


@dataclass(frozen=True)
class Mistake:
    """One thing to mend in a file."""

    file: Path
    line: int
    field: str
    wrong: str
    allowed: str = ""

    @property
    def said(self) -> str:
        """What is wrong and what is allowed, without the place."""
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        return f"{self.field}: {self.wrong}{allowed}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.said}"


class FileError(KitError):
    """Files that cannot be used; ``mistakes`` lists all that is wrong with them, by file and line."""

    def __init__(self, mistakes: Iterable[Mistake], hint: str) -> None:
        self.mistakes = sorted(mistakes, key=lambda mistake: (mistake.file, mistake.line))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes), hint)
