"""The file in which a run's processes write what they plan, begin and find, one line of JSON each.

It is all that a run needs to go on after its end, however it ended.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conformance.results import Check, Result
from core.files import write_atomic


def append(path: Path, kind: str, value: Any) -> None:
    """Add one line in one write, so that lines of several processes never mix.

    It begins with an end of line: after half a line of a process that was killed, this one is whole again.
    """
    line = f"\n{json.dumps({kind: value}, ensure_ascii=False)}\n".encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


class Outcomes:
    """What a file of outcomes says so far; ``update`` reads what was added since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.planned: dict[str, Check] = {}
        self.lane_of: dict[str, int] = {}
        self.needs: dict[str, tuple[str, ...]] = {}
        """The fixtures that each check uses, directly or not, and the names of the types that they return."""
        self.found: dict[str, Result] = {}
        self.running: dict[str, float] = {}
        """Checks that have begun and have no result, with the time (monotonic) at which that was read."""
        self.last = ""
        """The check whose result came last."""

    def update(self) -> None:
        """Read the lines that are whole by now."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # empty, or half a line of a process that was killed
            self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        match entry:
            case {"plan": {"check": check, "lane": lane, "needs": needs}}:
                planned = Check.model_validate(check)
                self.planned[planned.name] = planned
                self.lane_of[planned.name] = lane
                self.needs[planned.name] = tuple(needs)
            case {"begun": name}:
                self.running[name] = time.monotonic()
            case {"result": result}:
                found = Result.model_validate(result)
                self.found[found.name] = found
                self.running.pop(found.name, None)
                self.last = found.name

    @property
    def plan(self) -> list[Check]:
        """The checks of the run, by name."""
        return [self.planned[name] for name in sorted(self.planned)]


def read(path: Path) -> Outcomes:
    """Read a file of outcomes as it is now."""
    found = Outcomes(path)
    found.update()
    return found


def rewrite(path: Path, kept: Iterable[Result]) -> None:
    """Begin a private file of outcomes with results that still count."""
    lines = [json.dumps({"result": result.model_dump(mode="json")}, ensure_ascii=False) for result in kept]
    write_atomic(path, "".join(f"{line}\n" for line in lines), mode=0o600)


def usual_seconds(results: Path) -> dict[str, float]:
    """How long each check lasted in an earlier run, from its results.json; empty where that cannot be read."""
    try:
        listed = json.loads(results.read_text(encoding="utf-8"))["results"]
        return {str(result["name"]): float(result["seconds"]) for result in listed}
    except (OSError, ValueError, LookupError, TypeError):
        return {}
