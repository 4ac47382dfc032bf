"""Applying a reform: what old units have goes over to new ones, and nothing that holds data is moved or deleted.

Each step can be done again: a run that is killed is followed by the same command, which goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import KitError
from govcloud import onboarding
from govcloud.agency_stacks import AgencyStacks
from govcloud.data_guard import refuse_loss
from govcloud.onboarding import Office
from modules import agency_file, agency_folder
from modules.agency import Agency
from modules.inheritance import Inheritance
from modules.onboarding import register
from modules.planning import records
from modules.reforms import heirs
from modules.reforms.handover import hand_over_addresses
from modules.reforms.heirs import Ended
from modules.reforms.models import ReformPlan
from modules.reforms.takeover import Move, Takeover, check_day, ending, takeovers

GUARDED: Final = "govcloud:modules:GuardedNamespace"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Reform:
    """A reform that can be applied."""

    plan: ReformPlan
    digest: str
    takeovers: Sequence[Takeover]
    files: Mapping[str, Path]
    """Agency files of the new units, by key."""
    old_files: Mapping[str, Path]
    """Those of the old units."""
    owners: Mapping[str, str]
    """Addresses of the owners of all units with a file, by key."""

    @property
    def approvers(self) -> tuple[str, ...]:
        """Keys of the units whose owners have to approve."""
        return tuple(dict.fromkeys(key for it in ending(self.plan) for key in it.approvers))


def prepare(plan: ReformPlan, digest: str, old: Path, new: Path, office: Office) -> Reform:
    """Read the files of all units concerned. Raises KitError where the reform cannot be applied; changes nothing."""
    check_day(plan, onboarding.today())
    folder = office.records
    before, after = _files(old), _files(new)
    agencies = {key: agency for key, (_, agency) in before.items()}
    kept = {key: heirs.file_of(folder, agency.slug) for key, agency in agencies.items()}
    inherited = {agency.slug: heirs.inherited(folder, agency.slug) for agency in agencies.values()}
    heirs_of = {key: agency for key, (_, agency) in after.items()}
    found = takeovers(plan, agencies, heirs_of, kept, inherited)
    _, refused = onboarding.examine(office, [after[str(it.heir.key)] for it in found])
    if refused:
        raise KitError("\n".join(error.message for error in refused.values()), "nothing was changed; mend these first")
    owners = {key: agency.contacts.owner.email for key, (_, agency) in [*before.items(), *after.items()]}
    files, old_files = ({key: file for key, (file, _) in it.items()} for it in (after, before))
    return Reform(plan, digest, found, files, old_files, owners)


def apply(office: Office, reform: Reform, tell: Tell = lambda _text: None) -> None:
    """Hand everything over. Raises KitError; what was done until then stays done, and the same call goes on."""
    for it in ending(reform.plan):
        kept = heirs.file_of(office.records, it.stack)
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(reform.old_files[it.unit], kept)
    tell("handing addresses over")
    with records.changing(office.records, office.prefixes) as held:
        hand_over_addresses(held.ledger, reform.plan, onboarding.today())
        for it in ending(reform.plan):
            if (placed := held.placements.pop(it.unit, None)) is not None:
                held.placements.setdefault(it.principal, placed)
    for takeover in reform.takeovers:
        _take_over(office, reform, takeover, tell)
    for it in ending(reform.plan):
        tell(f"closing the stack of {it.stack}")
        close(office.stacks, it.stack)
        stacks = tuple(t.heir.slug for t in reform.takeovers if any(m.source == it.stack for m in t.moves))
        heirs.end(office.records, Ended(slug=it.stack, heirs=stacks, on=onboarding.today(), plan=reform.digest))
        with records.changing(office.records, office.prefixes):
            register.discharge(office.records, it.unit)


def _take_over(office: Office, reform: Reform, it: Takeover, tell: Tell) -> None:
    slug = it.heir.slug
    heirs.write_inherited(office.records, slug, _together(heirs.inherited(office.records, slug), it.inherited))
    candidate = onboarding.examine_one(office, reform.files[str(it.heir.key)])
    engine = office.stacks.engine(slug)
    office.stacks.wait_for_orphan(slug)
    # the configuration comes before the resources: no run of the stack may ever take these for leftovers
    engine.open()
    engine.configure(candidate.config)
    for move in it.moves:
        tell(f"{slug}: taking over the state of {move.source}")
        move_state(office.stacks, move, slug)
    if candidate.is_done:
        return  # by a run that was killed later
    tell(f"{slug}: looking what an apply would do")
    refuse_loss(office.stacks.preview(slug, candidate.config))
    tell(f"{slug}: handing over roles, names and quotas")
    onboarding.apply(office, candidate)


def move_state(stacks: AgencyStacks, move: Move, to: str) -> None:
    """Move what the engine knows of some namespaces, and all in them, into the state of another stack.

    A run that was killed may have left them in both: then they are taken out of the old one. Nothing but the two
    states is touched.
    """
    source, dest = stacks.engine(move.source), stacks.engine(to)
    if not source.exists():
        return
    stacks.wait_for_orphan(move.source)
    found = {it["urn"] for it in source.resources() if it["type"] == GUARDED and _name(it["urn"]) in move.namespaces}
    there = {_name(it["urn"]) for it in dest.resources() if it["type"] == GUARDED}
    for urn in sorted(found):
        if _name(urn) in there:
            source.drop(urn)
    if left := sorted(urn for urn in found if _name(urn) not in there):
        source.move(left, to)


def close(stacks: AgencyStacks, stack: str) -> None:
    """Remove the stack of a unit that is no more. Raises KitError where it still holds anything on the cluster."""
    engine = stacks.engine(stack)
    if not engine.exists():
        return
    left = [_name(it["urn"]) for it in engine.resources() if it["type"].startswith("kubernetes:")]
    if left:
        raise KitError(f"the stack of {stack} still holds {left[0]}", "the same command goes on from here")
    engine.forget()


def _together(before: Sequence[Inheritance], more: Sequence[Inheritance]) -> list[Inheritance]:
    """Add what is not recorded yet: a run that was killed has recorded it already."""
    known = {(it.file, name) for it in before for name in it.systems}
    return [*before, *(it for it in more if not {(it.file, name) for name in it.systems} <= known)]


def _files(path: Path) -> dict[str, tuple[Path, Agency]]:
    """Return the agencies of a folder with their files, by key. Raises KitError for a list, which has no files."""
    if not path.is_dir():
        raise KitError(f"{path}: an apply needs the agency files of all units concerned", "give a folder of such files")
    found = ((file, agency_file.load(file)) for file in agency_folder.files(path))
    return {str(agency.key): (file, agency) for file, agency in found}


def _name(urn: str) -> str:
    return urn.split("::", 3)[-1]
