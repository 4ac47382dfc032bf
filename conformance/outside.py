"""Exchanges from places in the network: this machine, or wherever a command of the target file runs a program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import client
from core.errors import KitError

SECONDS = 30.0
_PROGRAM = Path(client.__file__)


@dataclass(frozen=True)
class Place:
    """Somewhere that exchanges start from; without a command it is this machine."""

    name: str
    command: tuple[str, ...] = ()

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        """Do a task of `conformance.client` there, and return its answer; KitError when the program cannot run there.

        Program and task go in by standard input, so that a command may be a remote shell and needs no file there.
        """
        task = {"do": what, **arguments}
        if not self.command:
            return client.run(task)
        given = f"{_PROGRAM.read_text(encoding='utf-8')}\nimport json\n"
        given += f"print(json.dumps(run(json.loads({json.dumps(task)!r}))))\n"
        try:
            done = subprocess.run(
                [*self.command, "python3", "-I", "-"],
                input=given,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KitError(f"{self._named}: {_why(error)}", "see 'clients' of the target file") from error
        try:
            return dict(json.loads(done.stdout))
        except ValueError as error:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise KitError(f"{self._named}: it ended with {done.returncode}: {said}") from error

    @property
    def _named(self) -> str:
        return f"{self.name} ({' '.join(self.command)})"


def here() -> Place:
    """Return this machine."""
    return Place("this machine")


def place(name: str, command: Sequence[str]) -> Place:
    """Return the place where a command of the target file runs a program."""
    return Place(name, tuple(command))


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {error.timeout:.0f} s"
    return getattr(error, "strerror", None) or str(error)
