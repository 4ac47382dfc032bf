"""What the commands of ``govcloud audit`` share: options, tables, and how they end."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from conformance.reports import issuing
from conformance.results import Run, Verdict
from core.console import stderr, stdout
from core.errors import KitError

Waivers = Annotated[Path | None, typer.Option(help="File of waivers (docs/auditor.md).")]
Judgements = Annotated[Path | None, typer.Option(help="File of what people judged by documents (docs/auditor.md).")]
Previous = Annotated[Path | None, typer.Option(help="Folder of an earlier run, to say what changed since.")]
TargetFile = Annotated[
    Path, typer.Option("--target", help="Target file: which cloud, with whose rights (docs/auditor.md).")
]
Folder = Annotated[Path, typer.Argument(help="Folder of a run.")]
Trusted = Annotated[Path, typer.Option("--trust", help="Certificates (PEM) of the authorities that you trust.")]
TrustedSigner = Annotated[str, typer.Option("--signer", help="Common name of the auditor whose signature counts.")]


@contextmanager
def undecided() -> Iterator[None]:
    """End with 2, not 1, on what stops an audit: 1 means that the cloud was found at fault."""
    try:
        yield
    except KitError as error:
        stderr.print(error.message, style="bold red", markup=False, soft_wrap=True)
        if error.hint:
            stderr.print(f"  → {error.hint}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error


def show_run(found: Run, out: Path) -> None:
    """Print what was decided, the counts with what they are of, and whether there is a certificate."""
    table = Table(box=None, pad_edge=False)
    for title in ("verdict", "requirement", "title", "reason"):
        table.add_column(title, overflow="fold", no_wrap=title in {"verdict", "requirement"})
    for line in found.requirements:
        if line.verdict is not Verdict.MANUAL and (line.checks or found.extent == "whole"):
            reason = textwrap.shorten(line.reason, 160, placeholder=" …") if line.verdict is not Verdict.PASS else ""
            table.add_row(coloured(line.verdict), line.id, line.title, escape(reason))
    stdout.print(table)
    stdout.print(f"\n{len(found.results)} checks: {_counted(found.counts)}.", soft_wrap=True)
    stdout.print(f"{len(found.requirements)} requirements apply: {_counted(found.requirement_counts)}.", soft_wrap=True)
    if found.resumed:
        went_on = ", ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in found.resumed)
        stdout.print(f"The run began {found.started:%Y-%m-%d %H:%M}, was ended early, and went on {went_on} (UTC).")
    if found.comparison:
        changed = ", ".join(f"{count} {kind}" for kind, count in found.comparison.counts.items())
        stdout.print(f"Since {found.comparison.previous:%Y-%m-%d %H:%M}: {changed}.")
    if reasons := issuing.why_not(found):
        more = f" (and {len(reasons) - 1} more, in the report)" if len(reasons) > 1 else ""
        first = textwrap.shorten(reasons[0], 200, placeholder=" …")
        stdout.print(f"No certificate: {first}{more}.", soft_wrap=True, markup=False)
    else:
        stdout.print(f"Certificate: {out / 'certificate.json'}, not signed yet.", soft_wrap=True, markup=False)
    stdout.print(f"Report: {out / 'report.html'}", soft_wrap=True, markup=False)


def show_plan(found: Run) -> None:
    """Print what a run would check, and which requirements have no check, and why."""
    table = Table("check", "requirements", "shows", box=None, pad_edge=False)
    for result in found.results:
        table.add_row(escape(result.name), " ".join(result.requirements), escape(result.title))
    gaps = Table("requirement", "title", "why it has no check", box=None, pad_edge=False)
    for line in found.requirements:
        if line.verdict is Verdict.MANUAL:
            gaps.add_row(line.id, line.title, escape(line.reason))
    stdout.print(table)
    stdout.print()
    stdout.print(gaps)
    asked = sum(bool(line.checks) for line in found.requirements)
    stdout.print(
        f"\n{len(found.results)} checks of {asked} of {len(found.requirements)} requirements that apply; "
        f"{gaps.row_count} are for a person to decide."
    )


def coloured(verdict: Verdict) -> str:
    """Return a verdict in its colour."""
    colour = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.NOT_APPLICABLE: "dim"}.get(verdict, "yellow")
    return f"[{colour}]{verdict}[/{colour}]"


def _counted(counts: dict[Verdict, int]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "none"
