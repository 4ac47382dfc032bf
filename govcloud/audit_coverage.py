"""``govcloud audit coverage``: which requirements the kit's checks decide, and which are left open, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from conformance import catalogue
from conformance import coverage as covering
from conformance import run as runner
from conformance.catalogue import Kind
from core.console import print_json, stdout
from govcloud.audit_console import undecided

_COLOURS = {"checked": "green", "in part": "yellow", "no check": "red", "documents": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("coverage")(coverage)


def coverage(
    *,
    kind: Annotated[Kind, typer.Option(help="Central, agency or enterprise cloud.")] = "EGC",
    level: Annotated[int | None, typer.Option(min=1, max=5, help="Security level; without it, all five.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show how much of the catalogue the checks decide, and name each gap with its reason. Asks no cloud."""
    with undecided():
        lines = covering.coverage(catalogue.load(), runner.every(), kind, level)
    counts = covering.counts(lines)
    if json:
        print_json({"kind": kind, "level": level, "requirements": len(lines), "counts": counts} | _as_data(lines))
        return
    table = Table("requirement", "title", "state", "methods", "checks", "left open", box=None, pad_edge=False)
    for line in lines:
        colour = _COLOURS[line.state]
        table.add_row(
            line.id,
            line.title,
            f"[{colour}]{line.state}[/{colour}]",
            ", ".join(line.methods),
            ", ".join(line.checks) or "-",
            escape(line.reason),
        )
    stdout.print(table)
    told = ", ".join(f"{count} {state} ({count / len(lines):.0%})" for state, count in counts.items())
    where = f"at level {level}" if level else "at any level"
    stdout.print(f"\n{len(lines)} requirements apply to kind {kind} {where}: {told}.", soft_wrap=True)


def _as_data(lines: list[covering.Line]) -> dict[str, object]:
    return {"lines": [asdict(line) for line in lines]}
