"""`govcloud up` and `govcloud down`: from a bare machine to a provisioned cloud, and back."""

from __future__ import annotations

import time

import typer

from core.console import say, stdout
from core.errors import KitError
from govcloud import clouds, summary
from govcloud.clouds import CENTRAL_CLUSTER
from govcloud.env_commands import environment_of, records_of
from govcloud.proof import prove
from govcloud.testbed_commands import TopologyOption, bring_up, down
from testbed import checks
from testbed.state import State
from testbed.topology import load
from toolchain import build

NEXT_STEPS = (
    ("source .venv/bin/activate", "put govcloud on PATH"),
    ('eval "$(govcloud env)"', "set what plain pulumi and kubectl need"),
    ("cd stacks/cgc && pulumi preview --stack demo --policy-pack ../../policies/level-1", "preview a change"),
    ("govcloud agency status --all", "see the agencies, as the register knows them"),
    ("govcloud testbed shell cgc-1", "look around on a host"),
    (
        "govcloud audit prepare --out audit && govcloud audit run --target audit/target.yaml --out audit/report",
        "judge this cloud as an auditor would",
    ),
    ("make down", "end it all"),
)


def register(app: typer.Typer) -> None:
    """Add the two commands to the program."""
    app.command()(up)
    app.command()(down)


def up(*, topology: TopologyOption = None) -> None:
    """Make the local clouds and show the proof; again, it heals what is broken and leaves alone what is well."""
    begun = time.monotonic()
    found = load(topology)
    checks.require(found)
    build.ensure()
    bring_up(found)
    made = time.monotonic()
    kubeconfig = State.of(found.name).kubeconfig(CENTRAL_CLUSTER)
    provisioned = clouds.provision(environment_of(found.name, CENTRAL_CLUSTER), records_of(found.name))
    applied = time.monotonic()
    say("asking the agencies' workloads to make the calls")
    evidence = prove(kubeconfig, provisioned.contract, provisioned.agencies)
    summary.show_nodes(
        [
            node
            for cluster in found.clusters
            for node in summary.nodes(cluster.name, State.of(found.name).kubeconfig(cluster.name))
        ]
    )
    summary.show_stacks(provisioned.stacks)
    summary.show_proof(evidence)
    ended = time.monotonic()
    stdout.print(
        f"{ended - begun:.0f} s: hosts and clusters {made - begun:.0f}, stacks {applied - made:.0f}, "
        f"proof {ended - applied:.0f}"
    )
    if not all(item.passed for item in evidence):
        raise KitError("the proof failed: see the lines above", "govcloud testbed status, then make up again")
    summary.show_next_steps(NEXT_STEPS)
