"""What ``pulumi install`` runs for a Python project."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolchain.plugins.python_environment import PythonNotFoundError


def commands(root: Path, options: Mapping[str, Any]) -> list[list[str]]:
    """Return the commands that make and fill the project's virtual environment, in order.

    Raises PythonNotFoundError if the tool that the project names is not installed.
    """
    tool = str(options.get("toolchain") or "pip").lower()
    if tool in {"uv", "poetry"}:
        program = shutil.which(tool)
        if program is None:
            raise PythonNotFoundError(f"this project is installed with {tool}, which is not on PATH")
        return [[program, "sync"] if tool == "uv" else [program, "install", "--no-root"]]
    named = str(options.get("virtualenv") or "")
    result = []
    python = sys.executable
    if named:
        folder = root / Path(named).expanduser()
        if not (folder / "bin" / "python").exists():
            result.append([python, "-m", "venv", str(folder)])
        python = str(folder / "bin" / "python")
    if (root / "requirements.txt").exists():
        result.append([python, "-m", "pip", "install", "--disable-pip-version-check", "-r", "requirements.txt"])
    elif (root / "pyproject.toml").exists():
        result.append([python, "-m", "pip", "install", "--disable-pip-version-check", "-e", "."])
    return result
