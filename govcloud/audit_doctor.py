"""``govcloud audit doctor``: before a run, what can be reached, with which rights, and what could be decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from conformance import doctor as examination
from conformance import run as runner
from conformance import target as targets
from conformance.doctor import Diagnosis
from core.console import print_json, stderr, stdout
from govcloud.audit_console import TargetFile, undecided

_BY = {"checks": "[green]yes[/]", "nobody": "[red]no[/]", "person": "[yellow]a person[/]"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    target: TargetFile,
    level: Annotated[int | None, typer.Option(min=1, max=5, help="Security level, instead of the target's.")] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try what the target file names, and say what a run could decide. Changes nothing in the cloud.

    Ends with 0 if all that is declared works, with 2 if something does not.
    """
    with undecided(), stderr.status("asking the cloud"):
        found = examination.examine(targets.load(target, level=level), runner.plan(target, level))
    if json:
        counts: Counter[str] = Counter(outlook.by for outlook in found.outlooks)
        print_json(
            {
                "ok": found.ok,
                "findings": [asdict(finding) for finding in found.findings],
                "requirements": [asdict(outlook) for outlook in found.outlooks],
                "counts": {by: counts[by] for by in _BY} | {"of": len(found.outlooks)},
            }
        )
    else:
        _show(found)
    raise typer.Exit(0 if found.ok else 2)


def _show(found: Diagnosis) -> None:
    tries = Table("tried", "", "found", box=None, pad_edge=False)
    for finding in found.findings:
        tries.add_row(finding.what, "[green]ok[/]" if finding.ok else "[red]no[/]", escape(finding.detail))
    lines = Table("requirement", "title", "decidable", "what is in the way", box=None, pad_edge=False)
    for outlook in found.outlooks:
        lines.add_row(outlook.requirement, outlook.title, _BY[outlook.by], escape(outlook.why))
    stdout.print(tries)
    stdout.print()
    stdout.print(lines)
    by = Counter(outlook.by for outlook in found.outlooks)
    working = sum(finding.ok for finding in found.findings)
    stdout.print(f"\n{working} of {len(found.findings)} attempts went well.")
    stdout.print(
        f"{by['checks']} of {len(found.outlooks)} requirements that apply could be decided by checks; "
        f"for {by['nobody']} something is in the way, {by['person']} are for a person.",
        soft_wrap=True,
    )
