"""What a person sees: messages and progress go to standard error, results to standard output."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

stderr = Console(stderr=True, highlight=False)
stdout = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
"""A file or a pipe has no width: tables get one in which nothing is cut."""


def progress(*, left: bool = False) -> Progress:
    """Return a progress display with a bar, a count and the time, for use as a context manager.

    ``left`` adds the time that the rest will take, as far as it can be told.
    """
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        *([TimeRemainingColumn(), TextColumn("left")] if left else []),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


def say(message: str) -> None:
    """Tell the person one thing, without markup."""
    stderr.print(message, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON for another program, with a stable order of keys."""
    stdout.out(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str), highlight=False)
