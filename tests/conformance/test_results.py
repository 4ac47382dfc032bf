"""The model of a run: what counts as passed, and what a program reads from the exit code."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from conformance.assembly import Additions
from conformance.results import Check, Run, Verdict, Waiver
from conformance.verdicts import complete
from tests.conformance.runs import NOW, good_run, result, run_of


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
    """0: all that was checked holds; 1: something does not; 2: something is undecided, or nothing was shown at all."""
    found = run_of([result(verdict, name=f"a.{index}") for index, verdict in enumerate(verdicts)], extent="filtered")
    assert found.exit_code == code


def test_a_waiver_that_nobody_needs_is_undecided() -> None:
    """Also where the requirement is not asked of this cloud at all."""
    waiver = Waiver(requirement="GVC-ISO-04", reason="r", approver="a", until=NOW.date())
    run = run_of([result(Verdict.PASS)], added=Additions(waivers=[waiver]))
    assert run.waivers[0].state == "unused"
    assert (run.verdict, run.exit_code) == (Verdict.ERROR, 2)


def test_a_check_without_result_is_missing() -> None:
    """What was planned and gave no result is MISSING, not forgotten."""
    planned = [Check(name=name, title="", requirements=("GVC-NET-01",)) for name in ("a.one", "a.two")]
    found = complete(planned, [result(Verdict.PASS, name="a.one")])
    assert [(r.name, r.verdict) for r in found] == [("a.one", Verdict.PASS), ("a.two", Verdict.MISSING)]
    assert found[1].reason


def test_the_model_survives_the_way_through_json() -> None:
    """results.json holds the whole run, and what follows from the rest is not believed from it."""
    run = run_of([result(Verdict.FAIL)], added=Additions(previous=good_run()))
    text = run.model_dump_json()
    assert Run.model_validate_json(text) == run
    assert Run.model_validate_json(text.replace('"verdict":"FAIL"}', '"verdict":"PASS"}')).verdict is Verdict.FAIL


def test_another_version_is_refused() -> None:
    """A program that reads what it does not know would read it wrongly."""
    old = {**good_run().model_dump(mode="json"), "schema_version": 1}
    with pytest.raises(ValidationError, match="is 1; this kit reads version 2"):
        Run.model_validate(old)


def test_a_file_that_contradicts_itself_is_refused() -> None:
    """A requirement that rests on a result that is not there, or two results of one name, are no run."""
    whole = good_run().model_dump(mode="json")
    with pytest.raises(ValidationError, match=r"rests on a\.gvc-gov-01, which is not among the results"):
        Run.model_validate({**whole, "results": whole["results"][1:]})
    with pytest.raises(ValidationError, match="two results have one name"):
        Run.model_validate({**whole, "results": [*whole["results"], whole["results"][0]]})


def test_results_may_say_when_they_fell() -> None:
    """A result of an earlier day keeps its day."""
    earlier = NOW - dt.timedelta(days=3)
    run = run_of([result(Verdict.PASS, decided=earlier), result(Verdict.PASS, "GVC-NET-11", name="a.other")])
    lines = {line.id: line for line in run.requirements}
    assert lines["GVC-NET-01"].until == earlier.date() + dt.timedelta(days=365)
    assert lines["GVC-NET-11"].until == NOW.date() + dt.timedelta(days=365)
