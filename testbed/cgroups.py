"""A directory of its own for every host in the machine's control groups, version 1 or 2."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.errors import KitError
from core.programs import run
from testbed import names

ROOT = Path("/sys/fs/cgroup")
SYSTEMD = Path("/run/systemd/system")
"""Exists where systemd is process 1 (sd_booted); it then owns the tree and hands a part of it to each host."""
CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
"""What Kubernetes needs."""


def systemd_runs() -> bool:
    """Tell whether systemd manages this machine."""
    return SYSTEMD.is_dir()


def unified() -> bool:
    """Tell whether this machine has cgroup version 2 alone."""
    return (ROOT / "cgroup.controllers").is_file()


def hierarchies() -> list[Path]:
    """Mount points of the cgroup file systems: one in version 2, one for each controller in version 1."""
    if unified():
        return [ROOT]
    return sorted(path for path in ROOT.iterdir() if not path.is_symlink() and (path / "cgroup.procs").is_file())


def available() -> set[str]:
    """Return the controllers that this machine offers."""
    if unified():
        return set((ROOT / "cgroup.controllers").read_text(encoding="utf-8").split())
    return {name for path in ROOT.iterdir() if (path / "cgroup.procs").is_file() for name in path.name.split(",")}


def create(name: str, host: str) -> list[Path]:
    """Make the host's directories and return those that its first process must join.

    Where systemd runs, it makes the host's group itself (in version 2 there is then nothing to join).
    """
    if unified() and systemd_runs():
        return []
    ours = [h for h in hierarchies() if not (systemd_runs() and h.name in ("systemd", "unified"))]
    made: list[Path] = []
    for hierarchy in ours:
        parent = hierarchy / names.testbed(name)
        for directory in (parent, parent / host):
            directory.mkdir(exist_ok=True)
            if unified():
                _delegate(directory.parent)
            elif (directory / "cpuset.cpus").is_file():
                for setting in ("cpuset.cpus", "cpuset.mems"):  # a new cpuset is empty and takes no process
                    value = (directory.parent / setting).read_text(encoding="utf-8")
                    (directory / setting).write_text(value, encoding="utf-8")
        made.append(parent / host)
    return made


def _delegate(directory: Path) -> None:
    wanted = set((directory / "cgroup.controllers").read_text(encoding="utf-8").split())
    enabled = set((directory / "cgroup.subtree_control").read_text(encoding="utf-8").split())
    for controller in sorted(wanted - enabled):
        try:
            (directory / "cgroup.subtree_control").write_text(f"+{controller}", encoding="utf-8")
        except OSError as error:
            if controller in CONTROLLERS:
                raise KitError(
                    f"cgroup controller {controller} cannot be handed down from {directory}: {error.strerror}",
                    "run on the machine itself, not inside a container",
                ) from error


def directories(name: str, host: str = "") -> list[Path]:
    """Every directory of the testbed, or of one of its hosts, that exists in any hierarchy."""
    found: list[Path] = []
    for hierarchy in hierarchies():
        own, by_systemd = hierarchy / names.testbed(name), hierarchy / slice_of(name)
        paths = (own / host, by_systemd / unit(name, host)) if host else (own, by_systemd)
        found += [path for path in paths if path.is_dir()]
    return found


def slice_of(name: str) -> str:
    """Name of the systemd slice that holds the testbed's hosts ('-' would nest it in another)."""
    return f"gvc_{name}.slice"


def unit(name: str, host: str) -> str:
    """Name of the systemd service that holds a host, where systemd runs."""
    return f"{names.host(name, host)}.service"


def processes(directory: Path) -> Iterator[int]:
    """Yield the processes in a directory and in all below it; directories may vanish meanwhile."""
    for folder, _, _ in os.walk(directory):
        with suppress(OSError):
            yield from (int(pid) for pid in Path(folder, "cgroup.procs").read_text(encoding="utf-8").split())


def remove(directory: Path) -> None:
    """Remove a directory and all below it; its processes must have ended."""
    for folder, _, _ in os.walk(directory, topdown=False):
        _rmdir(Path(folder))


def retire(name: str) -> None:
    """Remove all that is left of the testbed's groups; its processes must have ended."""
    if systemd_runs():
        run(["systemctl", "stop", slice_of(name)], check=False)
    for directory in directories(name):
        remove(directory)


def _rmdir(path: Path, deadline: float = 5) -> None:
    """Remove a group; while the kernel still reaps the last of its processes it is busy, for up to ``deadline`` s."""
    until = time.monotonic() + deadline
    while True:
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise KitError(f"control group {path} cannot be removed: {error.strerror}", "run down again") from error
            time.sleep(0.05)
        else:
            return


def memory(name: str, host: str) -> int | None:
    """Bytes of memory that a host needs: all that is charged to it, less files it has not read lately.

    None when nothing counts them.
    """
    for directory in directories(name, host):
        for used, inactive in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
            if (directory / used).is_file():
                pairs = (line.split() for line in (directory / "memory.stat").read_text(encoding="utf-8").splitlines())
                charged = int((directory / used).read_text(encoding="utf-8"))
                return max(0, charged - int(dict(pairs).get(inactive, 0)))
    return None
