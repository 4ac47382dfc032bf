"""Reading the audit log across its rotations, and telling whose an event is.

The API server writes JSON objects into ``audit.log``, one a line; a full file is renamed to ``audit-TIME.log``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CURRENT = "audit.log"
ROTATED = "audit-*.log"
BATCH = 4 * 2**20
"""Octets of log that are shipped at once, at most, unless one event is longer."""
ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True)
class Span:
    """A part of a log file: its inode number and the offsets where the part starts and ends."""

    inode: int
    start: int
    end: int


def files(folder: Path) -> list[Path]:
    """List the log's files from the oldest to the one that is being written."""
    return [*sorted(folder.glob(ROTATED)), *folder.glob(CURRENT)]


def following(folder: Path, last: Span | None) -> tuple[Span, bytes] | None:
    """Return the part of the log that follows ``last``, in whole lines, or None where there is nothing new.

    Without ``last``, or when its file is gone, the oldest file that is there begins.
    """
    names = {path.stat().st_ino: path for path in files(folder)}  # before reading: a file with a successor is complete
    order = list(names)
    if last is not None and last.inode in names and names[last.inode].stat().st_size >= last.end:
        order = order[order.index(last.inode) :]
    else:
        last = None
    for inode in order:
        start = last.end if last is not None and last.inode == inode else 0
        if content := lines_from(names[inode], inode, start):
            return Span(inode, start, start + len(content)), content
    return None


def lines_from(path: Path, inode: int, start: int, most: int = BATCH) -> bytes:
    """Read whole lines of a file; nothing when it was rotated away since it was listed."""
    with path.open("rb") as file:
        if path.stat().st_ino != inode:
            return b""
        file.seek(start)
        content = file.read(most)
        if b"\n" not in content:
            content += file.readline()
    return content[: content.rfind(b"\n") + 1]


def again(folder: Path, span: Span) -> bytes:
    """Read a part once more; nothing where its file is gone."""
    for path in files(folder):
        if path.stat().st_ino == span.inode:
            with path.open("rb") as file:
                file.seek(span.start)
                return file.read(span.end - span.start)
    return b""


def by_bucket(content: bytes, tenants: Mapping[str, Sequence[str]], platform: str) -> dict[str, bytes]:
    """Sort lines into buckets: each into the platform's, and into that of the tenant whose it is.

    ``tenants`` holds the namespaces of each tenant's bucket.
    """
    buckets = {namespace: bucket for bucket, namespaces in tenants.items() for namespace in namespaces}
    sorted_lines: dict[str, list[bytes]] = {}
    for line in content.splitlines(keepends=True):
        sorted_lines.setdefault(platform, []).append(line)
        if (bucket := buckets.get(namespace_of(line))) is not None:
            sorted_lines.setdefault(bucket, []).append(line)
    return {bucket: b"".join(lines) for bucket, lines in sorted_lines.items()}


def namespace_of(line: bytes) -> str:
    """Return the namespace that an event happened in; for what lies in none, that of the account that acted; or ''."""
    try:
        event: Any = json.loads(line)
        place = (event.get("objectRef") or {}).get("namespace") or ""
        user = str((event.get("user") or {}).get("username") or "")
    except (ValueError, AttributeError):
        return ""
    if not place and user.startswith(ACCOUNT):
        place = user.removeprefix(ACCOUNT).partition(":")[0]
    return str(place)
