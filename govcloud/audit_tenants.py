"""``govcloud audit prepare|clean``: what an audit needs in a cloud, and the removal of what it left there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from conformance import cleaning, tenants
from conformance import target as targets
from conformance.catalogue import Kind
from conformance.results import Subject
from conformance.target import PROBE_IMAGE
from core.console import print_json, say, stdout
from core.errors import KitError
from govcloud.audit_console import undecided
from testbed import hosts
from testbed.state import State
from testbed.topology import Role


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(prepare)
    app.command()(clean)


def prepare(
    kubeconfig: Annotated[
        Path | None, typer.Option(envvar="KUBECONFIG", help="The administrator's kubeconfig of your own cloud.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for what is written.")] = Path("audit"),
    *,
    services: Annotated[
        Path | None, typer.Option(help="File with what the cloud offers beside Kubernetes (docs/auditor.md).")
    ] = None,
    testbed: Annotated[
        str, typer.Option(help="A testbed of this machine, whose kubeconfig and services are taken.")
    ] = "",
    cloud: Annotated[str, typer.Option(help="The cloud's name, for the report.")] = "Local testbed",
    operator: Annotated[str, typer.Option(help="Who runs it.")] = "Government Cloud Kit",
    kind: Annotated[Kind, typer.Option(help="Central, agency or enterprise cloud.")] = "CGC",
    level: Annotated[int, typer.Option(min=1, max=5, help="Security level to audit at.")] = 3,
    probe_image: Annotated[str, typer.Option(help="Where the nodes find the image agnhost.")] = PROBE_IMAGE,
) -> None:
    """Make two tenants for an audit on a cloud of your own, and write their kubeconfigs and the target file."""
    with undecided():
        if testbed:
            kubeconfig, services = _of_testbed(testbed)
        if kubeconfig is None:
            raise KitError(
                "which cloud? no kubeconfig is given", "give --kubeconfig, or --testbed for one of this machine"
            )
        subject = Subject(cloud=cloud, operator=operator, kind=kind, level=level)
        path = tenants.prepare(kubeconfig, out, subject, probe_image, services)
    say(f"The tenants are there. Next: govcloud audit doctor --target {path}")


def _of_testbed(name: str) -> tuple[Path, Path | None]:
    """Return the kubeconfig and the services of a testbed: of its cluster with services, or of its first."""
    topology, state = hosts.applied(name), State.of(name)
    serving = [host.cluster for host in topology.placed() if host.role is Role.SERVICES]
    if serving:
        return state.kubeconfig(serving[0]), state.services
    if not topology.clusters:
        raise KitError(f"testbed {name} has no cluster", "bring up one that has: govcloud testbed up --topology FILE")
    return state.kubeconfig(topology.clusters[0].name), None


def clean(
    target: Annotated[
        Path | None, typer.Option(help="Remove what audits of this target file left in the cloud.")
    ] = None,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Remove the tenants that prepare made, as their administrator.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is there, and remove nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Remove what audits left in a cloud, and the tenants that ``prepare`` made. Ends with 2 if something stays.

    A running audit of the same target loses what it works with: end it first.
    """
    with undecided():
        if target is None and kubeconfig is None:
            raise KitError("nothing says what to clean", "give --target FILE, --kubeconfig ADMIN, or both")
        if target:
            _clean_target(target, dry_run=dry_run, as_json=json)
        if kubeconfig:
            gone = tenants.there(kubeconfig) if dry_run else tenants.clean(kubeconfig)
            verb = "Would be removed" if dry_run else "Removed"
            say(f"{verb}: {', '.join(gone)}" if gone else "There are no tenants of prepare.")


def _clean_target(path: Path, *, dry_run: bool, as_json: bool) -> None:
    found = cleaning.find(targets.load(path))
    if as_json:
        left = [
            {"owner": item.owner, "kind": item.kind, "name": item.name, "run": item.run, "created": item.created}
            for item in found.left
        ]
        print_json({"left": left, "unseen": found.unseen})
    elif found.left:
        table = Table("of", "kind", "name", "run", "created", box=None, pad_edge=False)
        for item in found.left:
            table.add_row(item.owner, item.kind, escape(item.name), escape(item.run), item.created)
        stdout.print(table)
    failed = [] if dry_run else cleaning.remove(found.left)
    gone = len(found.left) - len(failed)
    if not found.left:
        say("Nothing of an audit is left." if not found.unseen else "Nothing of an audit was seen.")
    else:
        say(f"{len(found.left)} left; nothing was removed (dry run)." if dry_run else f"{gone} removed.")
    if found.unseen or failed:
        raise KitError("\n".join([*found.unseen, *failed]), "what is named here may still be there; try again")
