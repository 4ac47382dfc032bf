"""Adding generated packages to a project: ``pulumi package add``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.files import write_atomic
from toolchain.plugins.language_host import environment
from toolchain.plugins.language_host.install import Command
from toolchain.plugins.language_host.project import Project, ProjectError


def commands(project: Project, paths: Sequence[str], base: Mapping[str, str] = os.environ) -> list[Command]:
    """Return what makes the project depend on the packages in these folders; installing them comes afterwards.

    A pip project's requirements.txt is written here and now.
    """
    match project.tool:
        case "uv":
            return [Command([environment.program_of("uv", base), "add", "--no-sync", "--no-workspace", *paths])]
        case "poetry":
            return [Command([environment.program_of("poetry", base), "add", "--lock", "--no-ansi", *paths])]
        case _:
            _require(project.root / "requirements.txt", paths)
            return []


def _require(file: Path, paths: Sequence[str]) -> None:
    """Add the paths to a requirements.txt, each once."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"{file} cannot be read: {error.strerror}; the package is added to it") from error
    lines = text.splitlines()
    lines += [path for path in paths if path not in {line.strip() for line in lines}]
    write_atomic(file, "\n".join(lines) + "\n", mode=file.stat().st_mode & 0o777)


def instructions(project: Project, paths: Sequence[str]) -> str:
    """Return how a program imports the packages in these folders."""
    modules = sorted(file.parent.name for path in paths for file in (project.root / path).glob("*/pulumi-plugin.json"))
    imports = "".join(f"  import {module} as {_short(module)}\n" for module in modules)
    return f"The program can import it:\n\n{imports}" if modules else ""


def _short(module: str) -> str:
    return re.sub(r"^pulumi_", "", module)
