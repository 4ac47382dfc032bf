"""`govcloud policies`: the rules, on their own."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.table import Table

from core.console import progress, stdout
from core.errors import KitError
from govcloud import policies_audit, policy_engine
from govcloud.policies_pages import show_coverage, show_document
from policies import waivers as waiver_files
from policies.check import check as check_files
from policies.check import sources
from policies.document import explanation
from policies.report import Format
from policies.rules import StackRule, about, at_level, shipped
from policies.waived_admission import documents

app = typer.Typer(help="Show the rules, judge manifests by them, render them for admission.", no_args_is_help=True)
policies_audit.register(app)
app.command("coverage")(show_coverage)
app.command("document")(show_document)


@app.command("list")
def list_rules() -> None:
    """Show every rule, the requirements it serves and the gates at which it stands."""
    table = Table("rule", "requirements", "severity", "gates", "title", box=None, pad_edge=False)
    for entry in shipped():
        rule = entry if isinstance(entry, StackRule) else entry.rule
        gates = "preview" if isinstance(rule, StackRule) else "preview, admission"
        table.add_row(rule.id, ", ".join(rule.requirements), rule.severity, gates, rule.title)
    stdout.print(table)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Manifests in YAML or JSON, folders of them, or - for input.")],
    *,
    level: Annotated[int, typer.Option("--level", min=1, max=5, help="Security level whose rules are to be met.")],
    waivers: Annotated[
        Path | None, typer.Option(help="File of waivers for these manifests (docs/waivers.md); each has to free one.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = "text",
) -> None:
    """Judge manifests by the rules of a level; together they are a stack.

    Exit code 0 when all is well; 10, 20, 30 or 40 by the worst severity found (low to critical); 1 when something
    could not be read, or a waiver is wrong, the rest being judged all the same.
    """
    given = waiver_files.read(waivers, [about(it).id for it in shipped()]) if waivers else ()
    policy_engine.provide()
    names = sources(files)
    with progress() as display:
        task = display.add_task("judging", total=len(names))
        judged = check_files(level, names, given, waiver_files.today(), lambda: display.advance(task))
    policies_audit.finish(form, at_level(level), judged)


@app.command()
def render(
    *,
    level: Annotated[int, typer.Option("--level", min=1, max=5, help="Leave out rules that only hold above it.")] = 5,
    waivers: Annotated[
        Path | None, typer.Option(envvar=waiver_files.VARIABLE, help="File of waivers (docs/waivers.md).")
    ] = None,
) -> None:
    """Print the rules over single objects as admission policies, in YAML.

    Each comes with its binding, by which it holds in the namespaces that carry a level of its rules. Rules that judge
    the same objects at the same levels are one policy. Waivers that expired are left out.
    """
    chosen = [it for it in shipped() if min(about(it).levels) <= level]
    given = waiver_files.read(waivers, [about(it).id for it in shipped()]) if waivers else ()
    rendered = documents(chosen, given, waiver_files.today())
    typer.echo(yaml.safe_dump_all(rendered, sort_keys=False, allow_unicode=True, width=1000), nl=False)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="RULE", help="Its id, as findings and `list` show it.")],
) -> None:
    """Say what a rule asks, of which objects, why, and how to meet it."""
    known = {it.id if isinstance(it, StackRule) else it.rule.id: it for it in shipped()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        said = f"did you mean {' or '.join(near)}?" if near else "`govcloud policies list` shows all"
        raise KitError(f"there is no rule {name}", said)
    typer.echo(explanation(known[name]))
