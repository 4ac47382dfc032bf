"""What ``pulumi new`` asks about a Python project."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from pulumi.runtime.proto import language_pb2

_Prompt = language_pb2.RuntimeOptionPrompt


def of(options: Mapping[str, Any], base: Mapping[str, str] = os.environ) -> list[Any]:
    """Return what is left to ask once these runtime options are known: the tool, then pip's virtual environment."""
    if "toolchain" not in options:
        others = sorted(("poetry", "uv"), key=lambda tool: shutil.which(tool, path=base.get("PATH")) is None)
        missing = {tool for tool in others if shutil.which(tool, path=base.get("PATH")) is None}
        choices = [_choice(tool, f"{tool} [not found]" if tool in missing else tool) for tool in ("pip", *others)]
        what = "The tool that installs the program's packages"
        return [_Prompt(key="toolchain", description=what, choices=choices, default=choices[0])]
    if options["toolchain"] == "pip" and "virtualenv" not in options:
        choice = _choice("venv", "venv")
        return [_Prompt(key="virtualenv", description="The virtual environment", choices=[choice], default=choice)]
    return []


def _choice(value: str, shown: str) -> Any:
    return _Prompt.RuntimeOptionValue(promptType=_Prompt.STRING, stringValue=value, displayName=shown)
