"""One host: its disk, its boot, and the signs that it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

from core.console import say
from core.errors import KitError
from core.files import write_atomic
from core.programs import run
from testbed import cgroups, names, network, processes, ssh
from testbed.keys import public_key
from testbed.state import HostState, State
from testbed.topology import PlacedHost, Topology
from testbed.trees import mounts_below, unmount_below

LAUNCHER = Path(__file__).with_name("launch.py")
NSPAWN = Path("/run/systemd/nspawn")
STARTING = 10.0
"""Seconds within which a host's supervisor is on record, on a busy machine too."""
SYSTEM_CALLS = "add_key keyctl bpf perf_event_open"
"""What container runtimes and kubelet use beyond the calls that a container is allowed."""


def running(host: HostState) -> bool:
    """Tell whether the process on record still supervises the host, and the host's first process lives."""
    record = identity(host)
    if record is None or not _supervised(host):
        return False
    children = processes.PROC / str(record[0]) / "task" / str(record[0]) / "children"
    try:
        return bool(children.read_text(encoding="utf-8").split())
    except OSError:
        return False


def identity(host: HostState) -> tuple[int, int] | None:
    """Process id and start time of the host's supervisor as recorded; they name this boot of the host."""
    try:
        record = json.loads(host.record.read_text(encoding="utf-8"))
        return int(record["pid"]), int(record["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _supervised(host: HostState) -> bool:
    record = identity(host)
    return record is not None and processes.started(record[0]) == record[1]


def stop(topology_name: str, host_name: str) -> None:
    """End the host and clear away all that it holds on the machine, except its disk."""
    host = State.of(topology_name).host(host_name)
    processes.end(topology_name, host_name)
    _forget(names.host(topology_name, host_name), host.root)
    unmount_below(host.folder)
    network.remove_namespace(names.host(topology_name, host_name))
    for directory in cgroups.directories(topology_name, host_name):
        cgroups.remove(directory)
    host.record.unlink(missing_ok=True)


def _forget(label: str, root: Path) -> None:
    """Remove what a killed systemd-nspawn leaves: a folder with the machine's name, a lock with its root's number."""
    shutil.rmtree(NSPAWN / "propagate" / label, ignore_errors=True)
    if mounts_below(root):
        status = root.stat()
        (NSPAWN / "locks" / f"inode-{status.st_dev}:{status.st_ino}").unlink(missing_ok=True)


def start(topology: Topology, placed: PlacedHost, base: Path, media: Path) -> None:
    """Boot a stopped host on its own disk; returns when its first process is on its way."""
    state = State.of(topology.name)
    host = state.host(placed.name)
    network.ensure_host(topology, placed)
    _mount_disk(host, base, names.host(topology.name, placed.name))
    write_settings(topology, placed, media)
    joins = cgroups.create(topology.name, placed.name)
    words = _nspawn(topology, placed, host, media)
    parent = 0 if cgroups.systemd_runs() else os.getpid()
    launcher = [
        sys.executable,
        "-I",
        str(LAUNCHER),
        str(parent),
        str(host.record),
        str(host.console),
        *map(str, joins),
        "--",
        *words,
    ]
    environment = os.environ | {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
    if cgroups.systemd_runs():
        run(_as_service(topology.name, placed.name, launcher))
        return
    subprocess.Popen(
        launcher,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
        cwd="/",
    )


def wait(topology: Topology, placed: PlacedHost, *, deadline: float = 90) -> None:
    """Wait until the host answers over SSH; KitError with its last words when it ends or takes longer."""
    state = State.of(topology.name)
    host = state.host(placed.name)
    begun = time.monotonic()
    while time.monotonic() < begun + deadline:
        if ssh.run(state.folder, placed.name, "true", connect_timeout=2).returncode == 0:
            return
        if not _supervised(host) and (identity(host) is not None or time.monotonic() > begun + STARTING):
            break
        time.sleep(0.2)
    verb = f"does not answer over SSH after {deadline:.0f} s" if running(host) else "ended while it booted"
    raise KitError(f"host {placed.name} {verb}: {_last_words(host)}", f"read {host.console}")


def _last_words(host: HostState) -> str:
    """Return the line of the console that most likely says what went wrong."""
    text = host.console.read_text(encoding="utf-8", errors="replace") if host.console.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    complaints = [line for line in lines if "fail" in line.lower() and "removing directory" not in line.lower()]
    return (complaints or lines or ["it printed nothing"])[-1]


def answers(topology: Topology, placed: PlacedHost) -> bool:
    """Tell whether a host runs, is joined to the backbone, and answers over SSH."""
    state = State.of(topology.name)
    return (
        running(state.host(placed.name))
        and network.host_whole(topology, placed)
        and ssh.run(state.folder, placed.name, "true", connect_timeout=20).returncode == 0
    )


def write_settings(topology: Topology, placed: PlacedHost, media: Path) -> None:
    """Write the files that make this disk this host, through its mounted root; harmless while it runs."""
    state = State.of(topology.name)
    host = state.host(placed.name)
    root = host.root
    write_atomic(root / "etc/hostname", f"{placed.name}\n")
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    for other in topology.placed():
        lines += [f"{other.ipv4} {other.name}", f"{other.ipv6} {other.name}"]
    write_atomic(root / "etc/hosts", "\n".join(lines) + "\n")
    write_atomic(root / "etc/resolv.conf", "# This host has no way out, and no name server.\n")
    if not (root / "etc/machine-id").read_text(encoding="utf-8").strip():
        write_atomic(root / "etc/machine-id", f"{uuid.uuid4().hex}\n", mode=0o444)
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    write_atomic(root / "root/.ssh/authorized_keys", public_key(state.key) + "\n", mode=0o600)
    write_atomic(root / "etc/ssh/ssh_host_ed25519_key", host.key.read_bytes(), mode=0o600)
    link = root / "srv/govcloud"
    if not link.is_symlink() or str(link.readlink()) != f".media/{media.name}":
        temporary = root / "srv/.govcloud.new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(f".media/{media.name}")
        temporary.replace(link)


def _mount_disk(host: HostState, base: Path, label: str) -> None:
    used = Path(host.base.read_text(encoding="utf-8").strip()) if host.base.is_file() else base
    if used != base and not used.is_dir():
        say(
            f"{label}: the base root under its disk is gone, and a disk is nothing without: it starts with an empty one"
        )
        for part in (host.upper, host.work, host.containerd):
            run(["rm", "-rf", "--one-file-system", part])
        used = base
    write_atomic(host.base, f"{used}\n")
    for folder in (host.upper, host.work, host.root, host.containerd):
        folder.mkdir(parents=True, exist_ok=True)
    if not mounts_below(host.root):
        options = f"lowerdir={used},upperdir={host.upper},workdir={host.work}"
        run(["mount", "-t", "overlay", label, "-o", options, host.root])


def _nspawn(topology: Topology, placed: PlacedHost, host: HostState, media: Path) -> list[str]:
    label = names.host(topology.name, placed.name)
    return [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        f"--directory={host.root}",
        f"--machine={label}",
        f"--hostname={placed.name}",
        "--register=no",
        "--keep-unit",
        f"--network-namespace-path={names.NETNS_FOLDER / label}",
        "--capability=all",
        f"--system-call-filter={SYSTEM_CALLS}",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        f"--bind={host.containerd}:/var/lib/containerd",
        f"--bind-ro={media.parent}:/srv/.media",
    ]


def _as_service(name: str, host: str, launcher: list[str]) -> list[str]:
    properties = ["Delegate=yes", "KillMode=mixed", "TasksMax=infinity"]
    return [
        "systemd-run",
        "--quiet",
        "--collect",
        f"--unit={cgroups.unit(name, host)}",
        f"--slice={cgroups.slice_of(name)}",
        "--setenv=SYSTEMD_NSPAWN_API_VFS_WRITABLE=network",
        *(f"--property={value}" for value in properties),
        *launcher,
    ]
