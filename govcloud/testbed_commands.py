"""`govcloud testbed`: hosts and clusters on this machine."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from core.console import print_json, say, stdout
from core.errors import KitError
from govcloud import settled, testbed_faults
from playbooks import runner
from testbed import checks, hosts, leftovers, ssh
from testbed.faults import switching
from testbed.state import State
from testbed.topology import Topology, load
from toolchain import media

app = typer.Typer(help="Hosts and clusters on this machine.", no_args_is_help=True)
app.add_typer(testbed_faults.app, name="fault")

TopologyOption = Annotated[
    Path | None, typer.Option("--topology", help="Topology file; the one that ships with the kit when not given.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def bring_up(topology: Topology) -> None:
    """Bring the hosts up and make the clusters on them; quick when nothing changed since it last succeeded.

    The machine is one that passed `testbed.checks.require`.
    """
    folder = media.ensure(services=bool(topology.served))
    hosts.up(topology, folder)
    if not topology.clusters:
        return
    if ended := switching.heal(topology):
        say(f"testbed {topology.name}: ended the faults {', '.join(ended)}")
    if settled.is_settled(topology, folder):
        say(f"clusters of testbed {topology.name}: unchanged since they were made, and healthy")
        return
    settled.forget(topology)
    state = State.of(topology.name)
    outcome = runner.run(state.inventory, state.folder / "runs")
    if outcome.failures:
        raise KitError(f"the clusters were not made: {outcome.failures[0]}", f"read {state.folder / 'runs'}")
    settled.wait_until_healthy(topology, folder)
    settled.record(topology, folder)


@app.command()
def up(*, topology: TopologyOption = None, as_json: JsonOption = False) -> None:
    """Boot the hosts and make the clusters; heals what is broken, leaves alone what is well."""
    found = load(topology)
    checks.require(found)
    bring_up(found)
    _show(found, as_json=as_json)


@app.command()
def down(
    *,
    topology: TopologyOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be ended and removed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """End the hosts and remove everything of the testbed, its disks included."""
    checks.require_root()
    name = load(topology).name
    before = leftovers.find(name)
    if not dry_run:
        hosts.down(name)
    if as_json:
        print_json([asdict(item) for item in before])
    elif dry_run:
        for item in before:
            stdout.out(item, highlight=False)
    else:
        say(f"testbed {name} is down" if before else f"testbed {name} was not up")


@app.command()
def status(*, topology: TopologyOption = None, as_json: JsonOption = False) -> None:
    """Show every host; exit code 1 when one does not answer or the testbed is not up."""
    checks.require_root()
    found = hosts.applied(load(topology).name)
    if not _show(found, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def shell(host: str, *, topology: TopologyOption = None) -> None:
    """Open a shell on a host over SSH."""
    checks.require_root()
    found = hosts.applied(load(topology).name)
    words = ssh.arguments(State.of(found.name).folder, host)
    os.execvp(words[0], words)  # noqa: S606


def _show(topology: Topology, *, as_json: bool) -> bool:
    found = hosts.status(topology.name)
    if as_json:
        print_json([asdict(host) for host in found])
    else:
        table = Table(box=None, pad_edge=False)
        for column in ("host", "cluster", "role", "IPv4", "IPv6", "state", "memory"):
            table.add_column(column, overflow="fold")
        for host in found:
            state = "[green]answers[/]" if host.answers else "[red]silent[/]" if host.running else "[red]down[/]"
            memory = f"{host.memory / 2**20:.0f} MiB" if host.memory is not None else ""
            table.add_row(host.name, host.cluster, host.role, host.ipv4, host.ipv6, state, memory)
        stdout.print(table)
    return all(host.answers for host in found)
