"""`govcloud agency plan`: all units at once, before any of them exists."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.table import Table

from core.console import say, stdout
from core.errors import KitError
from core.files import write_atomic
from govcloud.address_commands import PrefixesOption, RecordsOption
from govcloud.env_commands import records_folder
from modules import agency_folder
from modules.addresses import prefixes
from modules.planning import estates, national, records, settings, tree_map
from modules.planning.estates import Estate
from modules.planning.national import NationalPlan, PlannedUnit
from modules.planning.records import Records
from modules.planning.settings import Planning
from modules.units import era, listing

_SHOWN = 20
_NAMES = re.compile(r"\S+\.\d{4}-\d\d-\d\d|\S+-\d{6}\S*")
"""Keys of units, and names that are made of them."""
UnitsOption = Annotated[
    Path, typer.Option("--units", help="A CSV file of units (an era), or a folder of agency files.")
]
EraOption = Annotated[str, typer.Option("--era", help="Shape of the CSV file, one of data/eras; else the latest.")]
SettingsOption = Annotated[Path, typer.Option("--settings", help="Usual systems, budgets and clusters.")]


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("plan")(plan)


def plan(
    units: UnitsOption,
    *,
    json: Annotated[bool, typer.Option("--json", help="Every unit, as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every unit, as CSV.")] = False,
    tree: Annotated[Path | None, typer.Option("--map", help="Draw the tree: a file .html or .svg.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Record addresses and placements: later plans leave them alone.")
    ] = False,
    era_name: EraOption = "",
    folder: RecordsOption = None,
    planning: SettingsOption = settings.DEFAULT,
    addresses: PrefixesOption = prefixes.DEFAULT,
) -> None:
    """Plan names, addresses, budgets, clusters and gateways for all units at once.

    Exit code 1 when something cannot be had; the plan is shown all the same, and says what and why.
    """
    if tree is not None and tree.suffix not in {".html", ".svg"}:
        raise KitError(f"{tree}: a map is a file .html or .svg", "give another name with --map")
    decided = settings.load(planning)
    given = read_units(units, era_name, decided)
    with _records(folder or records_folder(), addresses, write=write) as before:
        made = national.plan(given, decided, before.ledger, dt.datetime.now().astimezone().date(), before.placements)
        before.placements = dict(made.placements)
    if tree is not None:
        write_atomic(tree, tree_map.html(made) if tree.suffix == ".html" else tree_map.svg(made))
        say(f"written: {tree}")
    if json:
        typer.echo(TypeAdapter(NationalPlan).dump_json(made, indent=2))
    elif as_csv:
        typer.echo(rows(made.units), nl=False)
    else:
        show(made)
    if made.refused:
        raise KitError(
            f"{len(made.refused)} things cannot be had", "the plan says which and why, above or as 'refused'"
        )


def read_units(path: Path, era_name: str, planning: Planning) -> list[Estate]:
    """Read units from a list or from a folder of agency files."""
    if path.is_dir():
        return estates.declared(agency_folder.load(path))
    return estates.assumed(listing.load(path, era.load(era_name or era.names()[0])), planning)


@contextmanager
def _records(folder: Path, addresses: Path, *, write: bool) -> Iterator[Records]:
    plan_of_addresses = prefixes.load(addresses)
    if not write:
        yield records.read(folder, plan_of_addresses)
        return
    with records.changing(folder, plan_of_addresses) as found:
        yield found


def rows(units: Sequence[PlannedUnit]) -> str:
    """Return a line of CSV for each unit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ("key", "name", "kind", "parent", "stack", "ipv6", "ipv4", "cluster", "gateway", "namespaces", "reasons")
    )
    for it in units:
        addresses = (" ".join(map(str, it.ipv6)), " ".join(map(str, it.ipv4)))
        namespaces = " ".join(zone.namespace for system in it.systems for zone in system.zones)
        head = (it.key, it.name, it.kind, it.parent or "", it.stack, *addresses)
        writer.writerow((*head, it.cluster, it.gateway, namespaces, "; ".join(it.reasons)))
    return text.getvalue()


def show(made: NationalPlan) -> None:
    """Print what there is in all, the fullest clusters, and everything that cannot be had."""
    stdout.print(tree_map.summary(made), soft_wrap=True)
    kinds = Table("kind", "units", "with IPv4", "systems", "namespaces", title="Units", title_justify="left")
    for kind, count in Counter(it.kind for it in made.units).items():
        of_kind = [it for it in made.units if it.kind == kind]
        systems = [system for it in of_kind for system in it.systems]
        figures = (count, sum(bool(it.ipv4) for it in of_kind), len(systems), sum(len(it.zones) for it in systems))
        kinds.add_row(kind, *(f"{figure:,}" for figure in figures))
    stdout.print(kinds)
    title = f"Clusters: the {_SHOWN} fullest of {len(made.clusters)}" if len(made.clusters) > _SHOWN else "Clusters"
    table = Table("cluster", "units", "gateways", "namespaces", "load", title=title, title_justify="left")
    for it in sorted(made.clusters, key=lambda it: -it.load)[:_SHOWN]:
        table.add_row(it.cluster, f"{it.units:,}", f"{it.gateways:,}", f"{it.namespaces:,}", f"{it.load:.1%}")
    stdout.print(table)
    reasons = Table("units", "why", title="Reasons", title_justify="left", box=None)
    for why, count in Counter(_general(why) for it in made.units for why in it.reasons).most_common(_SHOWN):
        reasons.add_row(f"{count:,}", why)
    stdout.print(reasons)
    for refusal in made.refused[:_SHOWN]:
        say(refusal)
    if len(made.refused) > _SHOWN:
        say(f"… and {len(made.refused) - _SHOWN} more: --json lists them all under 'refused'")


def _general(why: str) -> str:
    """Return a reason without the names that differ from unit to unit."""
    return _NAMES.sub("…", why)
