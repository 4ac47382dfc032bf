"""Running a stack through the engine for the kit's own commands, and telling its faults in one readable message."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pulumi.automation.events import EngineEvent

from toolchain.engine import Engine, OnEvent, explained

Operation = Literal["up", "preview", "refresh", "destroy"]

OnPreview = Callable[["Summary"], None]

_MARKUP = re.compile(r"<\{%.*?%\}>")
_COUNTED = re.compile(r"\A1 error occurred:\s*\* ")
_QUIET_OPS = frozenset({"same", "read", "refresh"})


@dataclass(frozen=True)
class Step:
    """What the engine does to one resource, and changes something by it."""

    action: str
    """The engine's name: ``create``, ``update``, ``delete``, ``replace``, ..."""
    type: str
    """Such as ``kubernetes:core/v1:Namespace``."""
    name: str
    """The resource's name in the program."""
    fields: tuple[str, ...] = ()
    """Places of what changes in it, such as ``spec.hard["pods"]``; of an update or a replacement."""
    old: Mapping[str, Any] = field(default_factory=dict)
    """What the program had asked for before, without secrets; empty for a new resource."""


@dataclass(frozen=True)
class Summary:
    """What an operation did: how many resources it left as they were or changed, by the engine's name of the step."""

    operation: Operation
    changes: Mapping[str, int]
    seconds: float
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """The stack's outputs, secrets among them in plain text; only after ``up``."""
    steps: Sequence[Step] = ()
    """What changes, in the engine's order."""

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
    on_preview: OnPreview | None = None,
) -> Summary:
    """Apply a stack, making it if it is new, with a policy pack in force.

    With a pack or ``on_preview``, a preview is run and judged first, so that no rule refuses too late. ``on_preview``
    is told what the apply would do; when it raises, nothing is applied.
    ``config`` are the program's own settings and ``environment`` what `toolchain.pulumi.environment` returned.
    ``on_event`` gets the engine's events as they come. Raises KitError with what the engine, the program and the
    policies said.
    """
    return _run("up", project, stack, config, environment, policy_pack, on_event, on_preview)


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
    on_preview: OnPreview | None = None,
) -> Summary:
    began = time.monotonic()
    engine = Engine(project, stack, environment)
    engine.release_dead_locks()
    engine.open()
    engine.configure(config)
    # an apply alone judges the stack as a whole only when everything is made: with a pack, a preview judges it before
    failed = f"pulumi {operation} of {project.name}/{stack} failed"
    if operation == "up" and (policy_pack is not None or on_preview is not None):
        judged = _step(engine, "preview", failed, policy_pack, on_event)
        if on_preview is not None:
            on_preview(judged.summary("preview", time.monotonic() - began))
    heard = _step(engine, operation, failed, policy_pack, on_event)
    outputs = engine.outputs() if operation == "up" else {}
    return heard.summary(operation, time.monotonic() - began, outputs)


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
        self.steps: list[Step] = []

    def summary(self, operation: Operation, seconds: float, outputs: Mapping[str, Any] | None = None) -> Summary:
        """Return what was heard as what an operation did."""
        return Summary(operation, self.changes, seconds, outputs or {}, tuple(self.steps))

    def add(self, event: EngineEvent) -> None:
        """Keep errors, violations of policies that must be met, and the count of changes."""
        if (said := event.diagnostic_event) and said.severity == "error":
            self._keep(said.urn, said.message)
        if (violated := event.policy_event) and violated.enforcement_level == "mandatory":
            self._keep(violated.resource_urn, f"policy {violated.policy_name}: {violated.message}")
        if (pre := event.resource_pre_event) and pre.metadata.op.value not in _QUIET_OPS:
            step = pre.metadata
            old = step.old.inputs if step.old and step.old.inputs else {}
            fields = tuple(sorted(step.detailed_diff or step.diffs or ()))
            self.steps.append(Step(step.op.value, step.type, step.urn.split("::", 3)[-1], fields, old))
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
