"""How a program is run and checked."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolchain.plugins.language_host import packages
from toolchain.plugins.language_host.environment import PythonEnvironment
from toolchain.plugins.language_host.project import Project, ProjectError

RUNNER = Path(__file__).with_name("run_program.py")
SHOWN = 32
"""Exit code of the runner after an error that the person has already seen."""
NO_SDK = 33
"""Exit code of the runner where the project's Python has no Pulumi SDK."""


def command(request: Any, found: PythonEnvironment, engine: str) -> list[str]:
    """Return what runs a program; ``request`` is the engine's, ``engine`` its address."""
    described = {
        "project": request.project,
        "stack": request.stack,
        "organization": request.organization,
        "monitor": request.monitor_address,
        "engine": engine,
        "parallel": request.parallel,
        "dry_run": request.dryRun,
        "root_directory": request.info.root_directory,
        "program_directory": request.info.program_directory,
        "entry_point": request.info.entry_point,
        "working_directory": request.pwd or request.info.program_directory,
        "arguments": list(request.args),
    }
    return [str(found.python), "-u", str(RUNNER), json.dumps(described)]


def variables(request: Any, found: PythonEnvironment) -> dict[str, str]:
    """Return a program's environment, with its settings: they hold secrets, which must not be arguments."""
    result = found.variables(os.environ)
    result["PULUMI_CONFIG"] = json.dumps(dict(request.config))
    result["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
    return result


def check(project: Project, found: PythonEnvironment) -> list[str]:
    """Return what checks the program's types before it runs; nothing where the project does not ask for it."""
    if not project.typechecker:
        return []
    if project.typechecker not in dict(packages.installed(found, transitive=True)):
        raise ProjectError(
            f"runtime option 'typechecker' is {project.typechecker}, which is not installed for this project: "
            "add it to the project's packages and run 'pulumi install'"
        )
    words = [str(found.python), "-m", project.typechecker]
    if project.typechecker == "mypy" and found.virtualenv is not None:
        words += ["--exclude", os.path.relpath(found.virtualenv, project.program)]
    return [*words, str(project.program)]


def outcome(code: int) -> Mapping[str, Any]:
    """Return what the engine is told of a program that ended with this code, less than 0 if a signal ended it."""
    if code == SHOWN:
        return {"bail": True}
    if code == NO_SDK:
        return {"error": "the project's Python lacks the Pulumi SDK; run 'pulumi install'"}
    if code < 0:
        return {"error": f"the program was ended by {signal.Signals(-code).name}"}
    return {"error": f"the program ended with exit code {code}"} if code else {}
