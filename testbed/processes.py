"""Processes of a testbed, found by where they are: its control groups and its network namespaces."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from core.errors import KitError
from testbed import cgroups, names

PROC = Path("/proc")


def started(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None when it is gone or only waits to be collected."""
    try:
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


def namespaces(name: str, host: str = "") -> dict[tuple[int, int], str]:
    """(device, inode) -> name of the network namespaces of the testbed, or of one host."""
    found: dict[tuple[int, int], str] = {}
    if names.NETNS_FOLDER.is_dir():
        for path in names.NETNS_FOLDER.iterdir():
            if path.name == names.host(name, host) if host else names.is_ours(name, path.name):
                with suppress(OSError):
                    found[_identity(path)] = path.name
    found.pop(_identity(PROC / "self" / "ns" / "net"), None)
    return found


def in_namespaces(identities: Collection[tuple[int, int]]) -> set[int]:
    """Find the processes whose network namespace is one of these."""
    found = set()
    for path in PROC.iterdir():
        if identities and path.name.isdigit():
            with suppress(OSError):
                if _identity(path / "ns" / "net") in identities:
                    found.add(int(path.name))
    return found


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def members(name: str, host: str = "") -> set[int]:
    """Find the processes of the testbed, or of one host, that still run."""
    found = in_namespaces(namespaces(name, host))
    for directory in cgroups.directories(name, host):
        found.update(cgroups.processes(directory))
    return {pid for pid in found if started(pid) is not None} - {os.getpid()}


def end(name: str, host: str = "", *, deadline: float = 20) -> None:
    """End every process of the testbed, or of one host. A host is ended as by a power cut: its disk is kept apart."""
    until = time.monotonic() + deadline
    while pids := members(name, host):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > until:
            raise KitError(
                f"testbed {name}: process {min(pids)} ({command(min(pids))}) does not end",
                "look at its state in /proc, then try again",
            )
        time.sleep(0.05)


def command(pid: int) -> str:
    """Short name of a process, '?' when it is gone."""
    try:
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8").strip()
    except OSError:
        return "?"
