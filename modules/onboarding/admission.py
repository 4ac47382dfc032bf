"""Whether agencies may be applied as things are, and what each then has: from what is known of it and those above."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.errors import KitError
from modules.agency import Agency
from modules.onboarding import register
from modules.onboarding.budgets import Share, charged
from modules.onboarding.register import Entry
from modules.planning import estates, national
from modules.planning.national import PlannedUnit
from modules.planning.placement import SHARED
from modules.planning.records import Records
from modules.planning.settings import Planning
from modules.quantities import Amounts
from modules.units import era

FIRST: Final = f"{SHARED}-1"
"""The shared cluster that the environment's KUBECONFIG names."""


@dataclass(frozen=True)
class Admitted:
    """An agency that may be applied."""

    agency: Agency
    file: Path
    planned: PlannedUnit
    share: Share
    kubeconfig: Path
    central: bool
    """It stands on a cluster of the central cloud."""
    alone: Mapping[str, Path]
    """Known kubeconfigs of the clusters of its systems of level 5."""
    before: Entry | None

    @property
    def key(self) -> str:
        """Key of the unit, as text."""
        return self.planned.key


@dataclass
class Admission:
    """What was decided about some agencies."""

    admitted: list[Admitted] = field(default_factory=list)
    """Each after the one above it."""
    refused: dict[str, KitError] = field(default_factory=dict)
    """Why not, by the unit's key."""
    shares: dict[str, Share] = field(default_factory=dict)
    """The shares that change, those of units above included."""


def in_order(given: Sequence[tuple[Path, Agency]]) -> list[tuple[Path, Agency]]:
    """Return agencies with each after the one above it, else as given; what stands under itself comes last."""
    left = {str(agency.key): (file, agency) for file, agency in given}
    done: list[tuple[Path, Agency]] = []
    while left:
        ready = [key for key, (_, it) in left.items() if it.parent is None or str(it.parent) not in left]
        done.extend(left.pop(key) for key in ready or list(left))
    return done


def admit(
    given: Sequence[tuple[Path, Agency]],
    records: Path,
    held: Records,
    planning: Planning,
    central: Path,
    on: dt.date,
) -> Admission:
    """Decide about agencies of different keys together.

    What they lack is added to ``held``, which is for the caller to write or forget. ``records`` is the folder of the
    records, ``central`` the kubeconfig of the first shared cluster. Raises KitError where IPv6 is used up.
    """
    ordered = in_order(given)
    brought = estates.declared(agency for _, agency in ordered)
    made = national.plan(brought, planning, held.ledger, on, held.placements)
    wrong: dict[str, list[str]] = {}
    for line in made.refused:
        wrong.setdefault(line.partition(": ")[0], []).append(line)
    desk = _Desk(records, central, Admission())
    for (file, agency), estate, planned in zip(ordered, brought, made.units, strict=True):
        if lines := wrong.get(planned.key):
            desk.refuse(planned, KitError("; ".join(lines), "ask for less, or change the planning settings"))
            continue
        try:
            wish = estate.wish(planning)
            needs = sum(wish.systems.values(), Amounts())
            desk.admit(file, agency, planned, Share(needs=needs, budget=wish.budget))
        except KitError as error:
            desk.refuse(planned, error)
    held.placements = {key: it for key, it in made.placements.items() if key not in desk.decided.refused}
    return desk.decided


class _Desk:
    def __init__(self, records: Path, central: Path, decided: Admission) -> None:
        self.records = records
        self.central = central
        self.decided = decided
        self.kubeconfigs: dict[str, Path] = {}
        self.kinds: dict[str, str] = {}
        self.parents: dict[str, str | None] = {}

    def refuse(self, planned: PlannedUnit, why: KitError) -> None:
        self.decided.refused[planned.key] = why

    def admit(self, file: Path, agency: Agency, planned: PlannedUnit, share: Share) -> None:
        before = register.read(self.records, planned.key)
        if before is not None:
            share = share.model_copy(update={"below": before.share.below})
            if before.applied is not None and before.cluster != planned.cluster:
                raise KitError(
                    f"{planned.stack}: stands on {before.cluster}, and would be put on {planned.cluster}: "
                    "an apply moves no agency to another cluster",
                    "put its placement back as it was, or offboard it there first",
                )
        self._check_parent(agency, planned)
        kubeconfig, central = self._cluster(file, agency, planned)
        changed = charged(planned.key, share, list(self._above(planned.parent)))
        self.decided.shares |= {**changed, planned.key: share}
        self.kubeconfigs[planned.cluster] = kubeconfig
        self.kinds[planned.key], self.parents[planned.key] = planned.kind, planned.parent
        alone = {it.system: self._file_of(it.cluster) for it in planned.systems if it.cluster != planned.cluster}
        known = {system: path for system, path in alone.items() if path.exists()}
        self.decided.admitted.append(Admitted(agency, file, planned, share, kubeconfig, central, known, before))

    def _check_parent(self, agency: Agency, planned: PlannedUnit) -> None:
        if planned.parent is None:
            return
        known = register.read(self.records, planned.parent)
        if planned.parent in self.decided.refused and not (known and known.applied):
            raise KitError(f"{planned.stack}: {planned.parent} above it was refused", "mend that one first")
        kind = self.kinds.get(planned.parent) or (known.kind if known and known.applied else None)
        if kind is None:
            raise KitError(
                f"{planned.stack}: {planned.parent} above it has not been applied", "apply the file of that unit first"
            )
        rule = era.in_force(agency.effective).rules[agency.kind]
        if kind not in rule.under:
            raise KitError(
                f"{planned.stack}: a {agency.kind} does not stand under a {kind} ({planned.parent})",
                f"'parent' is the key of a {' or '.join(rule.under)}",
            )

    def _above(self, parent: str | None) -> Iterator[tuple[str, Share]]:
        """Give the units above with their shares, the nearest first."""
        while parent is not None:
            known = register.read(self.records, parent)
            share = self.decided.shares.get(parent) or (known.share if known else None)
            if share is None:
                return
            yield parent, share
            parent = self.parents.get(parent, known.parent if known else None)

    def _cluster(self, file: Path, agency: Agency, planned: PlannedUnit) -> tuple[Path, bool]:
        """Return the kubeconfig of an agency's cluster, and whether that is one of the central cloud."""
        if agency.placement.kubeconfig is not None:
            return (file.resolve().parent / agency.placement.kubeconfig), False
        is_central = planned.cluster.startswith(f"{SHARED}-")
        if (given := self._file_of(planned.cluster)).exists():
            return given, is_central
        if planned.cluster == FIRST:
            return self.central, True
        if planned.cluster in self.kubeconfigs:
            return self.kubeconfigs[planned.cluster], is_central
        parent = planned.parent
        while parent is not None and (known := register.read(self.records, parent)) is not None:
            if known.cluster == planned.cluster:
                return Path(known.kubeconfig), is_central
            parent = known.parent
        shared = "" if is_central else ", or write 'placement: {cluster: shared}' into the file"
        raise KitError(
            f"{planned.stack}: the plan puts it on cluster {planned.cluster} ({planned.reasons[1]}), "
            "whose kubeconfig is not known",
            f"put it at {given}{shared}",
        )

    def _file_of(self, cluster: str) -> Path:
        return self.records / "clusters" / f"{cluster}.kubeconfig"
