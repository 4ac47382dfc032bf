"""What booting hosts needs of the machine, brought in where it is missing: Debian programs, kernel modules, a limit."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

from core.console import say
from core.debian import install
from core.errors import KitError, ProgramError
from core.programs import run

PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "sysctl": "procps",
    "mount": "mount",
}
"""Program -> the Debian package it comes in."""

MODULES = ("overlay", "veth", "bridge", "br_netfilter", "nf_tables", "nf_conntrack")
"""Hosts cannot load modules by themselves, and the kernel loads not all of these by itself when they are needed."""

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
INSTANCES_WANTED = 1024
"""A host with Kubernetes watches files in about 20 ways, and all hosts count as one user: 128 do for six at most."""


def missing() -> list[str]:
    """Give the packages to install, in alphabetical order."""
    return sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})


def ensure() -> None:
    """Install missing packages, load missing modules, raise the limit that hosts hit first.

    Raises KitError that says what could not be done.
    """
    if packages := missing():
        install(packages)
    now = int(INSTANCES.read_text(encoding="utf-8"))
    if now < INSTANCES_WANTED:
        say(f"raising fs.inotify.max_user_instances from {now} to {INSTANCES_WANTED} until this machine restarts")
        INSTANCES.write_text(str(INSTANCES_WANTED), encoding="utf-8")
    if Path("/lib/modules", platform.release()).is_dir():
        try:
            run(["modprobe", "--all", *MODULES])
        except ProgramError as error:
            raise KitError(
                f"kernel modules cannot be loaded: {error.message}", "run as root, on the machine"
            ) from error
