"""`govcloud testbed fault`: break a testbed's cloud on purpose, and mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from core.console import print_json, say, stdout
from core.errors import KitError
from testbed import checks, hosts
from testbed.faults import registry, switching
from testbed.faults.cloud import Cloud
from testbed.topology import TOPOLOGIES, load

app = typer.Typer(help="Faults to switch on in a testbed's cloud, which an audit has to find.", no_args_is_help=True)

ENTERPRISE = TOPOLOGIES / "egc.yaml"
TopologyOption = Annotated[
    Path, typer.Option("--topology", help="Topology file of a testbed that is up.", show_default="the enterprise cloud")
]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Faults, as the list names them.")]


def _cloud(topology: Path) -> Cloud:
    checks.require_root()
    return Cloud.of(hosts.applied(load(topology).name))


@app.command("list")
def list_(
    *,
    topology: TopologyOption = ENTERPRISE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every fault, and which are on."""
    on = set(switching.active(Cloud.of(load(topology))))
    if as_json:
        found = registry.FAULTS.values()
        print_json([{"name": f.name, "area": f.area, "summary": f.summary, "on": f.name in on} for f in found])
        return
    table = Table(box=None, pad_edge=False)
    for column in ("fault", "area", "", "what is broken"):
        table.add_column(column, overflow="fold")
    for fault in registry.FAULTS.values():
        table.add_row(fault.name, fault.area, "[red]on[/]" if fault.name in on else "", fault.summary)
    stdout.print(table)


@app.command()
def on(names: Names, *, topology: TopologyOption = ENTERPRISE) -> None:
    """Switch faults on, and return when the cloud has them."""
    switching.switch_on(_cloud(topology), names)
    say(f"on: {', '.join(names)}; 'govcloud testbed fault off --all' ends them")


@app.command()
def off(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Faults to end.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="End whatever is on.")] = False,
    topology: TopologyOption = ENTERPRISE,
) -> None:
    """Switch faults off, and return when the cloud is well again; nothing happens where none is on."""
    if every == bool(names):
        raise KitError("name the faults to switch off, or say --all", "'govcloud testbed fault list' shows what is on")
    cloud = _cloud(topology)
    if names:
        switching.switch_off(cloud, names)
    ended = names or switching.switch_all_off(cloud)
    say(f"off: {', '.join(ended)}" if ended else "no fault is on")
