"""`govcloud doctor`: is this machine fit? Runs the checks of `up` alone, and changes nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from core.console import print_json, stdout
from testbed import checks
from testbed.topology import load


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(doctor)


def doctor(
    *,
    topology: Annotated[Path | None, typer.Option("--topology", help="Topology whose prefixes are checked.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check whether this machine can run the local clouds; exit code 1 when it cannot."""
    found = checks.preflight(load(topology))
    if as_json:
        print_json([asdict(check) for check in found])
    else:
        table = Table("check", "", "found", "what to do", box=None, pad_edge=False)
        for check in found:
            state = "[green]ok[/]" if check.ok else "[yellow]warning[/]" if check.warning else "[red]no[/]"
            table.add_row(check.name, state, escape(check.detail), "" if check.ok else escape(check.remedy))
        stdout.print(table)
    if not all(check.ok or check.warning for check in found):
        raise typer.Exit(1)
