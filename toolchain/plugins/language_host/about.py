"""What ``pulumi about`` tells of a project's Python."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from typing import Any

from toolchain.plugins.language_host import environment
from toolchain.plugins.language_host.environment import PythonEnvironment
from toolchain.plugins.language_host.project import Project


def describe(project: Project, found: PythonEnvironment) -> dict[str, Any]:
    """Return the interpreter, its version, and the tools that the project is installed and checked with."""
    python = str(found.python)
    tool = [python, "-m", "pip"] if project.tool == "pip" else [environment.program_of(project.tool)]
    return {
        "executable": python,
        "version": _version([python]),
        "metadata": {
            "toolchain": project.tool.capitalize(),
            "toolchainVersion": _version(tool),
            "typechecker": project.typechecker.capitalize() or "None",
        },
    }


def _version(program: Sequence[str]) -> str:
    """Return the first number that a program tells as its version; empty where it tells none."""
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    number = re.search(r"\d+(?:\.\d+)+\S*", done.stdout)
    return number[0].rstrip(")") if number else ""
