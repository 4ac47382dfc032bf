"""Where the kit keeps things outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
"""The checkout that this code runs from."""


def cache_dir() -> Path:
    """Folder of what can be made again: programs, images, base roots. ``GOVCLOUD_CACHE`` overrides it."""
    if override := os.environ.get("GOVCLOUD_CACHE"):
        return Path(override)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "govcloud"


def state_dir() -> Path:
    """Folder of what belongs to running clouds: hosts, keys, Pulumi state. ``GOVCLOUD_STATE`` overrides it."""
    return Path(os.environ.get("GOVCLOUD_STATE") or "/var/lib/govcloud")
