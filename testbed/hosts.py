"""The testbed's hosts as a whole: up, down, status. Each may be called again at any time, and heals what it finds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from core.console import progress, say
from core.errors import KitError
from core.files import write_atomic
from testbed import base, boot, cgroups, clients, inventory, keys, leftovers, network, prerequisites, processes
from testbed.state import State, check_owner, claim, locked, owner, release
from testbed.topology import PlacedHost, Topology, dump, load
from testbed.trees import remove_tree, unmount_below


@dataclass(frozen=True)
class HostStatus:
    """How a host is doing. ``memory`` is in bytes; ``boot`` names this boot and changes with the next one."""

    name: str
    cluster: str
    role: str
    ipv4: str
    ipv6: str
    running: bool
    answers: bool
    boot: str
    memory: int | None


def up(topology: Topology, media: Path) -> None:
    """Bring every host of the topology up and leave those alone that are; ``media`` appears at /srv/govcloud.

    Returns when all answer over SSH and the inventory is written. A host that was killed boots again on its own disk.
    The machine is one that passed `testbed.checks.require`. Raises KitError when something else uses the names or the
    backbone's prefixes.
    """
    if not media.is_dir():
        raise KitError(f"installation media {media}: no such folder", "make it with 'govcloud toolchain build'")
    prerequisites.ensure()
    name = topology.name
    with locked(name):
        _check_names(topology)
        state = State.of(name)
        _check_applied(topology, state)
        claim(name)
        remove_tree(state.doomed)
        state.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(state.topology, dump(topology))
        keys.ensure(state, topology)
        roots = {host.name: base.ensure(base.packages(topology, host)) for host in topology.placed()}
        wanted = {host.name for host in topology.placed()}
        for host_name in sorted(set(state.host_names()) - wanted):  # what is half removed comes first
            say(f"host {host_name} is no longer in the topology: removing it")
            boot.stop(name, host_name)
            folder = state.host(host_name).folder
            remove_tree(folder.rename(folder.with_name(f".removing-{host_name.removeprefix('.removing-')}")))
        network.ensure_backbone(topology)
        clients.ensure(topology)
        _heal_all(topology, roots, media.resolve())
        inventory.write(topology, state)


def down(name: str) -> None:
    """End the testbed and remove all of it, whatever state it is in; nothing happens when there is none.

    Raises KitError, naming it, when something is left after all.
    """
    with locked(name):
        check_owner(name)
        state = State.of(name)
        if owner(name) is None and not state.folder.exists() and not state.doomed.exists():
            return
        processes.end(name)
        for host_name in state.host_names():
            boot.stop(name, host_name)
        remove_tree(state.doomed)
        unmount_below(state.folder)
        if state.folder.exists():
            state.folder.rename(state.doomed)
            remove_tree(state.doomed)
        for space in network.namespaces(name):
            network.remove_namespace(space)
        for link in network.links(name):
            network.remove_link(link)
        cgroups.retire(name)
        left = _wait_gone(name)
        if left:
            raise KitError(f"testbed {name}: this is left: {', '.join(map(str, left))}", "run down again")
        release(name)


def status(name: str) -> list[HostStatus]:
    """Look at every host of a testbed that was brought up; KitError when there is none of that name."""
    topology = applied(name)
    state = State.of(name)

    def look(host: PlacedHost) -> HostStatus:
        folder = state.host(host.name)
        running = boot.running(folder)
        pid, started = boot.identity(folder) or (0, 0)
        return HostStatus(
            name=host.name,
            cluster=host.cluster,
            role=host.role.value,
            ipv4=str(host.ipv4),
            ipv6=str(host.ipv6),
            running=running,
            answers=running and boot.answers(topology, host),
            boot=f"{pid}:{started}" if running else "",
            memory=cgroups.memory(name, host.name) if running else None,
        )

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(look, topology.placed()))


def applied(name: str) -> Topology:
    """Return the topology that a testbed was brought up with."""
    check_owner(name)
    state = State.of(name)
    if not state.topology.is_file():
        raise KitError(f"testbed {name} is not up", "bring it up with 'govcloud testbed up'")
    return load(state.topology)


def _check_names(topology: Topology) -> None:
    name = topology.name
    check_owner(name)
    if owner(name) is None and not State.of(name).folder.exists() and (found := network.strangers(name)):
        raise KitError(
            f"testbed {name}: {found[0]} exists on this machine and is not ours",
            "remove it, or take another name in the topology",
        )
    if found := network.conflicts(topology):
        raise KitError("\n".join(found), "take other prefixes for the backbone in the topology")


def _check_applied(topology: Topology, state: State) -> None:
    """Refuse a change that running hosts cannot follow; hosts and clusters may be added or removed."""
    try:
        before = load(state.topology)
    except KitError:
        return
    old = {host.name: host for host in before.placed()}
    old_ranges = {cluster.name: (cluster.pods, cluster.services) for cluster in before.clusters}
    changed = ["backbone"] if before.backbone != topology.backbone else []
    changed += [f"host {host.name}" for host in topology.placed() if old.get(host.name, host) != host]
    changed += [
        f"cluster {cluster.name}"
        for cluster in topology.clusters
        if old_ranges.get(cluster.name, (cluster.pods, cluster.services)) != (cluster.pods, cluster.services)
    ]
    if changed:
        raise KitError(
            f"testbed {topology.name} is up with other addresses or roles: {', '.join(changed)}",
            "take it down first, or give this topology another name",
        )


def _heal_all(topology: Topology, roots: Mapping[str, Path], media: Path) -> None:
    hosts = topology.placed()
    with progress() as display, ThreadPoolExecutor(max_workers=4) as pool:
        task = display.add_task("hosts", total=len(hosts))

        def heal(host: PlacedHost) -> KitError | None:
            try:
                _heal(topology, host, roots[host.name], media, say)
            except KitError as error:
                return error
            finally:
                display.advance(task)
            return None

        errors = [error for error in pool.map(heal, hosts) if error is not None]
    if errors:
        raise errors[0]


def _heal(topology: Topology, host: PlacedHost, root: Path, media: Path, tell: Callable[[str], None]) -> None:
    folder = State.of(topology.name).host(host.name)
    same_media = folder.media.is_file() and folder.media.read_text(encoding="utf-8") == f"{media.parent}\n"
    if boot.running(folder) and same_media:
        network.ensure_host(topology, host)
        if boot.answers(topology, host):
            boot.write_settings(topology, host, media)
            return
    verb = "booting" if not folder.record.exists() else "booting again"
    begun = time.monotonic()
    boot.stop(topology.name, host.name)
    write_atomic(folder.media, f"{media.parent}\n")
    boot.start(topology, host, root, media)
    boot.wait(topology, host)
    tell(f"{verb} {host.name}: answers at {host.ipv4} and {host.ipv6} after {time.monotonic() - begun:.1f} s")


def _wait_gone(name: str, deadline: float = 10) -> list[leftovers.Leftover]:
    """Give the kernel a moment to take down what it takes down by itself, as the links of a namespace."""
    until = time.monotonic() + deadline
    while (left := leftovers.find(name)) and time.monotonic() < until:
        time.sleep(0.1)
    return left
