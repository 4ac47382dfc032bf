"""What came of judging files or a cluster: findings, what somebody answers for, and what keeps it from being a pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.judge import Finding, Line
from policies.waivers import Waiver, apply

SEVERITIES: Final = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Fault:
    """Something that could not be read or judged, or a waiver that does not hold."""

    said: str
    at: Line | None = None


@dataclass(frozen=True)
class Judgement:
    """The result of a check of files or of an audit of a cluster."""

    findings: Sequence[Finding]
    """What nobody waived, or not any more."""
    waived: Sequence[tuple[Waiver, Finding]]
    faults: Sequence[Fault]
    facts: Mapping[str, Any]
    """What was judged, and how: numbers, and lists of names."""

    @property
    def exit_code(self) -> int:
        """0 if all is well, else 10, 20, 30 or 40 by the worst severity found, else 1 if there is a fault.

        Findings of advisory rules, and those that only a cluster can decide, are shown and do not count.
        """
        if counted := [SEVERITIES.index(it.rule.severity) for it in self.findings if counts(it)]:
            return 10 * (1 + max(counted))
        return 1 if self.faults else 0


def judgement(
    findings: Iterable[Finding],
    faults: Iterable[Fault],
    facts: Mapping[str, Any],
    waivers: Iterable[Waiver],
    today: dt.date,
    concerns: Callable[[Waiver], bool],
) -> Judgement:
    """Take out of the findings what is waived on that day; a waiver that expired or frees nothing is a fault.

    ``concerns`` tells of a waiver whether what it speaks of was judged, so that it has to free something.
    """
    outcome = apply(waivers, findings, today, concerns)
    wrong = [Fault(f"waiver: {it.said}", Line(str(it.file), it.line)) for it in outcome.mistakes]
    return Judgement(outcome.open, outcome.waived, [*faults, *wrong], facts)


def counts(finding: Finding) -> bool:
    """Tell whether a finding refuses; others are advice, or wait for the apply."""
    return finding.rule.enforcement == "mandatory" and not finding.undecided


def grade(finding: Finding) -> str:
    """Return the severity of a finding that refuses, else what it is."""
    if counts(finding):
        return finding.rule.severity
    return "undecided" if finding.undecided else "advice"
