"""Names that a testbed gives to things of the whole machine. All start with ``gvc-`` and its own name."""

from __future__ import annotations

from pathlib import Path

NETNS_FOLDER = Path("/run/netns")


def testbed(name: str) -> str:
    """Name of the testbed's backbone namespace, its link to the machine and its cgroup (12 characters at most)."""
    return f"gvc-{name}"


def host(name: str, host_name: str) -> str:
    """Name of a host's network namespace and of its machine."""
    return f"gvc-{name}-{host_name}"


def is_ours(name: str, found: str) -> bool:
    """Tell whether a namespace or machine called ``found`` carries the name of testbed ``name``."""
    return found == testbed(name) or found.startswith(f"{testbed(name)}-")
