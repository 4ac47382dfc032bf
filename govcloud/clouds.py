"""The clouds that `govcloud up` provisions: a central one and two agencies, each a Pulumi stack."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from core.console import progress
from core.paths import REPOSITORY
from govcloud.summary import StackLine
from modules import agency_file, contract
from modules.agency import Agency
from toolchain import automation

CENTRAL_CLUSTER = "cgc"
CENTRAL_STACK = "demo"
POLICY_PACK = REPOSITORY / "policies" / "level-1"
"""The pack of every stack that the kit applies: its namespaces say their level, at which what is in them is judged."""
AGENCY_FILES = (
    REPOSITORY / "data" / "agencies" / "quang-ninh.yaml",
    REPOSITORY / "data" / "agencies" / "ha-long.yaml",
)


@dataclass(frozen=True)
class Provisioned:
    """What was provisioned, for the tables and the proof."""

    stacks: list[StackLine]
    contract: contract.Contract
    agencies: list[Agency]


def provision(environment: Mapping[str, str]) -> Provisioned:
    """Apply the central stack, beside it the admission policies, then the agencies' side by side; all under a pack."""
    agencies = [agency_file.load(path) for path in AGENCY_FILES]
    with progress() as display:

        def apply(project: str, stack: str, config: Mapping[str, str]) -> tuple[StackLine, Mapping[str, object]]:
            task = display.add_task(f"{project}/{stack}", total=None)
            done = automation.up(
                REPOSITORY / "stacks" / project,
                stack,
                config,
                environment,
                POLICY_PACK,
                lambda _event: display.advance(task),
            )
            line = StackLine(f"{project}/{stack}", done.resources, done.changed, done.seconds)
            display.update(task, total=1, completed=1)
            return line, done.outputs

        with ThreadPoolExecutor(max_workers=2) as pool:
            rules = pool.submit(apply, "admission", CENTRAL_CLUSTER, {})
            central, outputs = apply("cgc", CENTRAL_STACK, {})
            applied = pool.map(
                lambda pair: apply("agc", pair[1].slug, {"agency": _from_stack(pair[0])}),
                zip(AGENCY_FILES, agencies, strict=True),
            )
            lines = [rules.result()[0], central, *(line for line, _ in applied)]
    return Provisioned(lines, contract.parse(outputs.get("contract"), f"cgc/{CENTRAL_STACK}"), agencies)


def _from_stack(path: Path) -> str:
    """Return a path as the agencies' project reads it, whatever folder the checkout lies in."""
    return os.path.relpath(path, REPOSITORY / "stacks" / "agc")
