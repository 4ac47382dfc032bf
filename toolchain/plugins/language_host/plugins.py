"""How a plugin that is written in Python is started: a policy pack, or a provider in a folder of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from toolchain.plugins.language_host import environment
from toolchain.plugins.language_host.environment import PythonEnvironment
from toolchain.plugins.language_host.project import Project, ProjectError

VIRTUALENV = "venv"
"""Where a plugin's packages are installed that does not say; unlike a program it never runs in the machine's Python."""


def with_virtualenv(project: Project) -> Project:
    """Return a plugin's project with its virtual environment, where it names none."""
    return replace(project, virtualenv=VIRTUALENV) if project.tool == "pip" and not project.virtualenv else project


def command(project: Project, kind: str, arguments: Sequence[str]) -> tuple[PythonEnvironment, list[str]]:
    """Return the Python that runs a plugin, and what it runs.

    A policy pack serves itself, as does another plugin whose folder has a ``__main__.py``. The components of a package
    with a pyproject.toml are served by the SDK. A pack is not started by way of the SDK's ``pulumi.policy``, which
    loads all of the SDK for settings that the engine does not give in the environment any more.
    """
    found = environment.find(project if kind == "analyzer" else with_virtualenv(project))
    if kind == "analyzer" or (project.program / "__main__.py").exists():
        return found, [str(found.python), "-u", str(project.program), *arguments]
    name = _package(project.program / "pyproject.toml")
    return found, [str(found.python), "-u", "-m", "pulumi.run.plugin", name, *arguments]


def _package(file: Path) -> str:
    """Return the name of the package that a pyproject.toml builds."""
    try:
        described = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        described = {}
    name = described.get("project", {}).get("name")
    if not isinstance(name, str) or "build-backend" not in described.get("build-system", {}):
        raise ProjectError(
            f"the plugin in {file.parent} cannot be run: "
            "it has neither a __main__.py nor a pyproject.toml with a name and a build-backend"
        )
    return name
