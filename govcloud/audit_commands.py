"""``govcloud audit``: prove or disprove that a cloud meets the requirements."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from conformance import run as runner
from conformance import tenants
from conformance.catalogue import Kind
from conformance.results import Run, Subject, Verdict
from conformance.target import PROBE_IMAGE
from core.console import print_json, progress, say, stderr, stdout
from core.errors import KitError

app = typer.Typer(help="Prove or disprove that a cloud meets the requirements.", no_args_is_help=True)

Admin = Annotated[
    Path, typer.Option("--kubeconfig", envvar="KUBECONFIG", help="The administrator's kubeconfig of your own cloud.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder for what is written.")]


@contextmanager
def _undecided() -> Iterator[None]:
    """End with 2, not 1, on what stops an audit: 1 means that the cloud was found at fault."""
    try:
        yield
    except KitError as error:
        stderr.print(error.message, style="bold red", markup=False, soft_wrap=True)
        if error.hint:
            stderr.print(f"  → {error.hint}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error


@app.command()
def run(
    target: Annotated[Path, typer.Option(help="Target file: which cloud, with whose rights (docs/auditor.md).")],
    out: Out = Path("audit"),
    level: Annotated[int | None, typer.Option(min=1, max=5, help="Security level, instead of the target's.")] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print results.json instead of the summary.")] = False,
) -> None:
    """Audit a cloud. Ends with 0 if all checks passed, 1 if one failed, 2 if one could not be decided."""
    with _undecided(), progress() as bar:
        task = bar.add_task("starting", total=None)

        def show(done: int, of: int, name: str) -> None:
            bar.update(task, completed=done, total=of or None, description=name or "starting")

        found = runner.audit(target, out, level=level, progress=show)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found, out)
    raise typer.Exit(found.exit_code)


@app.command()
def prepare(
    kubeconfig: Admin,
    out: Out = Path("audit"),
    *,
    cloud: Annotated[str, typer.Option(help="The cloud's name, for the report.")] = "Local testbed",
    operator: Annotated[str, typer.Option(help="Who runs it.")] = "Government Cloud Kit",
    kind: Annotated[Kind, typer.Option(help="Central, agency or enterprise cloud.")] = "CGC",
    level: Annotated[int, typer.Option(min=1, max=5, help="Security level to audit at.")] = 3,
    probe_image: Annotated[str, typer.Option(help="Where the nodes find the image agnhost.")] = PROBE_IMAGE,
) -> None:
    """Make two tenants for an audit on a cloud of your own, and write their kubeconfigs and the target file."""
    with _undecided():
        subject = Subject(cloud=cloud, operator=operator, kind=kind, level=level)
        path = tenants.prepare(kubeconfig, out, subject, probe_image)
    say(f"The tenants are there. Next: govcloud audit run --target {path} --out {out}")


@app.command()
def clean(kubeconfig: Admin) -> None:
    """Remove the tenants that ``prepare`` made, with all that is in them."""
    with _undecided():
        gone = tenants.clean(kubeconfig)
    say(f"Removed: {', '.join(gone)}" if gone else "There was nothing to remove.")


def _print(found: Run, out: Path) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("verdict", "requirement", "title", "reason"):
        table.add_column(title, overflow="fold", no_wrap=title in {"verdict", "requirement"})
    for line in found.requirements:
        if line.verdict is not Verdict.MANUAL:
            reason = textwrap.shorten(line.reason, 160, placeholder=" …") if line.verdict is not Verdict.PASS else ""
            table.add_row(_coloured(line.verdict), line.id, line.title, escape(reason))
    stdout.print(table)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found.counts.items() if count)
    manual = found.requirement_counts[Verdict.MANUAL]
    stdout.print(f"\n{len(found.results)} checks: {counts}. {manual} requirements are for a person to decide.")
    stdout.print(f"Report: {out / 'report.html'}", soft_wrap=True, markup=False)


def _coloured(verdict: Verdict) -> str:
    colour = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.NOT_APPLICABLE: "dim"}.get(verdict, "yellow")
    return f"[{colour}]{verdict}[/{colour}]"
