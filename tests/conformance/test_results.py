"""The model of a run: what counts as passed, and what a requirement gets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conformance import catalogue
from conformance.results import Check, Result, Run, Subject, Verdict, complete, judge

SUBJECT = Subject(cloud="c", operator="o", kind="EGC", level=3)


def result(verdict: Verdict, *requirements: str, name: str = "a.check") -> Result:
    return Result(
        name=name, title="", requirements=requirements or ("GVC-NET-01",), verdict=verdict, reason=str(verdict)
    )


def run_of(*verdicts: Verdict) -> Run:
    results = tuple(result(verdict, name=f"a.check{index}") for index, verdict in enumerate(verdicts))
    now = datetime.now(UTC)
    lines = tuple(judge(catalogue.load(), SUBJECT, results))
    return Run(kit="0", catalogue="0", subject=SUBJECT, started=now, finished=now, results=results, requirements=lines)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ((Verdict.PASS,), 0),
        ((Verdict.PASS, Verdict.NOT_APPLICABLE), 0),
        ((Verdict.PASS, Verdict.FAIL), 1),
        ((Verdict.PASS, Verdict.FAIL, Verdict.ERROR), 1),
        ((Verdict.PASS, Verdict.ERROR), 2),
        ((Verdict.PASS, Verdict.MISSING), 2),
        ((Verdict.NOT_APPLICABLE,), 2),
        ((), 2),
    ],
)
def test_the_exit_code_tells_found_at_fault_from_undecided(verdicts: tuple[Verdict, ...], code: int) -> None:
    """0: all passed; 1: something failed; 2: something is undecided, or nothing passed at all."""
    assert run_of(*verdicts).exit_code == code


def test_a_requirement_gets_the_worst_of_its_checks() -> None:
    """One failure among passes is a failure, and its reason is the requirement's."""
    results = [
        result(Verdict.PASS, name="a.one"),
        result(Verdict.ERROR, name="a.two"),
        result(Verdict.FAIL, name="a.three"),
        result(Verdict.NOT_APPLICABLE, name="a.four"),
    ]
    lines = {line.id: line for line in judge(catalogue.load(), SUBJECT, results)}
    assert lines["GVC-NET-01"].verdict is Verdict.FAIL
    assert lines["GVC-NET-01"].reason == "FAIL"
    assert lines["GVC-NET-01"].checks == ("a.one", "a.two", "a.three", "a.four")
    assert lines["GVC-IP6-01"].verdict is Verdict.MANUAL


def test_a_pass_beside_what_does_not_apply_is_a_pass() -> None:
    """What does not apply takes nothing away."""
    results = [result(Verdict.NOT_APPLICABLE, name="a.one"), result(Verdict.PASS, name="a.two")]
    lines = {line.id: line for line in judge(catalogue.load(), SUBJECT, results)}
    assert lines["GVC-NET-01"].verdict is Verdict.PASS


def test_a_check_without_result_is_missing() -> None:
    """What was planned and gave no result is MISSING, not forgotten."""
    planned = [Check(name=name, title="", requirements=("GVC-NET-01",)) for name in ("a.one", "a.two")]
    found = complete(planned, [result(Verdict.PASS, name="a.one")])
    assert [(r.name, r.verdict) for r in found] == [("a.one", Verdict.PASS), ("a.two", Verdict.MISSING)]
    assert found[1].reason
