"""The engine's command line, for one stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pulumi.automation.events import EngineEvent

from core.errors import KitError, ProgramError
from core.files import write_atomic
from core.programs import run

OnEvent = Callable[[EngineEvent], None]


class Engine:
    """Runs ``pulumi`` in a project, for one stack.

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

    def exists(self) -> bool:
        """Tell whether the stack was made."""
        if (checkpoint := self._checkpoint()) is not None:
            return checkpoint.exists()
        listed = json.loads(self._command("stack", "ls", "--json", of_stack=False))
        return any(it["name"].rpartition("/")[2] == self._stack for it in listed)

    def remove(self) -> None:
        """Remove the stack, in which nothing is left, and its settings. Raises KitError where something is."""
        self._command("stack", "rm", "--yes")

    def forget(self) -> None:
        """Remove the stack and its settings, whatever its state still names; nothing is deleted anywhere else."""
        self._command("stack", "rm", "--yes", "--force")

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of the stack's state, as the engine keeps them; secrets stay encrypted."""
        return list(json.loads(self._command("stack", "export"))["deployment"].get("resources") or [])

    def move(self, urns: Sequence[str], to: str) -> None:
        """Move resources, with all that is below them, into the state of another stack of the project."""
        self._command("state", "move", "--yes", "--source", self._stack, "--dest", to, *urns, of_stack=False)

    def drop(self, urn: str) -> None:
        """Take a resource, and all that is below it, out of the state, and leave it where it is."""
        self._command("state", "delete", "--yes", "--force", "--target-dependents", urn)

    def unprotect(self) -> None:
        """Let the engine delete what was protected."""
        self._command("state", "unprotect", "--all", "--yes")

    def _checkpoint(self) -> Path | None:
        """Return the file with the stack's state, where the state is files."""
        return self._stored / "stacks" / self._name / f"{self._stack}.json" if self._stored else None

    def open(self) -> None:
        """Make the stack if it is new."""
        checkpoint = self._checkpoint()
        if checkpoint is not None and checkpoint.exists():
            self._put_salt(_salt(checkpoint))
            return
        if checkpoint is not None:
            self._put_salt("")
        self._command("stack", "select", "--create")

    def _put_salt(self, salt: str | None) -> None:
        """Have the stack's settings hold the salt of its state, none for a new stack; None leaves them alone.

        Another state's stack of the same name may have left its own, which goes with another passphrase. A salt that
        settings are encrypted with stays, so that nothing is lost.
        """
        file = self._project / f"Pulumi.{self._stack}.yaml"
        try:
            text = file.read_text(encoding="utf-8")
            settings = yaml.safe_load(text)
        except (OSError, yaml.YAMLError):
            return
        found = settings.get("encryptionsalt") if isinstance(settings, dict) else None
        if salt is None or found is None or found == salt or "secure:" in text:
            return
        del settings["encryptionsalt"]
        if salt:
            settings["encryptionsalt"] = salt
        write_atomic(file, yaml.safe_dump(settings, allow_unicode=True, sort_keys=False) if settings else "")

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

    def outputs(self, *, secrets: bool = True) -> dict[str, Any]:
        """Return the stack's outputs; secrets among them in plain text, or as ``[secret]``."""
        return dict(json.loads(self._command("stack", "output", "--json", *(["--show-secrets"] if secrets else []))))

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

    def locked(self) -> bool:
        """Tell whether a run is at work on the stack, once the locks of dead ones are removed; files of state only."""
        self.release_dead_locks()
        return self._stored is not None and any(self._locks().glob("*.json"))

    def _locks(self) -> Path:
        return (self._stored or Path()) / "locks" / "organization" / self._name / self._stack

    def release_dead_locks(self) -> None:
        """Remove the stack's locks that runs on this machine left when they were killed."""
        if self._stored is None:
            return
        for file in self._locks().glob("*.json"):
            try:
                lock = json.loads(file.read_text(encoding="utf-8"))
                os.kill(int(lock["pid"]), 0)
            except ProcessLookupError:
                if lock.get("hostname") == socket.gethostname():
                    file.unlink(missing_ok=True)
            except (OSError, ValueError, KeyError, TypeError):
                continue

    def _command(self, *words: str, of_stack: bool = True) -> str:
        arguments = [self._program, *words, "--non-interactive", "--color=never"]
        arguments += ["--stack", self._stack] if of_stack else []
        try:
            return run(arguments, cwd=self._project, env=self._environment, timeout=120).stdout
        except ProgramError as error:
            raise explained(f"stack {self._stack} of {self._name} cannot be used", [], error.output) from error


def _salt(checkpoint: Path) -> str | None:
    """Return the salt of a stack's state, or None where it has none."""
    try:
        provider = json.loads(checkpoint.read_text(encoding="utf-8"))["checkpoint"]["latest"]["secrets_providers"]
        return str(provider["state"]["salt"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


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


def _interrupt(child: subprocess.Popen[bytes]) -> None:
    """Have the engine end what is in flight and write its state; a second interrupt meanwhile ends it at once."""
    child.send_signal(signal.SIGINT)
    try:
        child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        child.wait()


def explained(what: str, faults: list[str], said: str) -> KitError:
    """Return one error for a failed run: what resources, program and policies said, else what the engine printed."""
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
