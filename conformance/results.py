"""What a run of the audit found: one model, from which every report is made."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, computed_field, model_validator

from conformance.catalogue import Kind, Level

VERSION = 2
"""Version of results.json; what it holds is in data/audit-results.schema.json."""
WHOLE_CLOUD = "the whole cloud"


class Verdict(StrEnum):
    """What is said of a check or a requirement."""

    PASS = "PASS"  # noqa: S105  # not a password
    FAIL = "FAIL"
    ERROR = "ERROR"
    """Could not be decided."""
    NOT_APPLICABLE = "NOT_APPLICABLE"
    MISSING = "MISSING"
    """There is no result, or only one past its lifetime."""
    MANUAL = "MANUAL"
    """No check decides it: a person does."""
    WAIVED = "WAIVED"
    """Does not hold, and someone answers for that until a day."""


WORST_FIRST = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.MISSING,
    Verdict.MANUAL,
    Verdict.WAIVED,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of the verdicts; of none, MISSING."""
    found = set(verdicts)
    return next((verdict for verdict in WORST_FIRST if verdict in found), Verdict.MISSING)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
    """The outcome of one check, or what a person decided by documents."""

    verdict: Verdict
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    seconds: float = 0.0
    decided: dt.datetime | None = None
    """When; without it, when the run began."""
    by: str = ""
    """Who decided; '' is a check."""


class RequirementLine(_Frozen):
    """What the run says of one requirement; ``checks`` names the results it rests on."""

    id: str
    area: str
    title: str
    title_vi: str
    text: str
    text_vi: str
    sources: tuple[str, ...]
    verdict: Verdict
    reason: str = ""
    checks: tuple[str, ...] = ()
    until: dt.date | None = None
    """Last day on which the verdict holds: of a PASS, by its lifetime; of a WAIVED, by its waiver."""


class Waiver(_Frozen):
    """A requirement that a cloud need not meet until a day, and who answers for that."""

    requirement: str
    reason: str
    approver: str
    until: dt.date


class WaiverLine(Waiver):
    """What became of a waiver in this run."""

    state: Literal["used", "expired", "unused"]


class Change(_Frozen):
    """A requirement in two runs; a verdict is None where the run does not speak of it."""

    requirement: str
    title: str
    kind: Literal["new", "fixed", "same", "incomparable"]
    before: Verdict | None
    after: Verdict | None
    why: str = ""


class Comparison(_Frozen):
    """What changed since an earlier run."""

    previous: dt.datetime
    """When the earlier run began."""
    changes: tuple[Change, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Number of requirements by kind of change."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in ("new", "fixed", "same", "incomparable")}


class Subject(_Frozen):
    """The cloud that was audited, or the part of it."""

    cloud: str
    operator: str
    kind: Kind
    level: Level
    scope: str = WHOLE_CLOUD


Extent = Literal["whole", "filtered", "dry-run"]
"""Whether all checks were to be made, some, or none."""


def _own_version(value: Any) -> Any:
    if value != VERSION:
        raise ValueError(f"is {value!r}; this kit reads version {VERSION}: make the run again with it")
    return value


class Run(_Frozen):
    """One run of the audit, whole."""

    schema_version: Annotated[Literal[2], BeforeValidator(_own_version)] = 2
    kit: str
    catalogue: str
    """SHA-256 of the catalogue's file."""
    subject: Subject
    extent: Extent = "whole"
    started: dt.datetime
    resumed: tuple[dt.datetime, ...] = ()
    """When the run went on after it had been ended early; each result says when it was decided."""
    finished: dt.datetime
    judged: dt.datetime
    """When the verdicts were made of the results: lifetimes and waivers are counted from here."""
    results: tuple[Result, ...]
    requirements: tuple[RequirementLine, ...]
    waivers: tuple[WaiverLine, ...] = ()
    comparison: Comparison | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_computed(cls, given: Any) -> Any:
        """Leave out what follows from the rest: it is computed anew, never believed."""
        computed = cls.model_computed_fields
        return {key: value for key, value in given.items() if key not in computed} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [result.name for result in self.results]
        if len(set(names)) < len(names):
            raise ValueError("two results have one name")
        if unknown := {name for line in self.requirements for name in line.checks} - set(names):
            raise ValueError(f"a requirement rests on {min(unknown)}, which is not among the results")
        return self

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of decorators
    @property
    def counts(self) -> dict[Verdict, int]:
        """Number of results by verdict; every report prints these."""
        found = Counter(result.verdict for result in self.results)
        return {verdict: found[verdict] for verdict in WORST_FIRST}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def requirement_counts(self) -> dict[Verdict, int]:
        """Number of requirements by verdict; together, all that apply."""
        found = Counter(line.verdict for line in self.requirements)
        return {verdict: found[verdict] for verdict in WORST_FIRST}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> Verdict:
        """The worst of all requirements; a waiver of what nobody asked is an ERROR."""
        unused = [Verdict.ERROR for waiver in self.waivers if waiver.state == "unused"]
        return worst([*(line.verdict for line in self.requirements), *unused])

    @property
    def exit_code(self) -> int:
        """0 when all that was checked holds, 1 when something does not, 2 when something is undecided or none holds."""
        if self.verdict is Verdict.FAIL:
            return 1
        asked = [line.verdict for line in self.requirements if line.checks]
        undecided = self.verdict is Verdict.ERROR or Verdict.MISSING in asked
        return 2 if undecided or Verdict.PASS not in asked else 0
