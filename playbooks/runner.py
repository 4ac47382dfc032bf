"""Running the playbooks: ansible-runner underneath, a progress bar above, what failed in one line each."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner
import yaml

from core.console import progress
from core.errors import KitError
from playbooks import archive

FOLDER = Path(__file__).resolve().parent
KEPT_RUNS = 5
"""So many runs keep their events and output."""
FAILED = frozenset({"runner_on_failed", "runner_on_unreachable", "runner_item_on_failed"})


@dataclass(frozen=True)
class Failure:
    """A task that failed on a host, and the line that says why."""

    host: str
    task: str
    message: str

    def __str__(self) -> str:
        return f"{self.host}: {self.task}: {self.message}"


@dataclass(frozen=True)
class Outcome:
    """What a run did: numbers of tasks that changed something and that were in order, and the failures."""

    changed: int
    ok: int
    failures: tuple[Failure, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass
class Events:
    """What is kept of a run's events."""

    failures: list[Failure] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    tasks: dict[str, str] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any]) -> str:
        """Take one event; return the name of the task that it starts, or '' for every other event."""
        data = event.get("event_data") or {}
        name, kind = str(data.get("task") or data.get("name") or ""), event["event"]
        if kind in FAILED and not data.get("ignore_errors"):
            self.failures.append(Failure(data.get("host", ""), name, reason(data.get("res") or {})))
        elif kind == "runner_on_ok" and (data.get("res") or {}).get("changed"):
            self.changes.append(f"{data.get('host', '')}: {name}")
        elif kind == "playbook_on_task_start" and (path := str(data.get("task_path") or name)) not in self.tasks:
            self.tasks[path] = name
            return name
        return ""


def run(
    inventory: Path,
    artifacts: Path,
    *,
    limit: str = "",
    variables: Mapping[str, Any] | None = None,
    check: bool = False,
) -> Outcome:
    """Make the hosts of an inventory what their groups say, and fetch each cluster's kubeconfig.

    The kubeconfigs land in ``clusters/`` next to the inventory, what services there are in ``services.yaml`` and
    ``services/``; events and output in ``artifacts``. With ``check`` nothing is changed. Failures are returned;
    KitError is raised only where nothing could start.
    """
    if not inventory.is_file():
        raise KitError(
            f"inventory {inventory}: there is no such file", "'govcloud testbed up' writes one for its hosts"
        )
    clusters, services = inventory.parent / "clusters", inventory.parent / "services"
    for folder in (clusters, services):
        folder.mkdir(mode=0o700, exist_ok=True)
    artifacts.mkdir(mode=0o700, parents=True, exist_ok=True)
    events = Events()
    with (
        tempfile.TemporaryDirectory(prefix="govcloud-") as name,
        _environment(Path(name)) as settings,
        progress() as bar,
    ):
        shown = bar.add_task("hosts", total=task_count())

        def handle(event: dict[str, Any]) -> bool:
            if started := events.take(event):
                bar.update(shown, advance=1, description=started)
            return True

        done = ansible_runner.run(
            private_data_dir=name,
            artifact_dir=str(artifacts),
            playbook=str(FOLDER / "site.yml"),
            inventory=str(inventory.resolve()),
            limit=limit or None,
            cmdline="--check" if check else None,
            extravars={**(variables or {}), **_programs()},
            envvars=settings,
            event_handler=handle,
            rotate_artifacts=KEPT_RUNS,
            quiet=True,
        )
        _end_connections(Path(name))
    for fetched in (*clusters.glob("*.kubeconfig"), *services.iterdir()):
        fetched.chmod(0o600)
    failures = tuple(dict.fromkeys(events.failures))
    if done.status != "successful" and not failures:
        failures = (Failure("", "ansible-playbook", _last_line(done.stdout.read()) or str(done.status)),)
    numbers = done.stats or {}
    return Outcome(
        changed=sum((numbers.get("changed") or {}).values()),
        ok=sum((numbers.get("ok") or {}).values()),
        failures=failures,
        changes=tuple(events.changes),
    )


def reason(result: Mapping[str, Any]) -> str:
    """Return the line of a failed task's result that says most: what a program wrote last, else Ansible's message."""
    if "censored" in result:
        return "its output holds secrets and is not shown"
    for key in ("stderr", "module_stderr", "msg", "stdout"):
        if line := _last_line(str(result.get(key) or "")):
            return line
    return "no reason given"


def task_count() -> int:
    """Return how many tasks a full run has, for the progress bar."""
    plays = yaml.safe_load((FOLDER / "site.yml").read_text())
    files = [FOLDER / "roles" / role / "tasks" / "main.yml" for play in plays for role in play["roles"]]
    return sum(len(yaml.safe_load(file.read_text())) for file in files)


def _programs() -> dict[str, str]:
    """Return the kit's own programs as the roles install them: the name of the variable, and the file in base64."""
    made = {"network_agent": archive.build(), "log_collector": archive.collector(), "alerter": archive.alerter()}
    return {name: base64.b64encode(content).decode() for name, content in made.items()}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


@contextmanager
def _environment(folder: Path) -> Iterator[dict[str, str]]:
    """Give Ansible the kit's own settings; those of the person's environment are hidden from it meanwhile."""
    hidden = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("ANSIBLE_")}
    try:
        yield {
            "ANSIBLE_CONFIG": str(FOLDER / "ansible.cfg"),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        }
    finally:
        os.environ.update(hidden)


def _end_connections(folder: Path) -> None:
    """End the SSH connections that were kept open for the run."""
    for control in (folder / "cp").glob("*"):
        subprocess.run(["ssh", "-S", control, "-O", "exit", "host"], capture_output=True, check=False)
