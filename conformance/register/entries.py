"""What the register holds: the signed runs of a folder, by cloud, and their rank. Only the reading is not pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conformance import verdicts
from conformance.results import RequirementLine, Verdict
from conformance.signing import folder as signing
from conformance.signing.folder import Verified
from conformance.signing.revoking import FILE as REVOCATIONS
from core.errors import KitError
from core.signatures import Trust
from modules.certificate import Certificate, Revocations, end_of, load

State = Literal["valid", "ended", "revoked", "upcoming"]


@dataclass(frozen=True)
class Entry:
    """A run whose signature held when it was taken into the register."""

    folder: Path
    held: Verified


@dataclass(frozen=True)
class LeftOut:
    """A folder that does not count, and why."""

    folder: Path
    reason: str


@dataclass(frozen=True)
class Cloud:
    """A cloud with its runs, the oldest first."""

    name: str
    scope: str
    entries: tuple[Entry, ...]

    @property
    def last(self) -> Entry:
        """The run that was begun last."""
        return self.entries[-1]


@dataclass(frozen=True)
class Holding:
    """A certificate and what it is worth on the register's day."""

    entry: Entry
    certificate: Certificate
    state: State


@dataclass(frozen=True)
class Ranked:
    """A cloud at its place."""

    place: int
    """Clouds with equal merits share a place."""
    cloud: Cloud
    best: Holding | None
    """The certificate that holds today, the highest level first."""
    lines: Sequence[RequirementLine]
    """The last run's requirements as they count today."""

    @property
    def passed(self) -> int:
        """Number of requirements that are PASS today."""
        return sum(line.verdict is Verdict.PASS for line in self.lines)


def read(folder: Path, trust: Trust) -> tuple[list[Entry], list[LeftOut]]:
    """Verify every run in a folder, each in a folder of its own. Raises KitError where the folder cannot be read."""
    if not folder.is_dir():
        raise KitError(f"{folder}: is not a folder", "give the folder that holds the folders of signed runs")
    entries, left_out = [], []
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        try:
            entries.append(Entry(path, signing.verify(path, trust)))
        except KitError as error:
            left_out.append(LeftOut(path, error.message.splitlines()[0]))
    return entries, left_out


def read_revocations(folder: Path, trust: Trust) -> Revocations | None:
    """Read the folder's list of revocations, None if there is none. Raises KitError where it cannot be relied on."""
    path = folder / REVOCATIONS
    if not path.exists():
        return None
    listed = load(path, Revocations)
    listed.verify(path, trust, end_of(listed.statement.issued))
    return listed.statement


def clouds(entries: Iterable[Entry]) -> list[Cloud]:
    """Group runs by cloud and scope, by name."""
    grouped: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        subject = entry.held.run.subject
        grouped.setdefault((subject.cloud, subject.scope), []).append(entry)
    return [
        Cloud(name, scope, tuple(sorted(found, key=lambda entry: (entry.held.run.started, entry.folder.name))))
        for (name, scope), found in sorted(grouped.items())
    ]


def holdings(cloud: Cloud, revocations: Revocations | None, on: dt.date) -> list[Holding]:
    """Return the certificates of a cloud, the newest first, and what each is worth on a day."""
    taken_back = {item.certificate for item in revocations.revoked} if revocations else set()
    return [
        Holding(entry, entry.held.certificate, _state(entry.held.certificate, taken_back, on))
        for entry in reversed(cloud.entries)
        if entry.held.certificate
    ]


def _state(certificate: Certificate, taken_back: set[str], on: dt.date) -> State:
    if certificate.digest in taken_back:
        return "revoked"
    if on > certificate.until:
        return "ended"
    return "upcoming" if on < certificate.start else "valid"


def rank(found: Iterable[Cloud], revocations: Revocations | None, on: dt.date) -> list[Ranked]:
    """Put clouds in order: by the level of a certificate that holds, then the share of PASS, then fewer waivers."""
    merits = []
    for cloud in found:
        valid = [held for held in holdings(cloud, revocations, on) if held.state == "valid"]
        best = max(valid, key=lambda held: (held.certificate.level, held.certificate.until), default=None)
        lines = verdicts.aged(cloud.last.held.run.requirements, on)
        passed = sum(line.verdict is Verdict.PASS for line in lines) / max(len(lines), 1)
        waived = sum(line.verdict is Verdict.WAIVED for line in lines)
        merits.append(((-(best.certificate.level if best else 0), -passed, waived), cloud, best, lines))
    merits.sort(key=lambda item: (item[0], item[1].name, item[1].scope))
    return [
        Ranked(1 + sum(other[0] < merit for other in merits), cloud, best, lines)
        for merit, cloud, best, lines in merits
    ]
