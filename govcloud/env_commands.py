"""`govcloud env`: what a shell needs for plain `pulumi` and `kubectl`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from core.console import print_json
from core.errors import KitError
from core.paths import state_dir
from testbed.state import State
from toolchain import pulumi


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("env")(env)


def env(
    *,
    cluster: Annotated[str, typer.Option("--cluster", help="The cluster that KUBECONFIG names.")] = "cgc",
    testbed: Annotated[str, typer.Option("--testbed", help="The testbed that the cluster is part of.")] = "demo",
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
    """Return the environment of plain Pulumi for a testbed's cluster; the state of its stacks goes when it goes."""
    kubeconfig = kubeconfig_of(testbed, cluster)
    return pulumi.environment(state_dir(), kubeconfig, State.of(testbed).folder / "stacks" if kubeconfig else None)


def kubeconfig_of(testbed: str, cluster: str) -> Path | None:
    """Return a testbed cluster's kubeconfig, or None where there are no clusters yet, to keep the shell's own."""
    path = State.of(testbed).kubeconfig(cluster)
    if path.exists():
        return path
    known = sorted(file.stem for file in path.parent.glob("*.kubeconfig"))
    if known or (testbed, cluster) != ("demo", "cgc"):
        raise KitError(
            f"testbed {testbed!r} has no cluster {cluster!r}",
            f"it has {', '.join(known)}" if known else "`govcloud up` makes it; `govcloud testbed status` shows it",
        )
    return None
