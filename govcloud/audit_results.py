"""``govcloud audit report|diff|schema``: what is made of the results of a run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from conformance import assembly, changes, reports
from conformance.reports import schema
from conformance.results import Comparison
from core.console import print_json, stdout
from govcloud.audit_console import Folder, Judgements, Previous, Waivers, show_run, undecided

COLOURS = {"new": "bold red", "fixed": "green", "incomparable": "yellow", "same": "dim"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("report")(report)
    app.command("diff")(diff)
    app.command("schema")(show_schema)


def report(
    folder: Folder,
    waivers: Waivers = None,
    judgements: Judgements = None,
    previous: Previous = None,
    out: Annotated[Path | None, typer.Option(help="Folder for what is written, instead of the run's own.")] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print results.json instead of the summary.")] = False,
) -> None:
    """Judge the results of a run anew, with waivers and judgements as they are now, and write its reports again.

    Waivers and judgements of the run that are not given again are left out. Signatures in the folder go.
    """
    with undecided():
        now = dt.datetime.now(dt.UTC)
        found = assembly.again(assembly.read(folder), assembly.additions(waivers, judgements, previous), now)
        reports.write(found, out or folder)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        show_run(found, out or folder)
    raise typer.Exit(found.exit_code)


def diff(
    old: Annotated[Path, typer.Argument(help="Folder, or results.json, of the earlier run.")],
    new: Annotated[Path, typer.Argument(help="Folder, or results.json, of the later run.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Say what changed between two runs. Ends with 1 if a requirement was newly found wanting, with 0 if none was."""
    with undecided():
        found = changes.compare(assembly.read(old), assembly.read(new))
    if json:
        print_json({**found.model_dump(mode="json"), "counts": found.counts})
    else:
        _show(found)
    raise typer.Exit(1 if found.counts["new"] else 0)


def show_schema() -> None:
    """Print the JSON Schema of results.json."""
    print_json(schema.schema())


def _show(found: Comparison) -> None:
    table = Table("change", "requirement", "title", "before", "now", "reason", box=None, pad_edge=False)
    for change in found.changes:
        if change.kind != "same":
            colour = COLOURS[change.kind]
            table.add_row(
                f"[{colour}]{change.kind}[/{colour}]",
                change.requirement,
                escape(change.title),
                change.before or "-",
                change.after or "-",
                escape(change.why),
            )
    if table.row_count:
        stdout.print(table)
    counts = ", ".join(f"{count} {kind}" for kind, count in found.counts.items())
    stdout.print(f"{len(found.changes)} requirements: {counts}.")
