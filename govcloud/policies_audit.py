"""`govcloud policies audit` and `waivers`: the rules on a live cluster, and what somebody answers for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.table import Table

from core.console import print_json, progress, say, stdout
from core.errors import KitError
from govcloud import policy_engine
from policies import waivers as waiver_files
from policies.audit import audit as judge_cluster
from policies.judgement import Judgement
from policies.live import Cluster, resources
from policies.packs import Entry, find
from policies.report import Format, summary, write
from policies.rules import about, shipped


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(audit)
    app.command()(waivers)


def audit(
    level: Annotated[int, typer.Option(min=1, max=5, help="Least level at which objects are judged.")],
    kubeconfig: Annotated[
        Path, typer.Option(envvar="KUBECONFIG", help="A kubeconfig with rights to get and list; nothing is written.")
    ],
    context: Annotated[
        str | None, typer.Option(help="A context of the kubeconfig, instead of its current one.")
    ] = None,
    namespace: Annotated[
        list[str] | None, typer.Option(help="Judge this namespace alone; can be given again. The report says so.")
    ] = None,
    waivers: Annotated[
        Path | None, typer.Option(envvar=waiver_files.VARIABLE, help="File of waivers (docs/waivers.md).")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = "text",
) -> None:
    """Judge what a cluster holds by the same rules, each namespace at its own level if it carries one.

    Exit code 0 when all is well; 10, 20, 30 or 40 by the worst severity found (low to critical); 1 when something
    could not be read, or a waiver is wrong.
    """
    policy_engine.provide()
    rules = find(f"level-{level}").rules(shipped())
    given = waiver_files.read(waivers, _ids(rules)) if waivers else ()
    only, wanted = namespace or [], resources(rules)
    with progress() as bar:
        task = bar.add_task("reading", total=None)
        read = Cluster(kubeconfig, context).read(
            wanted, only, lambda kind, count: bar.update(task, advance=count, description=f"reading {kind}")
        )
        bar.update(task, description=f"judging {len(read.manifests)} objects")
        judged = judge_cluster(rules, level, read, given, waiver_files.today(), filtered=bool(only))
    if only:
        say(f"ONLY {len(read.namespaces)} NAMESPACES WERE JUDGED: {', '.join(read.namespaces)}")
    finish(form, rules, judged)


def finish(form: Format, rules: Sequence[Entry], judged: Judgement) -> NoReturn:
    """Print a judgement and end with its exit code."""
    typer.echo(write(form, rules, judged))
    say(summary(judged))
    raise typer.Exit(judged.exit_code)


def waivers(
    file: Annotated[Path | None, typer.Argument(help="File of waivers.")] = None,
    *,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the file, for editors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check a file of waivers and show what it waives, the next to expire first; exit code 1 if one has expired."""
    if schema:
        print_json(waiver_files.schema())
        return
    if file is None:
        raise KitError("no file of waivers is given", "govcloud policies waivers FILE, or --schema")
    today = waiver_files.today()
    read = sorted(waiver_files.read(file, _ids(shipped())), key=lambda it: it.expires)
    if as_json:
        print_json([{**it.model_dump(mode="json"), "days_left": (it.expires - today).days} for it in read])
    else:
        table = Table(
            "days left", "expires", "rule", "resource", "owner", "approver", "reason", box=None, pad_edge=False
        )
        for it in read:
            left = str((it.expires - today).days) if it.holds(today) else "expired"
            table.add_row(left, str(it.expires), it.rule, it.resource, it.owner, it.approver, it.reason)
        stdout.print(table)
    if not all(it.holds(today) for it in read):
        raise typer.Exit(1)


def _ids(rules: Sequence[Entry]) -> list[str]:
    return [about(entry).id for entry in rules]
