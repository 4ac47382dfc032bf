"""`govcloud agency reform|merge|split|rename`: the plan of a reorganisation, and its apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from core.console import progress, stdout
from govcloud import reform_apply
from govcloud.address_commands import PrefixesOption, RecordsOption
from govcloud.agency_apply import ConfigOption, KubeconfigOption, office
from govcloud.agency_plan import SettingsOption, read_units
from govcloud.onboarding import Office
from modules import agency_folder
from modules.addresses import prefixes
from modules.planning import settings
from modules.reforms import approvals, heirs, links, planning
from modules.reforms.models import DELETING, Change, ReformPlan, Succession
from modules.units import era, listing
from modules.units.era import Era
from modules.units.tree import Tree

_SHOWN = 20
ReformOption = Annotated[list[Path], typer.Option("--reform", help="CSV of links: old and new units; more than once.")]
OldOption = Annotated[Path, typer.Option("--old", help="Units before: a CSV file, or a folder of agency files.")]
NewOption = Annotated[Path, typer.Option("--new", help="Units after: a CSV file, or a folder of agency files.")]
OldEraOption = Annotated[str, typer.Option("--old-era", help="Shape of a CSV of units before; else the era before.")]
NewEraOption = Annotated[str, typer.Option("--new-era", help="Shape of a CSV of units after; else the latest era.")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Do it; needs the approvals of all owners concerned.")]
ApprovalsOption = Annotated[
    Path | None, typer.Option("--approvals", metavar="FILE", help="Who approved this very plan, in YAML.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="The whole plan, as JSON.")]

_COMMANDS: Final[dict[str, tuple[frozenset[Change], str]]] = {
    "merge": (frozenset({"merged", "merged-and-divided"}), "Plan what becomes of units that go into one with others."),
    "split": (frozenset({"divided", "merged-and-divided"}), "Plan what becomes of units that go into several."),
    "rename": (
        frozenset({"kept", "renamed"}),
        "Plan what becomes of units that go on with another name, code or date.",
    ),
}


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command("reform", help="Plan a whole reform: every old and every new unit.")(_command(frozenset()))
    for name, (changes, text) in _COMMANDS.items():
        app.command(name, help=f"{text} Without --apply, only the plan is made.")(_command(changes))


def _command(changes: frozenset[Change]) -> Callable[..., None]:
    def command(
        reform: ReformOption,
        old: OldOption,
        new: NewOption,
        *,
        json: JsonOption = False,
        old_era: OldEraOption = "",
        new_era: NewEraOption = "",
        settings_file: SettingsOption = settings.DEFAULT,
        execute: ApplyOption = False,
        approvals_file: ApprovalsOption = None,
        kubeconfig: KubeconfigOption = None,
        config: ConfigOption = None,
        folder: RecordsOption = None,
        addresses: PrefixesOption = prefixes.DEFAULT,
    ) -> None:
        made = make(reform, old, new, old_era, new_era, settings_file)
        if changes:
            made = made.only(changes)
        digest = approvals.digest(made)
        if execute:
            at = office(kubeconfig, config, folder, settings_file, addresses)
            _apply(made, digest, at, old, new, approvals_file)
        elif json:
            typer.echo(made.model_dump_json(indent=2))
        else:
            show(made)
            stdout.print(f"This is plan {digest}; nothing was changed. --apply does it, with --approvals FILE.")

    return command


def _apply(made: ReformPlan, digest: str, at: Office, old: Path, new: Path, approved: Path | None) -> None:
    """Apply a plan that was approved, and say who took over what."""
    at = replace(at, records=at.records.resolve())
    reform = reform_apply.prepare(made, digest, old, new, at)
    given = approvals.load(approved) if approved else None
    people = approvals.check(given, digest, reform.approvers, reform.owners)
    heirs.write_approved(at.records, digest, people)
    with progress() as display:
        task = display.add_task("reform", total=None)
        reform_apply.apply(at, reform, lambda text: display.update(task, description=text))
    table = Table("new unit", "took over", "from", box=None, pad_edge=False)
    for it in reform.takeovers:
        for move in it.moves:
            table.add_row(it.heir.slug, "\n".join(move.namespaces) or "no namespace", move.source)
    stdout.print(table)
    stdout.print(f"Old names answer until {made.names_until}; nothing that holds data was moved or deleted.")


def make(reform: Sequence[Path], old: Path, new: Path, old_era: str, new_era: str, settings_file: Path) -> ReformPlan:
    """Read all that is given, and plan the whole reform."""
    decided = settings.load(settings_file)
    eras = era.names()
    after = era.load(new_era or eras[0])
    before = old_era or next((it for it in eras if era.load(it).effective < after.effective), after.name)
    estates = read_units(old, before, decided)
    old_tree = Tree.of([it.unit for it in estates], era.load(before))
    new_tree = _tree(new, after)
    found = [link for file in reform for link in links.load(file, old_tree, new_tree)]
    return planning.plan(estates, new_tree, found, max(unit.key.effective for unit in new_tree), decided)


def _tree(path: Path, shape: Era) -> Tree:
    if path.is_dir():
        return agency_folder.tree_of(agency_folder.load(path))
    return listing.load(path, shape)


def show(made: ReformPlan) -> None:
    """Print what moves, what stays, who approves, and what a person has to decide."""
    steps = list(made.steps())
    deleted = sum(step.bears_data and step.action in DELETING for step in steps)
    stdout.print(
        f"{len(made.successions):,} old units into {len(made.foundations):,} new ones from {made.effective}; old names "
        f"answer until {made.names_until}. Deletions of what bears data: {deleted}."
    )
    changes = Table("change", "old units", "namespaces that stay", title="Old units", title_justify="left")
    for change, count in Counter(it.change for it in made.successions).most_common():
        stays = sum(len(it.namespaces) for it in made.successions if it.change == change)
        changes.add_row(change, f"{count:,}", f"{stays:,}")
    stdout.print(changes)
    actions = Table("step", "times", title="What an apply does", title_justify="left")
    for action, count in Counter(step.action for step in steps).items():
        actions.add_row(action, f"{count:,}")
    stdout.print(actions)
    _show_units([it for it in made.successions if it.change not in {"kept", "unchanged", "not-linked"}])
    for title, unlinked in (
        ("Old units that the file does not name", [(it.unit, it.name, it.why) for it in made.unlinked_old]),
        ("New units that the file does not name", [(it.unit, it.name, "begins empty") for it in made.unlinked_new]),
    ):
        if unlinked:
            table = Table("unit", "name", "until a person decides", title=_title(title, unlinked), title_justify="left")
            for row in unlinked[:_SHOWN]:
                table.add_row(*map(escape, row))
            stdout.print(table)
    for doubt in made.doubts[:_SHOWN]:
        stdout.print(f"to be checked: {doubt}", markup=False, soft_wrap=True)


def _show_units(units: Sequence[Succession]) -> None:
    if not units:
        return
    table = Table("old unit", "change", "gets what it has", "approved by the owners of", title_justify="left")
    table.title = _title("Units that are merged, divided or renamed", units)
    for it in units[:_SHOWN]:
        row = (f"{it.name} {it.unit}", it.change, f"{it.principal}: {it.why}", ", ".join(it.approvers))
        table.add_row(*map(escape, row))
    stdout.print(table)


def _title(title: str, rows: Sequence[object]) -> str:
    return f"{title}: {len(rows):,}{f', of which {_SHOWN} are shown (--json has all)' if len(rows) > _SHOWN else ''}"
