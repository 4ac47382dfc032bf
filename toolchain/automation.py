"""Running a stack through the engine for the kit's own commands, and telling its faults in one readable message."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pulumi.automation.events import EngineEvent

from core.errors import KitError, ProgramError
from core.programs import run

OnEvent = Callable[[EngineEvent], None]
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
    engine = _Engine(project, stack, environment)
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


def _step(engine: _Engine, operation: Operation, failed: str, policy_pack: Path | None, on_event: OnEvent) -> _Heard:
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
        raise _explained(failed, heard.faults, said)
    return heard


class _Engine:
    """The engine's command line, for one stack.

    The automation API is not used for this: it runs up to seven commands where two are enough, each of which takes a
    third of a second to start.
    """

    def __init__(self, project: Path, stack: str, environment: Mapping[str, str]) -> None:
        program = shutil.which("pulumi", path=environment.get("PATH"))
        if program is None:
            raise KitError("there is no pulumi on PATH", "run this in the environment that `govcloud env` prints")
        self._program = program
        self._project = project
        self._stack = stack
        self._environment = {**os.environ, **environment, "PULUMI_DEBUG_COMMANDS": "true"}  # offers the event log
        try:
            self._name = str(yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))["name"])
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            raise KitError(f"{project} has no readable Pulumi.yaml with a name") from error
        backend = self._environment.get("PULUMI_BACKEND_URL", "")
        self._stored = Path(backend.removeprefix("file://")) / ".pulumi" if backend.startswith("file://") else None

    def open(self) -> None:
        """Make the stack if it is new."""
        if self._stored is None or not (self._stored / "stacks" / self._name / f"{self._stack}.json").exists():
            self._command("stack", "select", "--create")

    def configure(self, config: Mapping[str, str]) -> None:
        """Set what differs from the stack's settings file."""
        try:
            settings = yaml.safe_load((self._project / f"Pulumi.{self._stack}.yaml").read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError):
            settings = {}
        held = settings.get("config") or {}
        wanted = [f"{key}={value}" for key, value in config.items() if held.get(f"{self._name}:{key}") != value]
        if wanted:
            pairs = [word for pair in wanted for word in ("--plaintext", pair)]
            self._command("config", "set-all", *pairs)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, secrets among them in plain text."""
        return dict(json.loads(self._command("stack", "output", "--json", "--show-secrets")))

    def run_with_events(self, arguments: Sequence[str], on_event: OnEvent) -> tuple[int, str]:
        """Run an operation, passing on its events as they come; return its exit code and what it said."""
        with tempfile.TemporaryDirectory(prefix="govcloud-") as folder, (Path(folder) / "said").open("w+") as said:
            log = Path(folder) / "events"
            log.touch()
            words = [self._program, *arguments, "--non-interactive", "--stack", self._stack, "--event-log", str(log)]
            child = subprocess.Popen(
                words,
                cwd=self._project,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,  # a terminal's interrupt must not reach it beside ours: two end it at once
            )
            try:
                _follow(log, child, on_event)
            except BaseException:
                _interrupt(child)
                raise
            said.seek(0)
            return child.wait(), said.read()

    def release_dead_locks(self) -> None:
        """Remove the stack's locks that runs on this machine left when they were killed."""
        if self._stored is None:
            return
        for file in (self._stored / "locks" / "organization" / self._name / self._stack).glob("*.json"):
            try:
                lock = json.loads(file.read_text(encoding="utf-8"))
                os.kill(int(lock["pid"]), 0)
            except ProcessLookupError:
                if lock.get("hostname") == socket.gethostname():
                    file.unlink(missing_ok=True)
            except (OSError, ValueError, KeyError, TypeError):
                continue

    def _command(self, *words: str) -> str:
        arguments = [self._program, *words, "--non-interactive", "--color=never", "--stack", self._stack]
        try:
            return run(arguments, cwd=self._project, env=self._environment, timeout=120).stdout
        except ProgramError as error:
            raise _explained(f"stack {self._stack} of {self._name} cannot be used", [], error.output) from error


def _follow(log: Path, child: subprocess.Popen[bytes], on_event: OnEvent) -> None:
    """Pass on each event of the log until the engine has ended."""
    with log.open(encoding="utf-8") as lines:
        partial = ""
        while True:
            ended = child.poll() is not None
            while line := lines.readline():
                partial += line
                if partial.endswith("\n"):
                    on_event(EngineEvent.from_json(json.loads(partial)))
                    partial = ""
            if ended:
                return
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=0.05)


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


def _interrupt(child: subprocess.Popen[bytes]) -> None:
    """Have the engine end what is in flight and write its state; a second interrupt meanwhile ends it at once."""
    child.send_signal(signal.SIGINT)
    try:
        child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        child.wait()


def _explained(what: str, faults: list[str], said: str) -> KitError:
    if "currently locked by" in said:
        process = re.search(r"\(pid (\d+)\)", said)
        end = (
            f"wait until it has ended, or interrupt it: kill -INT {process[1]}"
            if process
            else "wait until it has ended"
        )
        return KitError(f"{what}: another run is at work on this stack", end)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = faults or [line.removeprefix("error: ") for line in lines if line.startswith("error:")] or lines[-1:]
    listed = "\n".join("  " + fault.replace("\n", "\n  ") for fault in told)
    return KitError(f"{what}:\n{listed}")
