"""The clouds that `govcloud up` provisions: a central one and two agencies, each a Pulumi stack."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from core.console import progress
from core.paths import REPOSITORY
from govcloud import onboarding
from govcloud.agency_stacks import POLICY_PACK, AgencyStacks
from govcloud.cluster_identity import namespaces
from govcloud.onboarding import Candidate, Office
from govcloud.summary import StackLine
from modules import agency_file, contract, labels
from modules.addresses import prefixes
from modules.agency import Agency
from modules.onboarding import register
from modules.planning import settings
from modules.reforms import heirs
from toolchain import automation
from toolchain.automation import OnPreview, Summary

CENTRAL_CLUSTER = "cgc"
CENTRAL_STACK = "demo"
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


def provision(environment: Mapping[str, str], records: Path) -> Provisioned:
    """Apply the central stack, beside it the admission policies, then onboard the agencies; all under a pack.

    ``records`` is the folder of the records. An agency whose cloud is as its file says is left alone.
    """
    office = Office(records, AgencyStacks(environment), settings.load(), prefixes.load())
    agencies = [agency_file.load(path) for path in AGENCY_FILES]
    with progress() as display:

        def apply(project: str, stack: str, on_preview: OnPreview | None = None) -> tuple[StackLine, Summary]:
            task = display.add_task(f"{project}/{stack}", total=None)
            done = automation.up(
                REPOSITORY / "stacks" / project,
                stack,
                {},
                environment,
                POLICY_PACK,
                lambda _event: display.advance(task),
                on_preview,
            )
            display.update(task, total=1, completed=1)
            return _line(project, stack, done), done

        with ThreadPoolExecutor(max_workers=2) as pool:
            rules = pool.submit(apply, "admission", CENTRAL_CLUSTER)
            central, done = apply("cgc", CENTRAL_STACK, lambda foreseen: _call_for_applies(records, foreseen))
            candidates, refused = onboarding.examine(office, list(zip(AGENCY_FILES, agencies, strict=True)))
            for error in refused.values():
                raise error
            known = [_line_if_done(office, it) for it in candidates]
            onboarding.reserve(office, [it for it, line in zip(candidates, known, strict=True) if line is None])
            # side by side, as the one below was admitted and reserved for together with the one above
            onboarded = pool.map(lambda it, line: line or _onboard(office, it, display), candidates, known)
            lines = [rules.result()[0], central, *onboarded]
    return Provisioned(lines, contract.parse(done.outputs.get("contract"), f"cgc/{CENTRAL_STACK}"), agencies)


def _call_for_applies(records: Path, foreseen: Summary) -> None:
    """Have the agencies applied again where what they rest on is about to change, also by a run after this one."""
    if foreseen.changed:
        for entry in register.every(records):
            register.update(records, entry.key, fingerprint="")


def _line_if_done(office: Office, candidate: Candidate) -> StackLine | None:
    """Return the line of an agency that is left alone, None for one that is to be applied."""
    it = candidate.admitted
    if it.before is None or not candidate.is_done or not _stands(office, candidate):
        return None
    return StackLine(f"agc/{it.planned.stack}", it.before.resources, 0, 0)


def _onboard(office: Office, candidate: Candidate, display: Progress) -> StackLine:
    stack = candidate.admitted.planned.stack
    task = display.add_task(f"agc/{stack}", total=None)
    done = onboarding.apply(office, candidate, lambda _event: display.advance(task), reserved=True)
    display.update(task, total=1, completed=1)
    return _line("agc", stack, done)


def _stands(office: Office, candidate: Candidate) -> bool:
    """Tell whether an agency has its namespaces: plain `pulumi destroy` takes them away, and tells no register."""
    it = candidate.admitted
    there = namespaces(it.kubeconfig, f"{labels.AGENCY}={it.planned.stack}")
    return {name for name, phase in there.items() if phase == "Active"} >= set(
        heirs.namespaces(office.records, it.agency)
    )


def _line(project: str, stack: str, done: Summary) -> StackLine:
    return StackLine(f"{project}/{stack}", done.resources, done.changed, done.seconds)
