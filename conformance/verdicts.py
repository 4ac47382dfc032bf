"""From results to verdicts: of each requirement, and of the whole run. Pure functions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from conformance.catalogue import Catalogue, Requirement
from conformance.results import Check, Extent, RequirementLine, Result, Subject, Verdict, Waiver, WaiverLine, worst

SOUND = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
IN_THE_WAY = (Verdict.FAIL, Verdict.ERROR, Verdict.MISSING, Verdict.MANUAL)
"""Verdicts with which there is no certificate."""
BY_DOCUMENTS = "a person decides, by documents: "
IN_PART = "its checks hold, and a person decides the rest: "
NOT_RUN = "its checks were not part of this run"


def complete(checks: Sequence[Check], results: Sequence[Result]) -> list[Result]:
    """Every check of the run with its result, MISSING where there is none, in the order of the checks."""
    found = {result.name: result for result in results}
    return [
        found.get(check.name)
        or Result(**check.model_dump(), verdict=Verdict.MISSING, reason="the run ended before this check gave a result")
        for check in checks
    ]


def judge(
    catalogue: Catalogue,
    subject: Subject,
    results: Sequence[Result],
    waivers: Sequence[Waiver] = (),
    *,
    began: dt.datetime,
    on: dt.date,
    extent: Extent = "whole",
) -> tuple[list[RequirementLine], list[WaiverLine]]:
    """Say of each requirement that applies what the results make of it, and of each waiver what became of it.

    A requirement gets the worst verdict of its results, where a PASS past its lifetime on the day ``on`` is MISSING;
    ``began`` is the moment of results that carry none. Without one it is MANUAL, or MISSING if the kit has a check.
    Where a person judged, checks that could ask nothing (MANUAL) no longer count; where nobody did, a requirement that
    checks decide in part is MANUAL although they hold.
    """
    by_requirement = {waiver.requirement: waiver for waiver in waivers}
    lines, states = [], []
    for requirement in catalogue.applicable(subject.kind, subject.level):
        own = [result for result in results if requirement.id in result.requirements]
        if any(result.by for result in own):
            own = [result for result in own if result.verdict is not Verdict.MANUAL]
        line = _line(catalogue, requirement, subject.level, own, began, on, extent)
        if waiver := by_requirement.pop(requirement.id, None):
            line, state = _waive(line, waiver, on)
            states.append(state)
        lines.append(line)
    states += [WaiverLine(**waiver.model_dump(), state="unused") for waiver in by_requirement.values()]
    return lines, states


def _line(
    catalogue: Catalogue,
    requirement: Requirement,
    level: int,
    results: Sequence[Result],
    began: dt.datetime,
    on: dt.date,
    extent: Extent,
) -> RequirementLine:
    days = catalogue.lifetime(requirement.id, level)
    aged = [_aged(result, days, began, on) for result in results]
    until = None
    if aged:
        verdict = worst(result.verdict for result in aged)
        reason = next((result.reason for result in aged if result.verdict is verdict), "")
        left = "" if any(result.by for result in results) else catalogue.partly.get(requirement.id, "")
        if verdict is Verdict.PASS and left:
            verdict, reason = Verdict.MANUAL, f"{IN_PART}{left}"
        elif verdict is Verdict.PASS:
            until = min(_ends(result, days, began) for result in aged if result.verdict is Verdict.PASS)
    else:
        verdict, reason = _without_results(catalogue, requirement, extent)
    return RequirementLine(
        id=requirement.id,
        area=requirement.area,
        title=requirement.title,
        title_vi=catalogue.vietnamese[requirement.id].title,
        text=requirement.text,
        text_vi=catalogue.vietnamese[requirement.id].text,
        sources=tuple(f"{source.doc}, {source.ref}" for source in requirement.sources),
        verdict=verdict,
        reason=reason,
        checks=tuple(result.name for result in results),
        until=until,
    )


def _without_results(catalogue: Catalogue, requirement: Requirement, extent: Extent) -> tuple[Verdict, str]:
    if requirement.for_a_person:
        how = "; ".join(method.how for method in requirement.check)
        return Verdict.MANUAL, f"{BY_DOCUMENTS}{how}"
    if reason := catalogue.unchecked.get(requirement.id):
        return Verdict.MANUAL, reason
    return Verdict.MISSING, NOT_RUN if extent == "filtered" else "no check of it gave a result"


def _ends(result: Result, days: int, began: dt.datetime) -> dt.date:
    """Last day on which a result counts."""
    return (result.decided or began).date() + dt.timedelta(days=days)


def _aged(result: Result, days: int, began: dt.datetime, on: dt.date) -> Result:
    end = _ends(result, days, began)
    if result.verdict is not Verdict.PASS or on <= end:
        return result
    reason = f"shown to hold once, and such a result counts for {days} days: until {end}"
    return result.model_copy(update={"verdict": Verdict.MISSING, "reason": reason})


def aged(lines: Iterable[RequirementLine], on: dt.date) -> list[RequirementLine]:
    """Say what earlier lines are worth on a later day: past its last day PASS is MISSING, and WAIVED is FAIL."""
    over = {Verdict.PASS: Verdict.MISSING, Verdict.WAIVED: Verdict.FAIL}
    return [
        line.model_copy(update={"verdict": over[line.verdict], "reason": f"ended on {line.until}", "until": None})
        if line.until and line.until < on and line.verdict in over
        else line
        for line in lines
    ]


def _waive(line: RequirementLine, waiver: Waiver, on: dt.date) -> tuple[RequirementLine, WaiverLine]:
    """Apply a waiver: it covers what does not hold or what nobody decided, and has no use where all is well.

    What could not be decided this time (ERROR, MISSING) stays so; past its last day, a waiver is a failure.
    """

    def say(verdict: Verdict, reason: str, until: dt.date | None = None) -> RequirementLine:
        return line.model_copy(update={"verdict": verdict, "reason": reason, "until": until})

    found = f"{line.verdict}: {line.reason}" if line.reason else str(line.verdict)
    if line.verdict in SOUND:
        reason = f"a waiver that is not needed ({line.verdict}): remove it from the file"
        return say(Verdict.ERROR, reason), WaiverLine(**waiver.model_dump(), state="unused")
    if on > waiver.until:
        reason = f"the waiver of {waiver.approver} ended on {waiver.until} ({found})"
        return say(Verdict.FAIL, reason), WaiverLine(**waiver.model_dump(), state="expired")
    if line.verdict in {Verdict.FAIL, Verdict.MANUAL}:
        reason = f"waived by {waiver.approver} until {waiver.until}: {waiver.reason} ({found})"
        line = say(Verdict.WAIVED, reason, waiver.until)
    return line, WaiverLine(**waiver.model_dump(), state="used")


def counted(lines: Sequence[RequirementLine], verdict: Verdict) -> str:
    """Say how many requirements have a verdict, and which; empty where none has."""
    ids = [line.id for line in lines if line.verdict is verdict]
    return f"{len(ids)} of {len(lines)} requirements are {verdict}: {', '.join(ids)}" if ids else ""


def obstacles(
    lines: Iterable[RequirementLine], waivers: Iterable[WaiverLine], results: Iterable[Result], extent: Extent
) -> list[str]:
    """Say why a run yields no certificate, one line each; none if it yields one."""
    found = []
    if extent != "whole":
        found.append({"filtered": "only some checks were run", "dry-run": "nothing was run: it was a dry run"}[extent])
    lines = list(lines)
    found += [words for verdict in IN_THE_WAY if (words := counted(lines, verdict))]
    if not any(line.verdict is Verdict.PASS for line in lines):
        found.append(f"none of {len(lines)} requirements is PASS")
    found += [f"a waiver of {waiver.requirement} has no use" for waiver in waivers if waiver.state == "unused"]
    found += [f"the check {result.name} gave no result" for result in results if result.verdict is Verdict.MISSING]
    return found
