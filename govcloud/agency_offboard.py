"""`govcloud agency offboard`: an agency leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from core.console import print_json, progress, stdout
from core.errors import KitError
from govcloud import agency_stacks
from govcloud.address_commands import PrefixesOption, RecordsOption
from govcloud.agency_apply import KubeconfigOption
from govcloud.agency_stacks import AgencyStacks
from govcloud.env_commands import records_folder
from govcloud.offboarding import planning
from govcloud.offboarding.cluster import Cluster
from govcloud.offboarding.run import Offboarding
from govcloud.offboarding.store import Store
from govcloud.onboarding import today
from modules import agency_file, approvals
from modules.addresses import prefixes
from modules.leaving import journals, settings
from modules.leaving.models import Journal, LeavingPlan
from modules.onboarding import register as known

QUARANTINE_DAYS = 30


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("offboard")(offboard)


def offboard(
    unit: Annotated[str, typer.Argument(help="Code, key or stack of an agency, or its file.", metavar="AGENCY")],
    *,
    archive: Annotated[
        Path | None, typer.Option("--archive", metavar="FILE", help="Settings of the S3 bucket for its archive.")
    ] = None,
    execute: Annotated[
        bool, typer.Option("--execute", help="Stop it, archive it, read the archive back; its quarantine begins.")
    ] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="After the quarantine: delete what it had. There is no way back.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="During the quarantine: give it back what it had.")] = False,
    approved_by: Annotated[
        list[str] | None, typer.Option("--approved-by", metavar="NAME", help="Who approves; two people.")
    ] = None,
    quarantine_days: Annotated[
        int, typer.Option(min=0, max=3650, help="Days from the stop to the earliest deletion.")
    ] = QUARANTINE_DAYS,
    agencies: Annotated[
        Path, typer.Option("--agencies", help="Folder of the agency files, to find who uses its services.")
    ] = Path("data/agencies"),
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    kubeconfig: KubeconfigOption = None,
    folder: RecordsOption = None,
    addresses: PrefixesOption = prefixes.DEFAULT,
) -> None:
    """Show what becomes of an agency that leaves; nothing is changed without --execute, --delete or --cancel.

    With --execute its ways are closed, its rights taken away and its workloads stopped; what it is and what is on its
    volumes goes into the archive and is read back. All of it is kept until the quarantine is over, and --delete is
    given. Killed at any moment, the same command goes on.
    """
    if execute + delete + cancel > 1:
        raise KitError("--execute, --delete and --cancel are three steps", "give one of them")
    at = folder or records_folder()
    file, slug, entry = _who(unit, at, agencies)
    place = kubeconfig or (Path(entry.kubeconfig) if entry else None)
    journal = journals.read(at, slug)
    if journal is not None and not (execute or delete or cancel):
        _show_journal(journal, json=json)
        return
    if (delete or cancel) and journal is None:
        raise KitError(f"{slug} is not leaving", "see what would be done: the same without --delete or --cancel")
    stacks = AgencyStacks(agency_stacks.environment(place), agency_stacks.PROJECT)
    cluster = Cluster(stacks.kubeconfig)
    if archive is None:
        raise KitError("no archive is named", "--archive FILE; docs/agency.md shows such a file")
    where = settings.load(archive)
    plan = journal.plan if journal else _plan(file, slug, at, stacks, cluster, where, quarantine_days, agencies)
    if not (execute or delete or cancel):
        _show_plan(plan, json=json)
        return
    if (there := (where.endpoint, where.bucket, where.prefix)) != (begun := tuple(plan.archive.model_dump().values())):
        raise KitError(f"the archive of {slug} is at {' '.join(begun)}, and not at {' '.join(there)}", "name that one")
    approved = _approved(plan, journal, approved_by, deletes=delete)
    with known.alone(at, plan.unit), progress() as display:
        task = display.add_task(slug, total=None)
        tools = Offboarding(
            cluster,
            stacks,
            Store(where),
            where,
            at,
            prefixes.load(addresses),
            lambda text: display.update(task, description=f"{slug}: {text}"),
        )
        if cancel and journal is not None:
            tools.cancel(journal)
            journal = None
        elif delete and journal is not None:
            journal = tools.delete(journal, today())
        else:
            journal = tools.archive(plan, file.read_bytes(), approved)
    if journal is None:
        stdout.print(f"{slug}: the leave is called off; it has what it had")
    else:
        _show_journal(journal, json=json)


def _who(unit: str, records_folder: Path, agencies: Path) -> tuple[Path, str, known.Entry | None]:
    """Return the file and the stack of the agency that is meant, and what is known of it."""
    path = Path(unit)
    if path.suffix == ".yaml":
        agency = agency_file.load(path)
        return path, agency.slug, known.read(records_folder, str(agency.key))
    for journal in journals.every(records_folder):
        if unit in {journal.plan.slug, journal.plan.unit, journal.plan.unit.partition(".")[0]}:
            entry = known.read(records_folder, journal.plan.unit)
            return Path(entry.file) if entry else Path(), journal.plan.slug, entry
    try:
        entry = known.find(records_folder, unit)
    except KitError:
        file = planning.find(unit, agencies)
        return file, agency_file.load(file).slug, None
    return Path(entry.file), entry.stack, entry


def _plan(
    file: Path,
    slug: str,
    at: Path,
    stacks: AgencyStacks,
    cluster: Cluster,
    where: settings.ArchiveSettings,
    days: int,
    agencies: Path,
) -> LeavingPlan:
    agency = agency_file.load(file)
    if agency.slug != slug:
        raise KitError(f"{file} is the file of {agency.slug}, and {slug} is to leave", "give the file of the agency")
    below = [it.stack for it in known.every(at) if it.parent == str(agency.key)]
    if below:
        raise KitError(f"{slug} cannot leave before those below it: {', '.join(below)}", "let these leave first")
    return planning.plan(agency, stacks, cluster, where, days, agencies)


def _approved(plan: LeavingPlan, journal: Journal | None, names: list[str] | None, *, deletes: bool) -> tuple[str, ...]:
    """Return who approves. What was begun needs no second approval, but its final deletion does."""
    if not plan.production or (journal is not None and not deletes):
        return tuple(names or ())
    what = "is deleted for good" if deletes else "is stopped, and later deleted"
    return approvals.check(names or (), f"{plan.slug}: production {what}")


def _show_plan(plan: LeavingPlan, *, json: bool) -> None:
    if json:
        print_json(plan.model_dump(mode="json"))
        return
    stdout.print(f"{plan.slug} ({plan.unit}) would leave; this is a dry run, and nothing was changed.")
    table = Table("namespace", "volume", "size", box=None, pad_edge=False)
    for name in plan.namespaces:
        claims = [it for it in plan.volumes if it.namespace == name]
        table.add_row(name, "" if claims else "none", "")
        for it in claims:
            table.add_row("", escape(it.claim), it.size if it.bound else "never used")
    stdout.print(table)
    for number, text in enumerate(_steps(plan), start=1):
        stdout.print(f"{number}. {text}", markup=False, soft_wrap=True)


def _steps(plan: LeavingPlan) -> list[str]:
    where = f"{plan.archive.bucket}/{plan.archive.prefix}{plan.slug}/"
    yes = "; two people approve (--approved-by)" if plan.production else ""
    users = (
        [f"Services that others use end; their files have to change: {', '.join(plan.users)}."] if plan.users else []
    )
    kept, gone = f"kept for {plan.archive_months} months", f"{len(plan.namespaces)} namespaces are deleted"
    return [
        f"--execute: ways closed, rights taken away, workloads stopped{yes}.",
        f"What it is and {len(plan.volumes)} volumes go to {where}, {kept}; all is read back.",
        f"Quarantine of {plan.quarantine_days} days: its data is kept; --cancel gives everything back.",
        f"--delete, after it: the archive is read back once more, then {gone}{yes}.",
        "Its addresses go into the quarantine of the ledger.",
        *users,
    ]


def _show_journal(journal: Journal, *, json: bool) -> None:
    if json:
        print_json(journal.model_dump(mode="json"))
        return
    stdout.print(f"{journal.plan.slug}: {journals.told(journal)}")
    table = Table("archived", "bytes", "entries", "SHA-256", box=None, pad_edge=False)
    for it in journal.stored:
        table.add_row(escape(it.what), f"{it.size:,}", "" if it.entries is None else f"{it.entries:,}", it.sha256[:16])
    stdout.print(table)
    lock = f"locked until {journal.locked_until:%Y-%m-%d}" if journal.locked_until else "not locked: its bucket cannot"
    stdout.print(f"in {journal.plan.archive.bucket}, {lock}; approved by {', '.join(journal.approved_by) or 'nobody'}")


def facts(folder: Path, slug: str) -> dict[str, Any]:
    """Return what `govcloud agency status` says of an agency's leave; nothing for one that stays."""
    journal = journals.read(folder, slug)
    return {"leaving": journals.told(journal)} if journal else {}
