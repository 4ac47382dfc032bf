"""``govcloud audit``: prove or disprove that a cloud meets the requirements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from conformance import assembly, tenants
from conformance import run as runner
from conformance.catalogue import Kind
from conformance.results import Subject
from conformance.target import PROBE_IMAGE
from core.console import print_json, progress, say
from core.errors import KitError
from govcloud import audit_coverage, audit_register, audit_results, audit_signing
from govcloud.audit_console import Judgements, Previous, Waivers, show_plan, show_run, undecided
from testbed import hosts
from testbed.state import State
from testbed.topology import Role

app = typer.Typer(help="Prove or disprove that a cloud meets the requirements.", no_args_is_help=True)

Admin = Annotated[
    Path, typer.Option("--kubeconfig", envvar="KUBECONFIG", help="The administrator's kubeconfig of your own cloud.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder for what is written.")]


@app.command()
def run(
    target: Annotated[Path, typer.Option(help="Target file: which cloud, with whose rights (docs/auditor.md).")],
    out: Out = Path("audit"),
    level: Annotated[int | None, typer.Option(min=1, max=5, help="Security level, instead of the target's.")] = None,
    waivers: Waivers = None,
    judgements: Judgements = None,
    previous: Previous = None,
    *,
    only: Annotated[str, typer.Option(help="Only checks that fit, as pytest -k has it: no certificate then.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be checked; ask nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print results.json instead of the summary.")] = False,
) -> None:
    """Audit a cloud. Ends with 0 if all that was checked holds, 1 if something does not, 2 if it is undecided."""
    with undecided(), progress() as bar:
        task = bar.add_task("starting", total=None)

        def show(done: int, of: int, name: str) -> None:
            bar.update(task, completed=done, total=of or None, description=name or "starting")

        added = assembly.additions(waivers, judgements, previous)
        found = runner.audit(target, out, level=level, progress=show, added=added, only=only, dry_run=dry_run)
    if json:
        print_json(found.model_dump(mode="json"))
    elif dry_run:
        show_plan(found)
    else:
        show_run(found, out)
    raise typer.Exit(0 if dry_run else found.exit_code)


@app.command()
def prepare(
    kubeconfig: Annotated[
        Path | None, typer.Option(envvar="KUBECONFIG", help="The administrator's kubeconfig of your own cloud.")
    ] = None,
    out: Out = Path("audit"),
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
    say(f"The tenants are there. Next: govcloud audit run --target {path} --out {out}")


def _of_testbed(name: str) -> tuple[Path, Path | None]:
    """Return the kubeconfig and the services of a testbed: of its cluster with services, or of its first."""
    topology, state = hosts.applied(name), State.of(name)
    serving = [host.cluster for host in topology.placed() if host.role is Role.SERVICES]
    if serving:
        return state.kubeconfig(serving[0]), state.services
    if not topology.clusters:
        raise KitError(f"testbed {name} has no cluster", "bring up one that has: govcloud testbed up --topology FILE")
    return state.kubeconfig(topology.clusters[0].name), None


@app.command()
def clean(kubeconfig: Admin) -> None:
    """Remove the tenants that ``prepare`` made, with all that is in them."""
    with undecided():
        gone = tenants.clean(kubeconfig)
    say(f"Removed: {', '.join(gone)}" if gone else "There was nothing to remove.")


audit_coverage.register(app)
audit_results.register(app)
audit_signing.register(app)
audit_register.register(app)
