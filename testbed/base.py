"""The Debian root that all hosts stand on: made once from packages, kept in the cache, never written to again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from pathlib import Path

from filelock import FileLock

from core.console import say
from core.debian import mirrors, proxies
from core.errors import KitError, ProgramError
from core.files import write_atomic
from core.paths import REPOSITORY, cache_dir
from core.programs import run
from testbed.topology import PlacedHost, Role, Topology
from testbed.trees import remove_tree

SUITE = "bookworm"
PACKAGES = (
    # a Debian host that is managed over SSH
    *(
        "systemd",
        "systemd-sysv",
        "dbus",
        "openssh-server",
        "python3",
        "python3-apt",
        "procps",
        "less",
        "ca-certificates",
    ),
    # what a node needs before any of its programs arrive
    *("conntrack", "curl", "ethtool", "iproute2", "iptables", "iputils-ping", "kmod", "mount", "nftables", "runc"),
    *("socat", "util-linux"),
)
"""Of every host."""
MORE_PACKAGES = {
    Role.CONTROL_PLANE: ("python3-boto3",),
    Role.SERVICES: ("openssl", "python3-boto3", "haproxy", "nginx", "ldnsutils", "openjdk-17-jre-headless"),
}
"""Of hosts in a cluster that has a host of services, by role: what the playbooks ask of them beside."""
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dev-hugepages.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "getty.target",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-sysctl.service",  # would write settings of the whole machine
)
SSHD = "PasswordAuthentication no\nPermitRootLogin prohibit-password\nUseDNS no\n"
JOURNAL = "[Journal]\nSystemMaxUse=64M\n"
FILES = REPOSITORY / "testbed" / "files"


def packages(topology: Topology, host: PlacedHost) -> tuple[str, ...]:
    """Give the Debian packages that a host starts with."""
    return PACKAGES + (MORE_PACKAGES.get(host.role, ()) if host.cluster in topology.served else ())


def digest(wanted: tuple[str, ...] = PACKAGES) -> str:
    """Return the name of the base root: it changes with everything that decides the root's content."""
    texts = [path.read_text(encoding="utf-8") for path in (Path(__file__), *sorted(FILES.iterdir()))]
    return hashlib.sha256(json.dumps([platform.machine(), wanted, *texts]).encode()).hexdigest()[:16]


def ensure(wanted: tuple[str, ...] = PACKAGES) -> Path:
    """Return the base root with these packages, making it first where it is missing or damaged.

    Needs root and Debian's packages.

    Raises KitError when it is damaged while hosts run on it.
    """
    folder = cache_dir() / "base"
    target = folder / digest(wanted)
    if is_whole(target):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if is_whole(target):
            return target
        _discard(target)
        for stale in folder.glob(".making-*"):
            remove_tree(stale)
        temporary = folder / f".making-{target.name}"
        say("making the base root of the hosts from Debian packages (about a minute, once)")
        try:
            _bootstrap(temporary, wanted)
            _configure(temporary)
            write_atomic(_seal(target), census(temporary))
        except BaseException:
            remove_tree(temporary)
            raise
        temporary.rename(target)
    return target


def is_whole(root: Path) -> bool:
    """Tell whether a base root still has every file in the size that it was made with."""
    return root.is_dir() and _seal(root).is_file() and _seal(root).read_text(encoding="utf-8") == census(root)


def census(root: Path) -> str:
    """Digest of the names and sizes of all that is in a folder; content is not read."""
    found: list[str] = []
    folders = [str(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                name = entry.path.removeprefix(str(root))
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    found.append(name)
                else:
                    found.append(f"{name} {entry.stat(follow_symlinks=False).st_size}")
    return hashlib.sha256("\n".join(sorted(found)).encode(errors="surrogateescape")).hexdigest()


def _seal(root: Path) -> Path:
    return root.with_name(f"{root.name}.seal")


def _discard(root: Path) -> None:
    if not root.exists():
        return
    if f"lowerdir={root}," in Path("/proc/self/mounts").read_text(encoding="utf-8"):
        raise KitError(
            f"base root {root}: files are missing or changed, and hosts run on it",
            "take the testbeds down, then up again: it is made anew",
        )
    say(f"base root {root.name} is damaged: making it anew")
    remove_tree(root)


def _bootstrap(root: Path, wanted: tuple[str, ...]) -> None:
    include, sources = ",".join(wanted), mirrors(SUITE)
    # should this command be killed, the kernel ends mmdebstrap and all that it started, and its mounts go with it
    within = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    words = [*within, "mmdebstrap", "--mode=root", "--variant=minbase", f"--include={include}"]
    try:
        run([*words, *proxies(), SUITE, root, *(["-"] if sources else [])], stdin=sources, timeout=1800)
    except ProgramError as error:
        raise KitError(
            f"the base root of the hosts cannot be made: {error.message}",
            "check that this machine can install Debian packages ('apt-get update')",
        ) from error


def _configure(root: Path) -> None:
    for key in (root / "etc" / "ssh").glob("ssh_host_*"):
        key.unlink()
    units = root / "etc" / "systemd" / "system"
    for unit in MASKED:
        (units / unit).symlink_to("/dev/null")
    _write(root / "etc/ssh/sshd_config.d/testbed.conf", SSHD)
    _write(root / "etc/systemd/journald.conf.d/testbed.conf", JOURNAL)
    _write(root / "etc/machine-id", "")
    for mount_point in ("srv/.media", "var/lib/containerd"):
        (root / mount_point).mkdir(parents=True, exist_ok=True)
    shutil.copy(FILES / "prepare-host.service", units)
    wants = units / "sysinit.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "prepare-host.service").symlink_to("../prepare-host.service")
    program = root / "usr/local/sbin/prepare-host"
    shutil.copy(FILES / "prepare-host", program)
    program.chmod(0o755)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
