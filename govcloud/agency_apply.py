"""`govcloud agency preview` and `govcloud agency apply`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from pulumi.automation.events import EngineEvent
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from core.console import print_json, progress, stdout
from core.errors import KitError
from govcloud import agency_stacks, onboarding, onboarding_all
from govcloud.address_commands import PrefixesOption, RecordsOption
from govcloud.agency_plan import SettingsOption
from govcloud.agency_stacks import AgencyStacks
from govcloud.env_commands import records_folder
from govcloud.onboarding import Candidate, Office
from govcloud.onboarding_all import BAD, Outcome
from modules.addresses import prefixes
from modules.planning import settings
from toolchain.automation import Summary

KubeconfigOption = Annotated[
    Path | None, typer.Option("--kubeconfig", help="Cluster of the central cloud; else KUBECONFIG, else the local one.")
]
ConfigOption = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", metavar="KEY=VALUE", help="Setting of the stack (stacks/agc); more than once."),
]
ApprovedOption = Annotated[
    list[str] | None,
    typer.Option("--approved-by", metavar="NAME", help="Who approves that production is deleted; two people."),
]
FileArgument = Annotated[Path, typer.Argument(help="The agency file.", metavar="FILE")]
_FRAME = ("pulumi:", "govcloud:")
"""Types of resources that only hold others together."""


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command("preview")(preview)
    app.command("apply")(apply)


def office(
    kubeconfig: Path | None,
    config: Sequence[str] | None,
    folder: Path | None,
    planning: Path,
    addresses: Path,
    approved_by: Sequence[str] | None = None,
) -> Office:
    """Return what applies work with, from the options of a command. Raises KitError for what cannot be used."""
    wrong = [pair for pair in config or () if not pair.partition("=")[0] or "=" not in pair]
    if wrong:
        raise KitError(
            f"--config {wrong[0]}: not of the form KEY=VALUE", "for example: -c logs=https://logs.example/in"
        )
    return Office(
        folder or records_folder(),
        AgencyStacks(agency_stacks.environment(kubeconfig), agency_stacks.PROJECT),
        settings.load(planning),
        prefixes.load(addresses),
        dict(pair.split("=", 1) for pair in config or ()),
        tuple(approved_by or ()),
    )


def preview(
    file: FileArgument,
    *,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    kubeconfig: KubeconfigOption = None,
    config: ConfigOption = None,
    folder: RecordsOption = None,
    planning: SettingsOption = settings.DEFAULT,
    addresses: PrefixesOption = prefixes.DEFAULT,
) -> None:
    """Show what an apply of this file would do, and change nothing: no stack, no record, nothing on the cluster."""
    at = office(kubeconfig, config, folder, planning, addresses)
    candidate = onboarding.examine_one(at, file)
    stack = candidate.admitted.planned.stack
    with progress() as display:
        seen = at.stacks.preview(stack, candidate.config, _Bar(display, f"preview of {stack}"))
    if json:
        print_json(_foreseen(candidate, seen))
    else:
        _show_preview(candidate, seen)


def apply(
    file: Annotated[Path | None, typer.Argument(help="The agency file; or --all FOLDER.", metavar="FILE")] = None,
    *,
    folder_of_all: Annotated[
        Path | None, typer.Option("--all", metavar="FOLDER", help="Apply all agency files of this folder.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="How many agencies at a time, with --all.")] = 2,
    again: Annotated[bool, typer.Option("--again", help="With --all: also what was applied before.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    approved_by: ApprovedOption = None,
    kubeconfig: KubeconfigOption = None,
    config: ConfigOption = None,
    folder: RecordsOption = None,
    planning: SettingsOption = settings.DEFAULT,
    addresses: PrefixesOption = prefixes.DEFAULT,
) -> None:
    """Make an agency's cloud as its file says: a preview that is judged first, then the apply.

    With --all, every agency of a folder, each after the one above it. What fails
    stops no other; the same command again goes on with what is not done.
    Where production would be deleted, two people have to approve.
    """
    if (file is None) == (folder_of_all is None):
        raise KitError("what is to be applied is not clear", "give one agency file, or --all FOLDER")
    at = office(kubeconfig, config, folder, planning, addresses, approved_by)
    if file is not None:
        candidate = onboarding.examine_one(at, file)
        stack = candidate.admitted.planned.stack
        with progress() as display:
            done = onboarding.apply(at, candidate, _Bar(display, stack))
        outcomes = [onboarding_all.applied(candidate, done)]
    else:
        outcomes = _apply_all(at, folder_of_all or Path(), parallel, again=again)
    if json:
        print_json({"agencies": [asdict(it) for it in outcomes], "counts": onboarding_all.counted(outcomes)})
    else:
        show(outcomes)
    if bad := [it for it in outcomes if it.result in BAD]:
        raise KitError(
            f"{len(bad)} of {len(outcomes)} agencies were not applied", "mend these; the same command goes on"
        )


def _apply_all(at: Office, folder: Path, parallel: int, *, again: bool) -> list[Outcome]:
    with progress(left=True) as display:
        task = display.add_task(f"agencies of {folder}", total=None)
        failed = 0

        def on_done(outcome: Outcome) -> None:
            nonlocal failed
            if outcome.result in BAD:
                failed += 1
                display.update(task, description=f"agencies of {folder}, {failed} failed")
            if outcome.result in {"applied", "unchanged", "failed", "not tried"}:
                display.advance(task)

        def on_begin(count: int) -> None:
            display.update(task, total=count)

        return onboarding_all.apply_all(at, folder, parallel, again=again, on_begin=on_begin, on_done=on_done)


class _Bar:
    """Shows an operation as resources that are done, of those that its preview had."""

    def __init__(self, display: Progress, name: str) -> None:
        self.display = display
        self.task: TaskID = display.add_task(name, total=None)
        self.count = 0

    def __call__(self, event: EngineEvent) -> None:
        if event.res_outputs_event is not None:
            self.count += 1
            self.display.advance(self.task)
        elif event.summary_event is not None:
            self.display.update(self.task, total=self.count, completed=0)
            self.count = 0


def _foreseen(candidate: Candidate, seen: Summary) -> dict[str, Any]:
    planned = candidate.admitted.planned
    return {
        "unit": planned.key,
        "stack": planned.stack,
        "cluster": planned.cluster,
        "kubeconfig": str(candidate.admitted.kubeconfig),
        "addresses": [str(it) for it in (*planned.ipv6, *planned.ipv4)],
        "reasons": planned.reasons,
        "changes": seen.changes,
        "steps": [{"action": it.action, "type": it.type, "name": it.name, "fields": it.fields} for it in seen.steps],
        "deletes": sorted({it.name for it in seen.steps if onboarding.loses(it)}),
    }


def _show_preview(candidate: Candidate, seen: Summary) -> None:
    planned = candidate.admitted.planned
    where = ", ".join(map(str, (*planned.ipv6, *planned.ipv4)))
    stdout.print(f"{planned.stack} on {planned.cluster}: {where}", markup=False, soft_wrap=True)
    steps = [it for it in seen.steps if not it.type.startswith(_FRAME)]
    if not steps:
        stdout.print("nothing to do: its cloud is as the file says")
        return
    table = Table("action", "kind", "name", "what changes", box=None, pad_edge=False)
    for it in sorted(steps, key=lambda it: it.name):
        table.add_row(it.action, it.type.rpartition(":")[2], escape(it.name), escape(", ".join(it.fields)))
    stdout.print(table)
    counts = Counter(it.action for it in steps)
    stdout.print(", ".join(f"{count} to {action}" for action, count in counts.items()))
    if lost := sorted({it.name.rpartition("::")[2] for it in steps if onboarding.loses(it)}):
        stdout.print(f"with all data in it: {', '.join(lost)}", style="bold red", markup=False, soft_wrap=True)


def show(outcomes: Sequence[Outcome]) -> None:
    """Print a line for each agency, those that were not applied last and with the reason."""
    table = Table("agency", "result", "changed", "resources", "seconds", box=None, pad_edge=False)
    for it in sorted(outcomes, key=lambda it: it.result in BAD):
        style = "red" if it.result in BAD else None
        figures = (str(it.changed), str(it.resources), f"{it.seconds:.1f}")
        table.add_row(escape(it.stack or Path(it.file).name), it.result, *figures, style=style)
    stdout.print(table)
    for it in outcomes:
        if it.why:
            stdout.print(f"{it.stack or it.file}: {it.why}", markup=False, soft_wrap=True)
    counts = onboarding_all.counted(outcomes)
    stdout.print(", ".join(f"{count} {result}" for result, count in counts.items()))
