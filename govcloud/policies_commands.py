"""`govcloud policies`: the rules, on their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.table import Table

from core.console import say, stdout
from core.errors import KitError
from govcloud import policies_audit
from policies import waivers as waiver_files
from policies.judge import judge_all
from policies.packs import about
from policies.rules import StackRule, shipped
from policies.waived_admission import documents

app = typer.Typer(help="Show the rules, judge manifests by them, render them for admission.", no_args_is_help=True)
policies_audit.register(app)


@app.command("list")
def list_rules() -> None:
    """Show every rule, the requirements it serves and the gates at which it stands."""
    table = Table("rule", "requirements", "severity", "gates", "title", box=None, pad_edge=False)
    for entry in shipped():
        rule = entry if isinstance(entry, StackRule) else entry.rule
        gates = "preview" if isinstance(entry, StackRule) else "preview, admission"
        table.add_row(rule.id, ", ".join(rule.requirements), rule.severity, gates, rule.title)
    stdout.print(table)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Manifests in YAML or JSON; together they are a stack.")],
) -> None:
    """Judge manifests by every rule; exit code 1 when one is violated."""
    findings = judge_all(shipped(), [manifest for file in files for manifest in _manifests(file)])
    for finding in findings:
        typer.echo(str(finding))
    if findings:
        raise typer.Exit(1)
    say("No rule is violated.")


@app.command()
def render(
    waivers: Annotated[
        Path | None, typer.Option(envvar=waiver_files.VARIABLE, help="File of waivers (docs/waivers.md).")
    ] = None,
) -> None:
    """Print the rules over single objects as admission policies, in YAML; expired waivers are left out."""
    given = waiver_files.read(waivers, [about(it).id for it in shipped()]) if waivers else ()
    rendered = documents(shipped(), given, waiver_files.today())
    typer.echo(yaml.safe_dump_all(rendered, sort_keys=False, allow_unicode=True, width=1000), nl=False)


def _manifests(file: Path) -> Iterator[dict[str, Any]]:
    """Read the objects of a file, those of Lists one by one."""
    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KitError(f"{file}: cannot be read: {' '.join(str(error).split())}", "give a file of manifests") from error
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict) or "kind" not in document:
            raise KitError(f"{file}: holds something that is no Kubernetes object", "each object has a kind")
        yield from document.get("items") or [] if document["kind"] == "List" else [document]
