"""The ledger as a file: read whole and checked, changed by one process at a time, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from core.errors import KitError
from core.files import write_atomic
from core.paths import state_dir
from modules.addresses.ledger import Ledger
from modules.addresses.prefixes import Prefixes

_PATIENCE: Final = 60
"""Seconds to wait for another process: reserving for the whole country takes a few."""


def default_path() -> Path:
    """Return where the ledger is kept; ``GOVCLOUD_LEDGER`` overrides it."""
    return Path(os.environ.get("GOVCLOUD_LEDGER") or state_dir() / "addresses.jsonl")


def read(path: Path, prefixes: Prefixes) -> Ledger:
    """Read and check a ledger; one that does not exist yet is empty. Raises KitError naming the line that is wrong."""
    return _replay(path, _text(path), prefixes)


@contextmanager
def changing(path: Path, prefixes: Prefixes) -> Iterator[Ledger]:
    """Give the ledger to be changed, no other process being at it; what was added is written at the end.

    When the block raises, the file stays as it was. Raises KitError when another process keeps it for a minute.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=_PATIENCE):
            text = _text(path)
            ledger = _replay(path, text, prefixes)
            yield ledger
            if ledger.added:
                write_atomic(path, text + "".join(f"{entry.line()}\n" for entry in ledger.added))
    except Timeout:
        raise KitError(
            f"{path}: another process is changing it for over a minute", "wait for that one to end"
        ) from None
    except OSError as error:
        raise KitError(f"{path}: cannot be written: {error.strerror or error}", "see who may write there") from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise KitError(f"{path}: cannot be read: {error.strerror or error}", "give the path of a ledger") from error
    except UnicodeDecodeError as error:
        raise KitError(f"{path}: not a text in UTF-8 (byte {error.start})", "restore its last good version") from error


def _replay(path: Path, text: str, prefixes: Prefixes) -> Ledger:
    if text and not text.endswith("\n"):
        raise KitError(f"{path}: its last line is cut off", "restore its last good version")
    return Ledger(prefixes, text.split("\n")[:-1], str(path))
