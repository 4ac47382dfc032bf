"""Which Python runs a project, and what is installed for it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class PythonNotFoundError(Exception):
    """The project's Python cannot be found; the message says which file to mend."""


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
        root = self.virtualenv or self.python.resolve().parent.parent
        return sorted(root.glob("lib/python3*/site-packages"))


def find(root: Path, options: Mapping[str, Any], base: Mapping[str, str] = os.environ) -> PythonEnvironment:
    """Find the Python of the project in ``root`` from the runtime options of its Pulumi.yaml.

    ``virtualenv`` is a path relative to the project; uv and poetry projects keep theirs in ``.venv`` unless it says
    otherwise; a project that names none runs with PULUMI_PYTHON_CMD or the Python on PATH.
    """
    named = str(options.get("virtualenv") or "")
    tool = str(options.get("toolchain") or "pip").lower()
    if tool not in {"pip", "uv", "poetry"}:
        raise PythonNotFoundError(f"runtime option 'toolchain' must be pip, uv or poetry, not {tool!r}")
    if not named and tool in {"uv", "poetry"}:
        named = ".venv"
    if named:
        folder = (root / Path(named).expanduser()).absolute()
        python = folder / "bin" / "python"
        if not python.exists():
            raise PythonNotFoundError(
                f"the virtual environment {folder} does not exist or has no bin/python; run 'pulumi install', "
                f"or mend runtime option 'virtualenv' of the project in {root}"
            )
        return PythonEnvironment(python, folder)
    for command in (base.get("PULUMI_PYTHON_CMD"), "python3", "python"):
        if command and (path := shutil.which(command, path=base.get("PATH"))):
            return PythonEnvironment(Path(path), None)
    raise PythonNotFoundError("no python3 on PATH; name a virtual environment with runtime option 'virtualenv'")


def pulumi_packages(environment: PythonEnvironment) -> Iterator[dict[str, Any]]:
    """Yield the pulumi-plugin.json of each installed package that needs a resource plugin."""
    for folder in environment.site_packages():
        for file in sorted(folder.glob("*/pulumi-plugin.json")):
            try:
                described = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(described, dict) and described.get("resource"):
                described.setdefault("name", file.parent.name.removeprefix("pulumi_").replace("_", "-"))
                yield described


def distributions(environment: PythonEnvironment) -> Iterator[tuple[str, str]]:
    """Yield name and version of each installed distribution."""
    for folder in environment.site_packages():
        for info in sorted(folder.glob("*.dist-info")):
            name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
            yield name, version
