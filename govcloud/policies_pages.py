"""What the rules cover, and the page about them."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from conformance import catalogue
from core.console import stdout
from policies import document as page
from policies.coverage import GATES, coverage
from policies.rules import shipped

_BY_POLICY = frozenset({"preview-policy", "admission"})


def show_coverage(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """Show which rules enforce each requirement at preview and at admission; exit code 1 if one has no rule, no reason.

    A requirement is listed when the catalogue gives it to policies. What the rules leave out on purpose stands with
    its reason in policies/exceptions.yaml.
    """
    known = catalogue.load()
    asked = {it.id: it.title for it in known.values() if any(way.method in _BY_POLICY for way in it.check)}
    lines = coverage(shipped(), asked)
    if as_json:
        shown = [
            {
                "requirement": line.requirement,
                "title": line.title,
                **{gate: list(line.rules[gate]) for gate in GATES},
                "left_out": [reason.model_dump(exclude={"requirement"}) for reason in line.reasons],
                "gaps": list(line.gaps),
            }
            for line in lines
        ]
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        table = Table("requirement", *GATES, "title", "left out, and why", box=None, pad_edge=False)
        for line in lines:
            gates = ("GAP" if gate in line.gaps else str(len(line.rules[gate]) or "-") for gate in GATES)
            why = "\n".join(f"{it.part or 'all of it'}: {it.reason}" for it in line.reasons)
            table.add_row(line.requirement, *gates, line.title, why)
        stdout.print(table)
        gaps = sum(bool(line.gaps) for line in lines)
        ruled = sum(any(line.rules.values()) for line in lines)
        stdout.print(
            f"{len(lines)} requirements: {ruled} with rules, {len(lines) - ruled - gaps} with a reason, {gaps} gaps"
        )
    if any(line.gaps for line in lines):
        raise typer.Exit(1)


def show_document() -> None:
    """Print docs/policies.md: every rule with what, why, at which level, and how to mend."""
    typer.echo(page.page(shipped(), {it.id: it.title for it in catalogue.load().values()}), nl=False)
