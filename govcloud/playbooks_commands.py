"""``govcloud hosts``: from booted hosts to clusters."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from core.console import say
from core.errors import KitError
from playbooks import runner

app = typer.Typer(help="Turn Debian hosts into the nodes of dual-stack clusters.", no_args_is_help=True)


@app.callback()
def _hosts() -> None:
    """Keep the sub-command's name, so that more of them can join it."""


@app.command()
def configure(
    inventory: Annotated[Path, typer.Option(help="Ansible inventory of the hosts.")],
    limit: Annotated[str, typer.Option(help="Only these hosts or groups.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Say what would change and change nothing.")] = False,  # noqa: FBT002
) -> None:
    """Make the hosts of an inventory what their groups say; a second run changes nothing."""
    with tempfile.TemporaryDirectory(prefix="govcloud-run-") as artifacts:
        outcome = runner.run(inventory, Path(artifacts), limit=limit, check=check)
    for change in outcome.changes:
        say(f"changed {change}")
    for failure in outcome.failures:
        say(f"failed  {failure}")
    if outcome.failures:
        raise KitError(f"{len(outcome.failures)} tasks failed", "mend what the lines above say and run it again")
    say(f"{outcome.ok} tasks in order, {outcome.changed} changed something")
