"""Debian's packages: installed on this machine, or fetched for a root of their own from this machine's mirrors."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from core.console import say
from core.errors import KitError, ProgramError
from core.programs import run

APT = Path("/etc/apt")
_NO_MIRROR = re.compile(r"\s*(#|deb cdrom:|deb-src\b|$)")


def install(packages: Sequence[str]) -> None:
    """Install packages with apt-get, telling the person; KitError when that cannot be done."""
    names = " ".join(packages)
    if os.geteuid() != 0:
        raise KitError(f"this machine lacks {names}", f"as root: apt-get install {names}")
    say(f"installing from Debian: {names}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(["apt-get", "update", "-qq"], env=environment, timeout=600)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=environment, timeout=1200)
    except ProgramError as error:
        raise KitError(f"{names} cannot be installed: {error.message}", f"try: apt-get install {names}") from error


def mirrors(suite: str, folder: Path = APT) -> str:
    """Return this machine's own sources of the suite, as mmdebstrap reads them; '' where it has none."""
    for source in (folder / "sources.list.d" / "debian.sources", folder / "sources.list"):
        text = source.read_text(encoding="utf-8") if source.is_file() else ""
        lines = [line for line in text.splitlines() if not _NO_MIRROR.match(line)]
        if any(suite in line for line in lines):
            return text if source.suffix == ".sources" else "\n".join(lines) + "\n"
    return ""


def proxies() -> list[str]:
    """Return this machine's own proxies of apt, as mmdebstrap's options."""
    settings = run(["apt-config", "dump", "--format", '%f "%v";%n', "Acquire"]).stdout.splitlines()
    return [f"--aptopt={line}" for line in settings if re.match(r"Acquire::https?::Proxy\S* \"[^\"]", line)]
