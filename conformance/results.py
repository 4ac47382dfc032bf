"""What a run of the audit found: one model, from which every report is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, computed_field

from conformance.catalogue import Catalogue, Kind, Level, Requirement


class Verdict(StrEnum):
    """What is said of a check or a requirement."""

    PASS = "PASS"  # noqa: S105  # not a password
    FAIL = "FAIL"
    ERROR = "ERROR"
    """Could not be decided."""
    NOT_APPLICABLE = "NOT_APPLICABLE"
    MISSING = "MISSING"
    """A check is there, and gave no result."""
    MANUAL = "MANUAL"
    """No check decides it: a person does."""


WORST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.MISSING, Verdict.PASS, Verdict.NOT_APPLICABLE)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Evidence(_Frozen):
    """One thing that was done and what came back, at ``at`` seconds after the check began."""

    did: str
    saw: str
    at: float


class Check(_Frozen):
    """A check that the run set out to do."""

    name: str
    title: str
    requirements: tuple[str, ...]


class Result(Check):
    """The outcome of one check."""

    verdict: Verdict
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    seconds: float = 0.0


class RequirementLine(_Frozen):
    """What the run says of one requirement; ``checks`` names the results it rests on."""

    id: str
    title: str
    text: str
    sources: tuple[str, ...]
    verdict: Verdict
    reason: str = ""
    checks: tuple[str, ...] = ()


class Subject(_Frozen):
    """The cloud that was audited."""

    cloud: str
    operator: str
    kind: Kind
    level: Level


class Run(_Frozen):
    """One run of the audit, whole."""

    schema_version: int = 1
    kit: str
    catalogue: str
    """SHA-256 of the catalogue's file."""
    subject: Subject
    started: datetime
    finished: datetime
    results: tuple[Result, ...]
    requirements: tuple[RequirementLine, ...]

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of decorators
    @property
    def counts(self) -> dict[Verdict, int]:
        """Number of checks by verdict; every report prints these."""
        found = Counter(result.verdict for result in self.results)
        return {verdict: found[verdict] for verdict in WORST_FIRST}

    @property
    def requirement_counts(self) -> dict[Verdict, int]:
        """Number of requirements by verdict."""
        found = Counter(line.verdict for line in self.requirements)
        return {verdict: found[verdict] for verdict in (*WORST_FIRST, Verdict.MANUAL)}

    @property
    def exit_code(self) -> int:
        """0 when every check passed or does not apply, 1 when one failed, 2 when one is undecided or none passed."""
        counts = self.counts
        if counts[Verdict.FAIL]:
            return 1
        undecided = counts[Verdict.ERROR] + counts[Verdict.MISSING]
        return 2 if undecided or not counts[Verdict.PASS] else 0


def complete(checks: Sequence[Check], results: Sequence[Result]) -> list[Result]:
    """Every check of the run with its result, MISSING where there is none, in the order of the checks."""
    found = {result.name: result for result in results}
    return [
        found.get(check.name)
        or Result(**check.model_dump(), verdict=Verdict.MISSING, reason="the run ended before this check gave a result")
        for check in checks
    ]


def judge(catalogue: Catalogue, subject: Subject, results: Sequence[Result]) -> list[RequirementLine]:
    """Say of each requirement that applies what the results make of it: the worst of its checks, or MANUAL."""
    return [
        _line(requirement, [result for result in results if requirement.id in result.requirements])
        for requirement in catalogue.applicable(subject.kind, subject.level)
    ]


def _line(requirement: Requirement, results: Sequence[Result]) -> RequirementLine:
    verdict, reason = Verdict.MANUAL, "a person decides: the kit has no check of this on a running cloud"
    if results:
        verdicts = {result.verdict for result in results}
        verdict = next(v for v in WORST_FIRST if v in verdicts)
        reason = next((r.reason for r in results if r.verdict is verdict), "")
    elif requirement.for_a_person:
        reason = "a person decides, by documents: " + "; ".join(method.how for method in requirement.check)
    return RequirementLine(
        id=requirement.id,
        title=requirement.title,
        text=requirement.text,
        sources=tuple(f"{source.doc}, {source.ref}" for source in requirement.sources),
        verdict=verdict,
        reason=reason,
        checks=tuple(result.name for result in results),
    )
