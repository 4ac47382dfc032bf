"""What a project says of its Python: the runtime options of Pulumi.yaml, PulumiPolicy.yaml and PulumiPlugin.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

Tool = Literal["pip", "uv", "poetry"]
TypeChecker = Literal["", "mypy", "pyright"]


class ProjectError(Exception):
    """A project cannot be installed or run as it stands; the message says what to mend."""


@dataclass(frozen=True)
class Project:
    """A project: its folder, the folder of its program, and how its packages are installed and checked.

    ``virtualenv`` is as the project gives it, relative to ``root``; empty where it gives none.
    """

    root: Path
    program: Path
    tool: Tool = "pip"
    virtualenv: str = ""
    typechecker: TypeChecker = ""


def read(root: Path, program: Path, options: Mapping[str, Any]) -> Project:
    """Return the project with these runtime options.

    A project that names no ``toolchain`` uses that whose lock file it has, else pip. Raises ProjectError for an option
    that is not understood.
    """
    return Project(
        root,
        program,
        tool=_one_of("toolchain", options, get_args(Tool)) or _locked_by(program),
        virtualenv=_string("virtualenv", options),
        typechecker=_one_of("typechecker", options, get_args(TypeChecker)),
    )


def above(folder: Path, name: str) -> Path | None:
    """Return the nearest folder, this one or one above it, that holds a file of this name."""
    return next((here for here in (folder, *folder.parents) if (here / name).is_file()), None)


def _locked_by(program: Path) -> Tool:
    if above(program, "uv.lock"):
        return "uv"
    return "poetry" if above(program, "poetry.lock") else "pip"


def _string(name: str, options: Mapping[str, Any]) -> str:
    value = options.get(name, "")
    if not isinstance(value, str):
        raise ProjectError(f"runtime option {name!r} must be text, not {value!r}")
    return value


def _one_of(name: str, options: Mapping[str, Any], choices: tuple[Any, ...]) -> Any:
    value = _string(name, options)
    if value not in ("", *choices):
        named = [choice for choice in choices if choice]
        raise ProjectError(f"runtime option {name!r} must be {', '.join(named[:-1])} or {named[-1]}, not {value!r}")
    return value
