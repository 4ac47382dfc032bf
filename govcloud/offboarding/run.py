"""An offboarding, step by step. Each step is written to the journal when it is done, and the next run goes on there."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import KitError
from govcloud.agency_stacks import AgencyStacks
from govcloud.data_guard import refuse_loss
from govcloud.offboarding import volumes
from govcloud.offboarding.cluster import Cluster
from govcloud.offboarding.store import Store
from modules.addresses.prefixes import Prefixes
from modules.leaving import journals
from modules.leaving.models import Journal, LeavingPlan, Phase, volume_part
from modules.leaving.settings import ArchiveSettings
from modules.onboarding import register
from modules.planning import records
from modules.quantities import parse

QUARANTINED: Final = "quarantined"
"""Key of the stack's configuration under which it is shut."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Offboarding:
    """The tools of an offboarding. Every method raises KitError, and can be called again after a kill."""

    cluster: Cluster
    stacks: AgencyStacks
    store: Store
    settings: ArchiveSettings
    folder: Path
    """Of the records."""
    prefixes: Prefixes
    tell: Tell = lambda _text: None
    """Gets what is being done, for people."""

    def archive(self, plan: LeavingPlan, agency_text: bytes, approved_by: tuple[str, ...]) -> Journal:
        """Archive what the agency is, stop it, archive what it has, read all back; then its quarantine begins."""
        journal = journals.read(self.folder, plan.slug)
        if journal is None:
            now = dt.datetime.now(dt.UTC).replace(microsecond=0)
            locked = now + dt.timedelta(days=31 * plan.archive_months) if self.store.locks() else None
            begun = Journal(plan=plan, phase="stopping", begun=now, approved_by=approved_by, locked_until=locked)
            journal = journals.write(self.folder, begun)
        self.store.forget_unfinished(_key(journal, ""))
        if journal.phase == "stopping":
            journal = self._describe(journal, agency_text)
            self.tell("closing its ways and taking its rights away")
            self.stacks.wait_for_orphan(plan.slug)
            self.stacks.up(plan.slug, {QUARANTINED: "true"}, on_preview=refuse_loss)
            self.tell("stopping what runs")
            self.cluster.stop(plan.namespaces)
            journal = self._write(journal, "archiving")
        if journal.phase == "archiving":
            self._still_the_same(journal)
            journal = self._copy(journal)
            journal = self._close(journal)
        return journal

    def delete(self, journal: Journal, today: dt.date) -> Journal:
        """Delete what the agency had, once the quarantine is over and the archive was read back once more."""
        slug = journal.plan.slug
        if journal.phase == "quarantined":
            if journal.deletable is None or today < journal.deletable:
                raise KitError(
                    f"{slug} is in quarantine until {journal.deletable}: nothing is deleted before",
                    "the same command on that day, or --cancel to have it back",
                )
            self._still_the_same(journal)
            for number, it in enumerate(journal.stored, start=1):
                self.tell(f"reading the archive back: {number} of {len(journal.stored)}")
                self.store.verify(it)
            journal = self._write(journal, "deleting")
        if journal.phase == "deleting":
            if self.stacks.exists(slug):
                self.tell("deleting its stack")
                self.stacks.wait_for_orphan(slug)
                self.stacks.unprotect(slug)
                self.stacks.destroy(slug)
                self.stacks.remove(slug)
            if left := self.cluster.namespaces(slug):
                raise KitError(f"{left[0]} is still there", "the same command goes on from here")
            free = journal.addresses_free
            with records.changing(self.folder, self.prefixes) as found:
                if journal.plan.unit in found.ledger.units:
                    free = records.leave(found, journal.plan.unit, today)
                else:
                    found.placements.pop(journal.plan.unit, None)
                register.discharge(self.folder, journal.plan.unit)
            ended = dt.datetime.now(dt.UTC).replace(microsecond=0)
            journal = journal.model_copy(update={"phase": "gone", "addresses_free": free, "ended": ended})
            journals.write(self.folder, journal)
        return journal

    def cancel(self, journal: Journal) -> None:
        """Give the agency back what it had, while nothing is deleted; its archive stays where it is."""
        slug = journal.plan.slug
        if journal.phase in {"deleting", "gone"}:
            raise KitError(f"{slug} cannot be had back: {journals.told(journal)}", "its archive holds what it had")
        self.tell("opening its ways and giving its rights back")
        self.stacks.wait_for_orphan(slug)
        self.stacks.up(slug, {QUARANTINED: "false"}, on_preview=refuse_loss)
        self.cluster.resume(journal.plan.namespaces)
        journals.remove(self.folder, slug)

    def _describe(self, journal: Journal, agency_text: bytes) -> Journal:
        """Store what the agency is, as it stands before anything is changed."""
        journal = self._store(journal, "agency", "agency.yaml", agency_text)
        journal = self._store(journal, "records", "records.json", self._records(journal.plan.unit))
        for it in journal.plan.namespaces:
            if not journal.has(f"manifests {it}"):
                journal = self._store(journal, f"manifests {it}", f"manifests/{it}.json", self.cluster.manifests(it))
        return journal

    def _copy(self, journal: Journal) -> Journal:
        """Store each volume as a tar."""
        for volume in journal.unarchived(journal.plan.volumes):
            self.tell(f"archiving volume {volume.namespace}/{volume.claim} of {volume.size}")
            key = _key(journal, f"volumes/{volume.namespace}/{volume.claim}.tar")
            with volumes.reading(self.cluster.kubeconfig, volume, self.settings.image) as tar:
                stored = self.store.put(key, tar, volume_part(volume), journal.locked_until, int(parse(volume.size)))
            journal = journals.write(self.folder, journal.model_copy(update={"stored": (*journal.stored, stored)}))
        return journal

    def _close(self, journal: Journal) -> Journal:
        """Store the list of all parts, and let the quarantine begin."""
        parts = [it.model_dump() for it in journal.stored]
        contents = {
            "unit": journal.plan.unit,
            "begun": str(journal.begun),
            "approved_by": journal.approved_by,
            "parts": parts,
        }
        journal = self._store(journal, "contents", "contents.json", json.dumps(contents, indent=1).encode())
        ends = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=journal.plan.quarantine_days)
        return self._write(journal.model_copy(update={"deletable": ends}), "quarantined")

    def _store(self, journal: Journal, what: str, name: str, content: bytes) -> Journal:
        if journal.has(what):
            return journal
        self.tell(f"archiving {what}")
        stored = self.store.put(_key(journal, name), io.BytesIO(content), what, journal.locked_until)
        return journals.write(self.folder, journal.model_copy(update={"stored": (*journal.stored, stored)}))

    def _write(self, journal: Journal, phase: Phase) -> Journal:
        return journals.write(self.folder, journal.model_copy(update={"phase": phase}))

    def _records(self, unit: str) -> bytes:
        """Return the lines of the ledger about a unit, and its place."""
        ledger = records.ledger_of(self.folder)
        lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
        about = [json.loads(line) for line in lines]
        placed = records.read(self.folder, self.prefixes).placements.get(unit)
        found = {
            "ledger": [it for it in about if unit in {it.get("unit"), it.get("from")}],
            "placement": placed.model_dump(mode="json") if placed else None,
        }
        return json.dumps(found, indent=1, ensure_ascii=False).encode()

    def _still_the_same(self, journal: Journal) -> None:
        """Refuse to go on where something runs, or where there is a volume that was not planned for."""
        now = self.cluster.namespaces(journal.plan.slug)
        if more := set(now) - set(journal.plan.namespaces):
            raise KitError(
                f"{min(more)} was made since the plan, and is not archived", "remove it, or --cancel and plan anew"
            )
        if running := self.cluster.running(now):
            raise KitError(f"{running[0]} runs again: the data may have changed", "--cancel, and plan anew")
        known = {it.uid for it in journal.plan.volumes}
        if new := [it for it in self.cluster.volumes(now) if it.uid not in known]:
            what = f"{new[0].namespace}/{new[0].claim}"
            raise KitError(f"the volume {what} was made since the plan, and is not archived", "--cancel, and plan anew")


def _key(journal: Journal, name: str) -> str:
    """Name an object of the archive: agency, then the moment in which its leave began."""
    return f"{journal.plan.archive.prefix}{journal.plan.slug}/{journal.begun:%Y%m%dT%H%M%SZ}/{name}"
