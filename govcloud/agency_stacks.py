"""The stacks of agencies: which one is whose, and its run through the engine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from core.errors import KitError
from core.files import write_atomic
from core.paths import REPOSITORY
from govcloud.env_commands import LOCAL, environment_of
from toolchain import automation
from toolchain.automation import OnPreview, Summary
from toolchain.engine import Engine, OnEvent

PROJECT: Final = REPOSITORY / "stacks" / "agc"
POLICY_PACK: Final = REPOSITORY / "policies" / "level-1"
"""The pack of every stack that the kit applies: its namespaces say their level, at which what is in them is judged."""
_PATIENCE: Final = 600
"""Seconds to wait for the engine of a killed run, which ends what it had begun."""


def environment(kubeconfig: Path | None = None) -> dict[str, str]:
    """Return the engine's environment: that of the shell after `govcloud env`, else of the local clouds.

    ``kubeconfig`` names another cluster. Raises KitError where no cluster is named at all.
    """
    found = {} if "PULUMI_BACKEND_URL" in os.environ else environment_of(*LOCAL)
    if kubeconfig is not None:
        found["KUBECONFIG"] = str(kubeconfig.resolve())
    given = Path(found.get("KUBECONFIG") or os.environ.get("KUBECONFIG", ""))
    if not given.is_file():
        what = f"{given} is not a file" if given != Path() else "none is named"
        raise KitError(f"kubeconfig of the cluster: {what}", "name it with --kubeconfig, or make local clouds: make up")
    return found


@dataclass(frozen=True)
class AgencyStacks:
    """Runs the stacks of agencies, each named by the agency's slug.

    Every method raises KitError with what the engine, the program and the policies said. ``config`` are settings of
    the stack (stacks/agc/README.md); those that are not given stay as they are.
    """

    environment: Mapping[str, str]
    project: Path = PROJECT
    pack: Path | None = field(default=POLICY_PACK)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the cluster that stacks are on unless their settings name another one."""
        return Path(self.environment.get("KUBECONFIG") or os.environ.get("KUBECONFIG", ""))

    def exists(self, stack: str) -> bool:
        """Tell whether there is such a stack, an empty one included."""
        return self.engine(stack).exists()

    def outputs(self, stack: str) -> dict[str, Any]:
        """Return a stack's outputs, without secrets."""
        return self.engine(stack).outputs(secrets=False)

    def settings(self, stack: str) -> dict[str, str]:
        """Return the settings that a stack has already, but secrets; none where they cannot be read."""
        try:
            read = yaml.safe_load(self._settings_file(stack).read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError):
            return {}
        held = read.get("config") or {}
        texts = {key.removeprefix("agc:"): it for key, it in held.items() if key.startswith("agc:")}
        return {key: it if isinstance(it, str) else json.dumps(it) for key, it in texts.items()}

    def preview(self, stack: str, config: Mapping[str, str], on_event: OnEvent = lambda _event: None) -> Summary:
        """Tell what an apply would do; a stack that was not there before is not there afterwards."""
        with self._put_back(stack, lambda: True):
            return automation.preview(self.project, stack, config, self.environment, self.pack, on_event)

    def up(
        self,
        stack: str,
        config: Mapping[str, str],
        on_event: OnEvent = lambda _event: None,
        on_preview: OnPreview = lambda _summary: None,
    ) -> Summary:
        """Apply a stack, making it if it is new.

        ``on_preview`` is told what the apply would do, and may raise: then nothing was made, a new stack included.
        """
        untouched = True

        def judged(summary: Summary) -> None:
            nonlocal untouched
            on_preview(summary)
            untouched = False

        with self._put_back(stack, lambda: untouched):
            return automation.up(self.project, stack, config, self.environment, self.pack, on_event, judged)

    def destroy(self, stack: str, on_event: OnEvent = lambda _event: None) -> Summary:
        """Delete everything that a stack made; the stack stays, empty."""
        return automation.destroy(self.project, stack, self.environment, on_event)

    def remove(self, stack: str) -> None:
        """Remove an empty stack, and its settings."""
        self.engine(stack).remove()

    def unprotect(self, stack: str) -> None:
        """Let a stack's namespaces be deleted that were protected."""
        self.engine(stack).unprotect()

    def engine(self, stack: str) -> Engine:
        """Return the command line of the engine for a stack."""
        return Engine(self.project, stack, self.environment)

    def wait_for_orphan(self, stack: str) -> None:
        """Wait until the engine has ended that a killed run left behind; it goes on with what that run began."""
        until = time.monotonic() + _PATIENCE
        while self.engine(stack).locked() and time.monotonic() < until:
            time.sleep(0.5)

    def _settings_file(self, stack: str) -> Path:
        return self.project / f"Pulumi.{stack}.yaml"

    @contextmanager
    def _put_back(self, stack: str, where: Callable[[], bool]) -> Iterator[None]:
        """Put settings back and remove a stack that was not there before, where nothing was made in it."""
        new = not self.exists(stack)
        settings = self._settings_file(stack)
        before = settings.read_bytes() if settings.exists() else None
        try:
            yield
        finally:
            if where():
                if new and self.exists(stack):
                    self.remove(stack)
                if before is not None:
                    write_atomic(settings, before)
