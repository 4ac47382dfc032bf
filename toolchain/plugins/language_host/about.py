"""What ``pulumi about`` tells of a project's Python."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from typing import Any

from toolchain.plugins.language_host import environment
from toolchain.plugins.language_host.environment import PythonEnvironment
from toolchain.plugins.language_host.project import Project


def describe(project: Project, found: PythonEnvironment) -> dict[str, Any]:
    """Return the interpreter, its version, and the tools that the project is installed and checked with."""
    return {
        "executable": str(found.python),
        "version": _python(found),
        "metadata": {
            "toolchain": project.tool.capitalize(),
            "toolchainVersion": _tool(project, found),
            "typechecker": project.typechecker.capitalize() or "None",
        },
    }


def _python(found: PythonEnvironment) -> str:
    """Return the interpreter's version; that of a virtual environment stands in a file, which is faster to read."""
    if found.virtualenv is not None:
        with suppress(OSError):
            settings = (found.virtualenv / "pyvenv.cfg").read_text(encoding="utf-8")
            if number := re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", settings, re.MULTILINE):
                return number[1]
    return _said([str(found.python)])


def _tool(project: Project, found: PythonEnvironment) -> str:
    """Return the version of pip, as it is installed beside the project's packages, or of uv or poetry."""
    if project.tool != "pip":
        return _said([environment.program_of(project.tool)])
    folders = [str(folder) for folder in found.site_packages()]
    return next((pip.version for pip in metadata.distributions(name="pip", path=folders)), "")


def _said(program: Sequence[str]) -> str:
    """Return the first number that a program tells as its version; empty where it tells none."""
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    number = re.search(r"\d+(?:\.\d+)+\S*", done.stdout)
    return number[0].rstrip(")") if number else ""
