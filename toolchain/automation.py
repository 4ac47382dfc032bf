"""Running a stack through the engine for the kit's own commands, and telling its faults in one readable message."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pulumi.automation.events import EngineEvent

from toolchain.engine import Engine, OnEvent, explained

Operation = Literal["up", "preview", "refresh", "destroy"]

_MARKUP = re.compile(r"<\{%.*?%\}>")
_COUNTED = re.compile(r"\A1 error occurred:\s*\* ")
_QUIET_OPS = frozenset({"same", "read", "refresh"})


@dataclass(frozen=True)
class Summary:
    """What an operation did: how many resources it left as they were or changed, by the engine's name of the step."""

    operation: Operation
    changes: Mapping[str, int]
    seconds: float
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """The stack's outputs, secrets among them in plain text; only after ``up``."""

    @property
    def resources(self) -> int:
        """How many resources the stack has after it."""
        return sum(count for step, count in self.changes.items() if not step.startswith(("delete", "discard")))

    @property
    def changed(self) -> int:
        """How many resources it changed."""
        return sum(count for step, count in self.changes.items() if step not in _QUIET_OPS)


def up(
    project: Path,
    stack: str,
    config: Mapping[str, str],
    environment: Mapping[str, str],
    policy_pack: Path | None = None,
    on_event: OnEvent = lambda _event: None,
) -> Summary:
    """Apply a stack, making it if it is new, with a policy pack in force.

    With a pack, a preview is run and judged first, so that no rule refuses too late.
    ``config`` are the program's own settings and ``environment`` what `toolchain.pulumi.environment` returned.
    ``on_event`` gets the engine's events as they come. Raises KitError with what the engine, the program and the
    policies said.
    """
    return _run("up", project, stack, config, environment, policy_pack, on_event)


def preview(
    project: Path,
    stack: str,
    config: Mapping[str, str],
    environment: Mapping[str, str],
    policy_pack: Path | None = None,
    on_event: OnEvent = lambda _event: None,
) -> Summary:
    """Tell what `up` would do, and change nothing."""
    return _run("preview", project, stack, config, environment, policy_pack, on_event)


def refresh(
    project: Path, stack: str, environment: Mapping[str, str], on_event: OnEvent = lambda _event: None
) -> Summary:
    """Bring a stack's state in line with what is there."""
    return _run("refresh", project, stack, {}, environment, None, on_event)


def destroy(
    project: Path, stack: str, environment: Mapping[str, str], on_event: OnEvent = lambda _event: None
) -> Summary:
    """Delete everything that a stack made; the stack itself stays, empty."""
    return _run("destroy", project, stack, {}, environment, None, on_event)


def _run(
    operation: Operation,
    project: Path,
    stack: str,
    config: Mapping[str, str],
    environment: Mapping[str, str],
    policy_pack: Path | None,
    on_event: OnEvent,
) -> Summary:
    began = time.monotonic()
    engine = Engine(project, stack, environment)
    engine.release_dead_locks()
    engine.open()
    engine.configure(config)
    # an apply alone judges the stack as a whole only when everything is made: with a pack, a preview judges it before
    judged_before = operation == "up" and policy_pack is not None
    steps: list[Operation] = ["preview", operation] if judged_before else [operation]
    heard = _Heard()
    for step in steps:
        heard = _step(engine, step, f"pulumi {operation} of {project.name}/{stack} failed", policy_pack, on_event)
    outputs = engine.outputs() if operation == "up" else {}
    return Summary(operation, heard.changes, time.monotonic() - began, outputs)


def _step(engine: Engine, operation: Operation, failed: str, policy_pack: Path | None, on_event: OnEvent) -> _Heard:
    """Run one operation to its end and return what was heard; the engine keeps one log of events an operation."""
    heard = _Heard()

    def listen(event: EngineEvent) -> None:
        heard.add(event)
        on_event(event)

    arguments: list[str] = [operation, "--color=never", "--suppress-progress", "--suppress-outputs"]
    if operation != "preview":
        arguments += ["--yes", "--skip-preview"]
    if policy_pack is not None:
        arguments += ["--policy-pack", str(policy_pack)]
    code, said = engine.run_with_events(arguments, listen)
    if code:
        raise explained(failed, heard.faults, said)
    return heard


class _Heard:
    """What the engine's events said that matters at the end."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.changes: dict[str, int] = {}

    def add(self, event: EngineEvent) -> None:
        """Keep errors, violations of policies that must be met, and the count of changes."""
        if (said := event.diagnostic_event) and said.severity == "error":
            self._keep(said.urn, said.message)
        if (violated := event.policy_event) and violated.enforcement_level == "mandatory":
            self._keep(violated.resource_urn, f"policy {violated.policy_name}: {violated.message}")
        if summary := event.summary_event:
            self.changes = {str(getattr(step, "value", step)): n for step, n in summary.resource_changes.items()}

    def _keep(self, urn: str | None, message: str) -> None:
        text = _COUNTED.sub("", _MARKUP.sub("", message).strip().removeprefix("error: "))
        if text in {
            "preview failed",
            "update failed",
            "resource monitor shut down while waiting on step's done channel",
        }:
            return
        fault = f"{_name(urn)}: {text}"
        if fault not in self.faults:
            self.faults.append(fault)


def _name(urn: str | None) -> str:
    """Return a resource's type and name, as a person knows it."""
    parts = (urn or "").split("::", 3)
    if len(parts) < 4:
        return "pulumi"
    return "program" if parts[2] == "pulumi:pulumi:Stack" else f"{parts[2].rpartition('$')[2]} {parts[3]}"
