"""The plan of an agency's leave, and the journal of how far it got, from which any step goes on after a kill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from modules.model import Model

Phase = Literal["stopping", "archiving", "quarantined", "deleting", "gone"]
NEXT: Final[Mapping[Phase, str]] = {
    "stopping": "being stopped; the same command goes on",
    "archiving": "stopped, being archived; the same command goes on",
    "quarantined": "stopped and archived, its data is kept",
    "deleting": "being deleted; the same command goes on",
    "gone": "deleted, its archive is kept",
}
"""What each phase means to a person."""


class Volume(Model):
    """A volume that an agency has data on."""

    namespace: str
    claim: str
    uid: str
    """Identity of the claim: another one of the same name is not the one that was archived."""
    size: str
    """As Kubernetes writes it."""
    bound: bool
    """Whether there is a volume behind it; one that was never used has nothing to archive."""
    reader: Mapping[str, Any] = {}
    """As whom its files are read: that of the workload that has them."""


class Place(Model):
    """Where the archive goes."""

    endpoint: str
    """'' for the one that boto3 knows from its own settings."""
    bucket: str
    prefix: str


class LeavingPlan(Model):
    """What an offboarding does: nothing else is done, and what is approved is this."""

    unit: str
    """The agency's key."""
    slug: str
    production: bool
    """One of its systems at least is in production."""
    namespaces: tuple[str, ...]
    volumes: tuple[Volume, ...]
    archive: Place
    archive_months: Annotated[int, Field(ge=1)]
    """Months for which the archive may not be deleted: the longest of its systems' ``retention.data``."""
    quarantine_days: Annotated[int, Field(ge=0)]
    """Days between the stop and the earliest deletion."""
    users: tuple[str, ...]
    """Agencies with grants for services of this one, by key: their files have to change."""


class Stored(Model):
    """An object of the archive that was read back and is what was sent."""

    key: str
    version: str
    """Version of the object, '' in a bucket without versions."""
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    sha256: str
    entries: int | None = None
    """Files and folders in it, for the tar of a volume."""
    what: str
    """``agency``, ``records``, ``manifests NAMESPACE``, ``volume NAMESPACE/CLAIM UID`` or ``contents``."""


class Journal(Model):
    """How far an agency's leave got."""

    plan: LeavingPlan
    phase: Phase
    begun: dt.datetime
    approved_by: tuple[str, ...]
    """Who approved it."""
    locked_until: dt.datetime | None = None
    """Until then the bucket lets nobody delete the archive; None where it has no object lock."""
    stored: tuple[Stored, ...] = ()
    deletable: dt.date | None = None
    """First day of the final deletion, once quarantined."""
    addresses_free: dt.date | None = None
    """Day on which the ledger may give its addresses to others."""
    ended: dt.datetime | None = None

    def has(self, what: str) -> bool:
        """Tell whether this part of the archive is stored and was read back."""
        return any(it.what == what for it in self.stored)

    def unarchived(self, volumes: tuple[Volume, ...]) -> list[Volume]:
        """Return the volumes with data that the archive does not hold."""
        return [it for it in volumes if it.bound and not self.has(volume_part(it))]


def volume_part(volume: Volume) -> str:
    """Name a volume's part of the archive."""
    return f"volume {volume.namespace}/{volume.claim} {volume.uid}"


def folder_of(records: Path) -> Path:
    """Return the folder of all journals."""
    return records / "leaving"


def file_of(records: Path, slug: str) -> Path:
    """Return an agency's journal."""
    return folder_of(records) / f"{slug}.json"
