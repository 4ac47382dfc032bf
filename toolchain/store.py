"""Folders in the cache that are whole or absent.

A folder is made in a private temporary folder beside its place, sealed and renamed as a whole at the end. The seal
records size, time, inode and SHA-256 of every file, so that a later look costs one `stat` a file, and content is read
again only where that differs. Who makes a folder holds a lock; another process waits and then finds it made.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.console import say
from core.errors import KitError
from core.files import sha256, write_atomic

SEAL = ".seal.json"

Make = Callable[[Path], None]


def provide(parent: Path, name: str, digest: str, make: Make) -> Path:
    """Return the folder ``parent/name-digest``; where it is missing or damaged, have ``make`` fill it first."""
    target = place(parent, name, digest)
    if damage(target) is None:
        return target
    parent.mkdir(parents=True, exist_ok=True)
    with _lock(parent / f".{name}.lock", name):
        problem = damage(target)
        if problem is None:
            return target
        _sweep(parent, name)
        temporary = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".tmp", dir=parent))
        try:
            if target.exists():
                say(f"The cache of {name} is damaged ({problem}); making it anew")
                target.rename(temporary / "damaged")
                shutil.rmtree(temporary / "damaged")
            make(temporary)
            temporary.chmod(0o755)
            seal(temporary)
            temporary.rename(target)
        except OSError as error:
            raise KitError(f"cannot make {name} in {parent}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return target


def place(parent: Path, name: str, digest: str) -> Path:
    """Where the folder is, or would be."""
    return parent / f"{name}-{digest}"


def damage(folder: Path, *, thorough: bool = False) -> str | None:
    """Say what is wrong with a folder, or None when it is as it was made; ``thorough`` reads every file."""
    if not folder.is_dir():
        return "missing"
    try:
        sealed: dict[str, dict[str, Any]] = json.loads((folder / SEAL).read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return "its seal cannot be read"
    found = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    if differing := sorted(found.keys() ^ sealed.keys()):
        return f"{differing[0]} is {'missing' if differing[0] in sealed else 'not part of it'}"
    touched = False
    for name, path in found.items():
        fast = _fingerprint(path)
        unchanged = all(sealed[name].get(key) == value for key, value in fast.items())
        if unchanged and not thorough:
            continue
        if fast["size"] != sealed[name].get("size") or _content(path) != sealed[name].get("sha256"):
            return f"{name} does not have the content it was made with"
        touched = touched or not unchanged
    if touched:
        with suppress(OSError):  # a folder that was copied or restored: the content is right, only the times are new
            seal(folder)
    return None


def seal(folder: Path) -> None:
    """Record what is in a folder."""
    files = {
        path.relative_to(folder).as_posix(): _fingerprint(path) | {"sha256": _content(path)} for path in _files(folder)
    }
    write_atomic(folder / SEAL, json.dumps({"schema": 1, "files": files}, indent=1, sort_keys=True))


def sealed_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a sealed folder, by relative path."""
    files: dict[str, dict[str, str]] = json.loads((folder / SEAL).read_text())["files"]
    return {name: entry["sha256"] for name, entry in files.items()}


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Hold a folder that several processes may use at once, so that `empty` leaves it alone."""
    folder.mkdir(parents=True, exist_ok=True)
    with _lock_file(folder).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def empty(folder: Path) -> bool:
    """Remove what is in a folder, unless a process has it `in_use`; tell if it was removed."""
    if not folder.exists():
        return False
    with _lock_file(folder).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


@contextmanager
def _lock(path: Path, name: str) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Another process is making {name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _sweep(parent: Path, name: str) -> None:
    """Remove what processes that are no more have left: whoever holds the lock is the only one at work."""
    for stale in parent.glob(f".{name}.*.tmp"):
        shutil.rmtree(stale, ignore_errors=True)


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        for name in names:
            if not name.startswith((SEAL, f".{SEAL}")):
                yield Path(where, name)


def _fingerprint(path: Path) -> dict[str, int]:
    found = path.lstat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "inode": found.st_ino}


def _content(path: Path) -> str:
    return f"link {path.readlink()}" if path.is_symlink() else sha256(path)
