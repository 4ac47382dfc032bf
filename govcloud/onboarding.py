"""Onboarding agencies: checked, planned, reserved, applied, recorded. Applying one touches no other."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.errors import KitError
from core.paths import REPOSITORY
from govcloud.agency_stacks import AgencyStacks
from govcloud.cluster_identity import cluster_id
from modules import agency_file, approvals, grants, labels, placing, settings
from modules.addresses.prefixes import Prefixes
from modules.agency import Agency
from modules.leaving import journals
from modules.onboarding import register
from modules.onboarding.admission import Admission, Admitted, admit
from modules.onboarding.budgets import Share
from modules.onboarding.register import Entry
from modules.planning import records
from modules.planning.settings import Planning
from modules.reforms import heirs
from modules.settings import AgencySettings
from toolchain.automation import Step, Summary
from toolchain.engine import OnEvent

NAMESPACE: Final = "kubernetes:core/v1:Namespace"
"""What bears data: everything of an agency's stands in its namespaces, and goes with them."""
_LOSING: Final = frozenset({"delete", "delete-replaced", "replace"})
_MADE_OF: Final = (
    "modules/**/*.py",
    "stacks/agc/*.py",
    "policies/**/*.py",
    "policies/matches/*.yaml",
    "policies/rules/*/rule.yaml",
)
"""Files that decide what an agency gets, and whether it may."""


@dataclass(frozen=True)
class Office:
    """What every apply works with."""

    records: Path
    stacks: AgencyStacks
    planning: Planning
    prefixes: Prefixes
    config: Mapping[str, str] = field(default_factory=dict)
    """Settings of the stacks, as `pulumi config set` takes them."""
    approved_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """An agency that can be applied: nothing that can be known beforehand speaks against it."""

    admitted: Admitted
    config: Mapping[str, str]
    cluster_id: str
    fingerprint: str

    @property
    def is_done(self) -> bool:
        """True where the same was applied on the same cluster, by the same code."""
        before = self.admitted.before
        made = (before.state, before.fingerprint, before.cluster_id) if before else ()
        return made == ("applied", self.fingerprint, self.cluster_id)


def today() -> dt.date:
    """Return the day by which grants, certificates and quarantines are judged."""
    return dt.datetime.now().astimezone().date()


def examine(office: Office, given: Sequence[tuple[Path, Agency]]) -> tuple[list[Candidate], dict[str, KitError]]:
    """Check agencies without changing anything; return those that can be applied, and why the others cannot."""
    held = records.read(office.records, office.prefixes)
    decided = _admitted(office, given, held)
    candidates, refused = [], decided.refused
    for it in decided.admitted:
        try:
            candidates.append(_candidate(office, it))
        except KitError as error:
            refused[it.key] = error
    return candidates, refused


def examine_one(office: Office, file: Path) -> Candidate:
    """Check one agency file. Raises KitError with all that is wrong with the file, or with what stands against it."""
    candidates, refused = examine(office, [(file, agency_file.load(file))])
    for error in refused.values():
        raise error
    return candidates[0]


def reserve(office: Office, candidates: Sequence[Candidate]) -> None:
    """Record addresses, place and budget of agencies, so that nobody else gets them; again, it changes nothing.

    Raises KitError, and records nothing, where that is no longer possible.
    """
    given = [(it.admitted.file, it.admitted.agency) for it in candidates]
    if not given:
        return
    with records.changing(office.records, office.prefixes) as held:
        decided = _admitted(office, given, held)
        for error in decided.refused.values():
            raise error
        for it in decided.admitted:
            share = decided.shares.pop(it.key)
            if register.update(office.records, it.key, share=share) is None:
                register.write(office.records, _new(it, share))
        for key, share in decided.shares.items():
            register.update(office.records, key, share=share)


def _new(it: Admitted, share: Share) -> Entry:
    return Entry(
        key=it.key,
        stack=it.planned.stack,
        kind=it.planned.kind,
        parent=it.planned.parent,
        file=str(it.file.resolve()),
        state="reserved",
        cluster=it.planned.cluster,
        kubeconfig=str(it.kubeconfig),
        share=share,
    )


def apply(
    office: Office, candidate: Candidate, on_event: OnEvent = lambda _event: None, *, reserved: bool = False
) -> Summary:
    """Apply one agency: previewed and judged, reserved (if it is not yet), made, recorded.

    A run that is killed leaves the record ``applying``; the next one takes up what it began. Raises KitError where it
    cannot be applied: before anything was made, nothing is recorded of a new agency either.
    """
    it = candidate.admitted
    with register.alone(office.records, it.key):
        left = register.read(office.records, it.key)
        if left is not None and left.state == "applying":
            office.stacks.wait_for_orphan(it.planned.stack)
        began, approved = time.monotonic(), list[str]()

        def judge(summary: Summary) -> None:
            approved.extend(approvers(it.planned.stack, summary.steps, office.approved_by))
            if not reserved:
                reserve(office, [candidate])
            _record(office, it, state="applying", why="")

        try:
            done = office.stacks.up(it.planned.stack, candidate.config, on_event, judge)
        except KitError as error:
            if (entry := register.read(office.records, it.key)) is not None and entry.state in {"applying", "reserved"}:
                _record(office, it, state="failed", why=error.message)
            raise
        _record(
            office,
            it,
            state="applied",
            why="",
            applied=dt.datetime.now(dt.UTC),
            seconds=round(time.monotonic() - began, 1),
            resources=done.resources,
            content=it.agency.model_dump(mode="json", by_alias=True, exclude_unset=True),
            fingerprint=candidate.fingerprint,
            cluster_id=candidate.cluster_id,
            approved_by=tuple(approved),
        )
        return done


def approvers(stack: str, steps: Sequence[Step], names: Sequence[str]) -> tuple[str, ...]:
    """Return who approves what is lost. Raises KitError where production is deleted and too few do."""
    lost = {
        str(it.old.get("metadata", {}).get("name") or it.name)
        for it in steps
        if loses(it) and _environment(it) == "production"
    }
    if not lost:
        return ()
    return approvals.check(names, f"{stack}: deletes production: {', '.join(sorted(lost))}, with all data in it")


def loses(step: Step) -> bool:
    """Tell whether a step deletes what bears data: a namespace, and all that is in it."""
    return step.type == NAMESPACE and step.action in _LOSING


def _environment(step: Step) -> str:
    facts: Mapping[str, Any] = step.old.get("metadata", {}).get("labels", {})
    return str(facts.get(labels.ENVIRONMENT, "production"))  # what says nothing is taken for real work


def _admitted(office: Office, given: Sequence[tuple[Path, Agency]], held: records.Records) -> Admission:
    return admit(given, office.records, held, office.planning, office.stacks.kubeconfig, today())


def _record(office: Office, it: Admitted, **changes: Any) -> None:
    where = {"file": str(it.file.resolve()), "cluster": it.planned.cluster, "kubeconfig": str(it.kubeconfig)}
    if register.update(office.records, it.key, **where, **changes) is None:
        raise KitError(f"{it.key}: its record was removed while it was applied", "apply it again")


def _candidate(office: Office, it: Admitted) -> Candidate:
    journals.refuse_leaver(office.records, it.planned.stack)
    heirs.refuse_predecessor(office.records, it.planned.stack)
    own = {"agency": os.path.relpath(it.file.resolve(), office.stacks.project.resolve())}
    own |= heirs.configuration(office.records, it.planned.stack)
    environment = {**os.environ, **office.stacks.environment}
    if it.agency.placement.kubeconfig is None and it.kubeconfig != Path(environment["KUBECONFIG"]):
        own |= {"kubeconfig": str(it.kubeconfig.resolve()), "central": str(it.central).lower()}
    if it.alone:
        own["alone"] = json.dumps({name: str(path.resolve()) for name, path in sorted(it.alone.items())})
    given = {**own, **office.config}
    held = office.stacks.settings(it.planned.stack)
    read = settings.read(AgencySettings, "agc", {f"agc:{key}": text for key, text in {**held, **given}.items()})
    read = read.model_copy(update={"agency": it.file.resolve()})
    place = placing.place(it.agency, read, environment, today())
    grants.check(it.agency, today())
    content = it.agency.model_dump_json(by_alias=True, exclude_unset=True)
    decided = json.dumps([content, {**held, **given}, code()], sort_keys=True)
    return Candidate(it, given, cluster_id(place.kubeconfig), hashlib.sha256(decided.encode()).hexdigest())


@cache
def code() -> str:
    """Return the digest of the code that decides what an agency gets, so that a new version of the kit reaches all."""
    digest = hashlib.sha256()
    for pattern in _MADE_OF:
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
