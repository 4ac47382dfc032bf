"""A cluster judged by the rules: what is wrong, what somebody answers for, and what could not be seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.judge import Finding, place
from policies.levels import judge_at
from policies.live import Snapshot
from policies.packs import Entry
from policies.stack_rules.objects import items, member
from policies.waived_admission import in_force, stale
from policies.waivers import Outcome, Waiver, apply

SEVERITIES: Final = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Audit:
    """The result of an audit."""

    level: int
    snapshot: Snapshot
    outcome: Outcome[Finding]
    folded: int
    """Findings about what a workload makes, told once at the workload."""
    stale: list[str]
    """Waivers that the API server still grants and the file does not."""
    filtered: bool
    """True when only some namespaces were asked for."""

    @property
    def exit_code(self) -> int:
        """0 if all is well, 1 if something could not be read or a waiver is wrong, else 10 to 40 by the worst severity.

        Findings of advisory rules are shown and do not count, as in a check of files.
        """
        counted = [SEVERITIES.index(it.rule.severity) for it in self.outcome.open if it.rule.enforcement == "mandatory"]
        if counted:
            return 10 * (1 + max(counted))
        return 1 if self.snapshot.refused or self.outcome.mistakes or self.stale else 0


def audit(
    rules: Sequence[Entry], level: int, snapshot: Snapshot, waivers: Sequence[Waiver], today: dt.date, *, filtered: bool
) -> Audit:
    """Judge what was read from a cluster, each object at the level of its namespace or at ``level``."""
    findings = judge_at(rules, level, snapshot.manifests)
    kept = folded(findings, snapshot.manifests)
    judged = set(snapshot.namespaces)

    def concerns(waiver: Waiver) -> bool:
        return not filtered or waiver.namespace in judged

    outcome = apply(waivers, kept, today, concerns)
    left = list(stale(in_force(snapshot.policies), waivers, today))
    return Audit(level, snapshot, outcome, len(findings) - len(kept), left, filtered)


def folded(findings: Iterable[Finding], manifests: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Leave out what a rule finds in an object made by a controller, where it finds the same in the maker.

    An object whose maker conforms, or is not there, is told of itself: anybody can write an owner into an object.
    """
    found = list(findings)
    by_uid = {member(it, "metadata", "uid"): it for it in manifests}
    by_place = {place(it): it for it in manifests}
    told = {(it.rule.id, it.place) for it in found}

    def made_by(finding: Finding) -> Mapping[str, Any] | None:
        maker = by_place.get(finding.place)
        for _ in range(3):  # a pod of a job of a cron job
            above = _controller(maker, by_uid)
            if above is None:
                break
            maker = above
        return maker

    return [
        it
        for it in found
        if (maker := made_by(it)) is None or place(maker) == it.place or (it.rule.id, place(maker)) not in told
    ]


def _controller(
    manifest: Mapping[str, Any] | None, by_uid: Mapping[Any, Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    for owner in items(member(manifest, "metadata", "ownerReferences")):
        if member(owner, "controller") is True:
            return by_uid.get(member(owner, "uid"))
    return None
