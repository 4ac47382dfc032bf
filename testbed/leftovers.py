"""Everything on this machine that belongs to a testbed, found by its names and folders, not from memory."""

from __future__ import annotations

from dataclasses import dataclass

from testbed import cgroups, network, processes
from testbed.state import State
from testbed.trees import mounts_below


@dataclass(frozen=True)
class Leftover:
    """One thing of a testbed: its kind (process, mount, namespace, link, cgroup, folder) and which one."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.what}"


def find(name: str) -> list[Leftover]:
    """List what the testbed holds on this machine now; empty when it is down. Needs root to see everything."""
    state = State.of(name)
    found = [Leftover("process", f"{pid} ({processes.command(pid)})") for pid in sorted(processes.members(name))]
    found += [Leftover("mount", str(point)) for point in mounts_below(state.folder)]
    found += [Leftover("namespace", space) for space in network.namespaces(name)]
    found += [Leftover("link", link) for link in network.links(name)]
    found += [Leftover("cgroup", str(directory)) for directory in cgroups.directories(name)]
    found += [Leftover("folder", str(folder)) for folder in (state.folder, state.doomed) if folder.exists()]
    return found
