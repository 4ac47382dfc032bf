"""Reaching the hosts: over SSH, with the testbed's own key, and only when a host shows the key it was given."""

from __future__ import annotations

import subprocess
from pathlib import Path

from core.programs import run as run_program
from testbed.state import State
from testbed.topology import load


def arguments(state: Path, host: str, *, connect_timeout: int = 10) -> list[str]:
    """Return the words that open a shell on ``host`` of the testbed in ``state``, or run a command added to them."""
    found = State(state)
    placed = load(found.topology).host(host)
    options = {
        "IdentityFile": str(found.key),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": str(found.known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "HostKeyAlgorithms": "ssh-ed25519",
        "ConnectTimeout": str(connect_timeout),
        "LogLevel": "ERROR",
    }
    words = ["ssh", "-F", "/dev/null"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return [*words, f"root@{placed.ipv4}"]


def run(
    state: Path, host: str, command: str, *, timeout: float = 60, connect_timeout: int = 10
) -> subprocess.CompletedProcess[str]:
    """Run a command line in the host's own shell and return its outcome, whatever its code.

    Code 255 is SSH's own: the host could not be reached.
    """
    words = arguments(state, host, connect_timeout=connect_timeout)
    return run_program([*words, "-o", "BatchMode=yes", "--", command], timeout=timeout, check=False)
