"""`govcloud env`: what a shell needs for plain `pulumi` and `kubectl`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Final

import typer

from core.console import print_json
from core.errors import KitError
from core.paths import state_dir
from modules.planning import records
from testbed.state import State
from toolchain import pulumi

LOCAL: Final = ("demo", "cgc")
"""The testbed of `govcloud up`, and its cluster for the central cloud."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("env")(env)


def env(
    *,
    cluster: Annotated[str, typer.Option("--cluster", help="The cluster that KUBECONFIG names.")] = LOCAL[1],
    testbed: Annotated[str, typer.Option("--testbed", help="The testbed that the cluster is part of.")] = LOCAL[0],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of shell commands.")] = False,
) -> None:
    """Print what plain `pulumi` needs: eval "$(govcloud env)"."""
    variables = environment_of(testbed, cluster)
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def environment_of(testbed: str, cluster: str) -> dict[str, str]:
    """Return the environment of plain Pulumi for a testbed's cluster, with the records of the agencies on it.

    The records and the state of the stacks are the testbed's, and go when it goes.
    """
    kubeconfig = kubeconfig_of(testbed, cluster)
    if kubeconfig is None:
        return pulumi.environment(state_dir(), None)
    made = pulumi.environment(state_dir(), kubeconfig, State.of(testbed).folder / "stacks")
    return {**made, records.FOLDER: str(records_of(testbed))}


def records_of(testbed: str) -> Path:
    """Return the folder of the records of the agencies on a testbed."""
    return State.of(testbed).folder / "records"


def records_folder() -> Path:
    """Return the folder of the records that go with the stacks: the shell's, else those of the local clouds."""
    testbed, cluster = LOCAL
    own = os.environ.get(records.FOLDER) or "PULUMI_BACKEND_URL" in os.environ
    return (
        records.default_folder() if own or not State.of(testbed).kubeconfig(cluster).exists() else records_of(testbed)
    )


def kubeconfig_of(testbed: str, cluster: str) -> Path | None:
    """Return a testbed cluster's kubeconfig, or None where there are no clusters yet, to keep the shell's own."""
    path = State.of(testbed).kubeconfig(cluster)
    if path.exists():
        return path
    known = sorted(file.stem for file in path.parent.glob("*.kubeconfig"))
    if known or (testbed, cluster) != LOCAL:
        raise KitError(
            f"testbed {testbed!r} has no cluster {cluster!r}",
            f"it has {', '.join(known)}" if known else "`govcloud up` makes it; `govcloud testbed status` shows it",
        )
    return None
