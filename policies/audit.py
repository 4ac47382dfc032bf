"""A cluster judged by the rules: what is wrong, what somebody answers for, and what could not be seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from policies.judge import Finding, place
from policies.judgement import Fault, Judgement, judgement
from policies.levels import judge_at
from policies.live import Snapshot
from policies.packs import Entry
from policies.stack_rules.objects import items, member
from policies.waived_admission import in_force, stale
from policies.waivers import Waiver


def audit(
    rules: Sequence[Entry], level: int, snapshot: Snapshot, waivers: Sequence[Waiver], today: dt.date, *, filtered: bool
) -> Judgement:
    """Judge what was read from a cluster, each object at the level of its namespace or at ``level``.

    ``filtered`` says that only some namespaces were asked for: waivers for others are no concern then.
    """
    findings = judge_at(rules, level, snapshot.manifests)
    kept = folded(findings, snapshot.manifests)
    judged = set(snapshot.namespaces)
    faults = [Fault(f"not read, so not judged: {it}") for it in snapshot.refused]
    faults += [Fault(f"waiver: {it}") for it in stale(in_force(snapshot.policies), waivers, today)]
    facts = {
        "level": level,
        "rules": len(rules),
        "objects": len(snapshot.manifests),
        "only_these_namespaces": snapshot.namespaces if filtered else [],
        "namespaces_judged": len(judged),
        "namespaces_not_judged": snapshot.skipped,
        "kinds_not_on_this_cluster": snapshot.absent,
        "found_again_in_what_a_workload_makes": len(findings) - len(kept),
    }
    return judgement(kept, faults, facts, waivers, today, lambda it: not filtered or it.namespace in judged)


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
