"""What installs a project: ``pulumi install``, ``pulumi new``, and a run that finds no virtual environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from toolchain.plugins.language_host import environment
from toolchain.plugins.language_host.project import Project, ProjectError, above

_NOT_A_REQUIREMENT = ("-", ".", "/")
"""How lines of a requirements.txt begin that are options or paths."""


@dataclass(frozen=True)
class Command:
    """A program to run in the project's folder, with what it needs in its environment beside this process's."""

    words: list[str]
    variables: Mapping[str, str] = field(default_factory=dict)


def commands(project: Project, base: Mapping[str, str] = os.environ) -> list[Command]:
    """Return what makes and fills the project's virtual environment, in order.

    A pip project that names no virtual environment is installed into the machine's Python, as upstream does. pip is
    left as it is: a machine without Internet has no other. Raises ProjectError if a tool is not there.
    """
    match project.tool:
        case "uv":
            folder = environment.virtualenv(project, base)
            return [Command([environment.program_of("uv", base), "sync"], {"UV_PROJECT_ENVIRONMENT": str(folder)})]
        case "poetry":
            return [Command([environment.program_of("poetry", base), "install", "--no-ansi"])]
        case _:
            return _pip(project, base)


def synchronise(project: Project, base: Mapping[str, str] = os.environ) -> list[Command]:
    """Return what a run does first: all of it where there is no environment; uv projects are brought up to date."""
    folder = environment.virtualenv(project, base)
    if folder is not None and not environment.is_virtualenv(folder):
        return commands(project, base)
    if project.tool == "uv" and above(project.program, "pyproject.toml"):
        return [Command([*one.words, "--inexact", "--quiet"], one.variables) for one in commands(project, base)]
    return []


def _pip(project: Project, base: Mapping[str, str]) -> list[Command]:
    python = environment.ambient(base)
    folder = environment.virtualenv(project, base)
    result = []
    if folder is not None:
        if not environment.is_virtualenv(folder):
            result.append(Command([str(python), "-m", "venv", str(folder)]))
        python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    if (project.program / "requirements.txt").exists():
        result.append(Command([*pip, "-r", "requirements.txt"]))
    elif (project.program / "pyproject.toml").exists():
        result.append(Command([*pip, "-e", "."]))
    return result


def prepare(project: Project, name: str = "") -> str:
    """Give a uv or poetry project that has no pyproject.toml one with what its requirements.txt lists.

    Templates come with a requirements.txt, which is removed then. Returns what to tell the person, if anything.
    """
    if project.tool == "pip" or above(project.program, "pyproject.toml"):
        return ""
    listed = project.program / "requirements.txt"
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    needed = [text for line in lines if (text := line.partition("#")[0].strip())]
    if other := [text for text in needed if text.startswith(_NOT_A_REQUIREMENT)]:
        raise ProjectError(
            f"{listed}: {other[0]!r} cannot be moved to a pyproject.toml; write that file, or use toolchain pip"
        )
    (project.program / "pyproject.toml").write_text(
        _pyproject(project, name or _named(project), needed), encoding="utf-8"
    )
    listed.unlink(missing_ok=True)
    return "Moved what requirements.txt listed to pyproject.toml\n" if lines else "Wrote pyproject.toml\n"


def _named(project: Project) -> str:
    try:
        return str(yaml.safe_load((project.root / "Pulumi.yaml").read_text(encoding="utf-8"))["name"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return project.root.name


def _pyproject(project: Project, name: str, needed: list[str]) -> str:
    listed = "".join(f"    {_quoted(requirement)},\n" for requirement in needed)
    text = (
        f'[project]\nname = {_quoted(name)}\nversion = "0.1.0"\nrequires-python = ">=3.10"\n'
        f"dependencies = [\n{listed}]\n"
    )
    return text + ("\n[tool.poetry]\npackage-mode = false\n" if project.tool == "poetry" else "")


def _quoted(text: str) -> str:
    """Return a text as TOML has it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
