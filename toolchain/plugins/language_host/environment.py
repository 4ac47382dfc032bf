"""Which Python runs a project."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.plugins.language_host.project import Project, ProjectError, above


@dataclass(frozen=True)
class PythonEnvironment:
    """A Python interpreter with the packages of one project."""

    python: Path
    virtualenv: Path | None

    def variables(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return ``base`` as an activated virtual environment would have it."""
        result = dict(base)
        if self.virtualenv is not None:
            result["VIRTUAL_ENV"] = str(self.virtualenv)
            result["PATH"] = f"{self.virtualenv / 'bin'}{os.pathsep}{base.get('PATH', os.defpath)}"
            result.pop("PYTHONHOME", None)
        return result

    def site_packages(self) -> list[Path]:
        """Folders with this environment's installed packages."""
        if self.virtualenv is not None:
            return sorted(self.virtualenv.glob("lib/python3*/site-packages"))
        asked = "import site, sys; print(*site.getsitepackages(), site.getusersitepackages(), sep='\\n')"
        done = subprocess.run([self.python, "-c", asked], capture_output=True, text=True, timeout=30, check=False)
        return [folder for folder in map(Path, done.stdout.splitlines()) if folder.is_dir()]


def find(project: Project, base: Mapping[str, str] = os.environ) -> PythonEnvironment:
    """Return the Python of a project: that of its virtual environment, or of the machine where it names none.

    Raises ProjectError where it is not there.
    """
    folder = virtualenv(project, base)
    if folder is None:
        return PythonEnvironment(ambient(base), None)
    if not is_virtualenv(folder):
        raise ProjectError(
            f"the virtual environment {folder} does not exist or has no bin/python; run 'pulumi install', "
            f"or mend runtime option 'virtualenv' of the project in {project.root}"
        )
    return PythonEnvironment(folder / "bin" / "python", folder)


def virtualenv(project: Project, base: Mapping[str, str] = os.environ) -> Path | None:
    """Return where the project's virtual environment is or would be; None for a pip project that names none.

    uv keeps it in ``.venv`` beside its lock file or pyproject.toml. poetry is asked, unless there is a ``.venv``.
    """
    match project.tool:
        case "poetry":
            return _poetrys(project, base)
        case "uv" if not project.virtualenv:
            home = above(project.program, "uv.lock") or above(project.program, "pyproject.toml") or project.program
            return home / ".venv"
        case _:
            if not project.virtualenv:
                return None
            return Path(os.path.normpath(project.root / Path(project.virtualenv).expanduser()))


def is_virtualenv(folder: Path) -> bool:
    """Tell if a folder holds a Python."""
    return (folder / "bin" / "python").is_file()


def ambient(base: Mapping[str, str] = os.environ) -> Path:
    """Return the machine's Python: PULUMI_PYTHON_CMD, else python3 or python on PATH."""
    named = base.get("PULUMI_PYTHON_CMD")
    for command in [named] if named else ["python3", "python"]:
        if path := shutil.which(command, path=base.get("PATH")):
            return Path(path)
    raise ProjectError(
        f"PULUMI_PYTHON_CMD names {named}, which is not on PATH"
        if named
        else "no python3 on PATH; name a virtual environment with runtime option 'virtualenv'"
    )


def program_of(tool: str, base: Mapping[str, str] = os.environ) -> str:
    """Return the path of uv or poetry."""
    path = shutil.which(tool, path=base.get("PATH"))
    if path is None:
        raise ProjectError(f"this project is installed with {tool}, which is not on PATH")
    return path


_poetrys_answers: dict[Path, Path] = {}
"""The virtual environment of each folder that poetry was asked for: it takes a second to answer."""


def _poetrys(project: Project, base: Mapping[str, str]) -> Path:
    home = above(project.program, "pyproject.toml") or project.program
    beside = home / ".venv"
    if is_virtualenv(beside):
        return beside
    known = _poetrys_answers.get(home)
    if known is None or not is_virtualenv(known):
        asked = [program_of("poetry", base), "env", "info", "--path", "--no-ansi"]
        done = subprocess.run(
            asked, cwd=project.program, env=dict(base), capture_output=True, text=True, timeout=60, check=False
        )
        known = _poetrys_answers[home] = Path(done.stdout.strip() or beside)
    return known
