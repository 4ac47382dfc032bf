"""Verdicts: laws that hold for whatever results there are."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import catalogue, verdicts
from conformance.assembly import Additions
from conformance.reports import issuing
from conformance.results import WORST_FIRST, RequirementLine, Result, Run, Verdict, Waiver, WaiverLine, worst
from tests.conformance.runs import NOW, SUBJECT, all_of, good_run, result, run_of

TODAY = NOW.date()
DAY = dt.timedelta(days=1)
ASKED = [requirement.id for requirement in catalogue.load().applicable("EGC", 3)]
OF_CHECKS = (Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.NOT_APPLICABLE, Verdict.MISSING, Verdict.MANUAL)

verdict = st.sampled_from(OF_CHECKS)
ages = st.integers(0, 800)
results = st.lists(st.tuples(st.lists(st.sampled_from(ASKED), min_size=1, max_size=3, unique=True), verdict, ages)).map(
    lambda drawn: [
        result(said, *ids, name=f"a.{index}", decided=NOW - age * DAY) for index, (ids, said, age) in enumerate(drawn)
    ]
)
waivers = st.lists(
    st.tuples(st.sampled_from(sorted(catalogue.load())), st.integers(-30, 30)), unique_by=lambda drawn: drawn[0]
).map(
    lambda drawn: [Waiver(requirement=id_, reason="r", approver="a", until=TODAY + days * DAY) for id_, days in drawn]
)


def judge(found: list[Result], waived: list[Waiver] | None = None) -> tuple[list[RequirementLine], list[WaiverLine]]:
    return verdicts.judge(catalogue.load(), SUBJECT, found, waived or [], began=NOW, on=TODAY)


def line_of(id_: str, found: list[Result], waived: list[Waiver] | None = None) -> RequirementLine:
    return {line.id: line for line in judge(found, waived)[0]}[id_]


@settings(max_examples=60)
@given(results, waivers)
def test_every_requirement_that_applies_gets_one_verdict(found: list[Result], waived: list[Waiver]) -> None:
    """No line more or less, whatever was found: the denominator never moves; each that is not PASS says why."""
    lines, states = judge(found, waived)
    assert [line.id for line in lines] == ASKED
    assert sorted(state.requirement for state in states) == sorted(waiver.requirement for waiver in waived)
    for line in lines:
        assert line.reason or line.verdict is Verdict.PASS
        assert (line.until is not None) == (line.verdict in {Verdict.PASS, Verdict.WAIVED})


def test_what_checks_decide_in_part_waits_for_a_person() -> None:
    """Checks that hold leave the rest open, one that fails decides, and a person's judgement closes the gap."""
    held, judged = (result(Verdict.PASS, "GVC-SUP-05", name=name, by=by) for name, by in (("a.a", ""), ("a.b", "Bình")))
    left = catalogue.load().partly["GVC-SUP-05"]
    open_line = line_of("GVC-SUP-05", [held])
    assert (open_line.verdict, open_line.until) == (Verdict.MANUAL, None)
    assert left in open_line.reason
    assert line_of("GVC-SUP-05", [held, judged]).verdict is Verdict.PASS
    assert line_of("GVC-SUP-05", [result(Verdict.FAIL, "GVC-SUP-05"), judged]).verdict is Verdict.FAIL


@settings(max_examples=60)
@given(results, waivers, st.randoms(use_true_random=False))
def test_the_order_of_results_decides_nothing(found: list[Result], waived: list[Waiver], random: object) -> None:
    """The same results in another order give the same verdicts."""
    mixed = list(found)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    before, after = (
        [(line.id, line.verdict, line.until) for line in judge(order, waived)[0]] for order in (found, mixed)
    )
    assert before == after


@settings(max_examples=60)
@given(results, st.sampled_from(ASKED), verdict)
def test_one_more_result_never_makes_it_better(found: list[Result], id_: str, said: Verdict) -> None:
    """Of a requirement that has results, one more can only keep or worsen the verdict."""
    before = line_of(id_, found)
    after = line_of(id_, [*found, result(said, id_, name="a.more")])
    if before.checks:
        rank = WORST_FIRST.index
        assert rank(after.verdict) <= rank(before.verdict)


@settings(max_examples=100)
@given(found=results, waived=waivers, judged=st.booleans())
def test_a_certificate_rests_on_all_that_applies(found: list[Result], waived: list[Waiver], *, judged: bool) -> None:
    """Where one requirement is not decided or does not hold, where a waiver has no use: no certificate."""
    shown = [item for item in all_of() if judged or item.requirements != ("GVC-GOV-03",)]
    run = run_of([*shown, *found], added=Additions(waivers=waived))
    sound = {Verdict.PASS, Verdict.WAIVED, Verdict.NOT_APPLICABLE}
    whole = all(line.verdict in sound for line in run.requirements)
    whole &= not any(waiver.state == "unused" for waiver in run.waivers)
    whole &= Verdict.MISSING not in {item.verdict for item in run.results}
    issued = issuing.issue(run, b"")
    assert (issued is not None) == whole
    if issued:
        statement = issued.statement
        assert sum(statement.requirements.values()) == len(ASKED)
        assert statement.start == TODAY
        assert statement.until >= TODAY
        for line in run.requirements:
            assert line.until is None or statement.until <= line.until


@settings(max_examples=60)
@given(results, waivers, ages)
def test_time_only_takes_away(found: list[Result], waived: list[Waiver], days: int) -> None:
    """On a later day no verdict is better than it was, and what has a last day holds until then."""
    lines = judge(found, waived)[0]
    rank = WORST_FIRST.index
    for before, after in zip(lines, verdicts.aged(lines, TODAY + days * DAY), strict=True):
        assert rank(after.verdict) <= rank(before.verdict)
        if before.until:
            assert (after.verdict is before.verdict) == (TODAY + days * DAY <= before.until)


def test_the_worst_of_nothing_is_missing() -> None:
    """Nothing shown is not the same as nothing wrong."""
    assert worst([]) is Verdict.MISSING
    assert set(WORST_FIRST) == set(Verdict)


def test_a_requirement_gets_the_worst_of_its_checks() -> None:
    """One failure among passes is a failure, and its reason is the requirement's; what does not apply takes nothing."""
    found = [result(said, name=f"a.{said}") for said in (Verdict.PASS, Verdict.ERROR, Verdict.FAIL)]
    line = line_of("GVC-NET-01", found)
    assert (line.verdict, line.reason) == (Verdict.FAIL, "the reason of FAIL")
    assert line.checks == ("a.PASS", "a.ERROR", "a.FAIL")
    good = [result(Verdict.NOT_APPLICABLE, name="a.one"), result(Verdict.PASS, name="a.two")]
    assert line_of("GVC-NET-01", good).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("id_", "verdict_", "reason"),
    [
        ("GVC-GOV-03", Verdict.MANUAL, "a person decides, by documents"),
        ("GVC-CRY-04", Verdict.MANUAL, "the key service is not declared"),
        ("GVC-NET-01", Verdict.MISSING, "no check of it gave a result"),
    ],
)
def test_without_a_result_a_requirement_says_why(id_: str, verdict_: Verdict, reason: str) -> None:
    """MANUAL where the kit has no check, with the reason; MISSING where it has one."""
    line = line_of(id_, [])
    assert line.verdict is verdict_
    assert reason in line.reason


@pytest.mark.parametrize(("age", "said"), [(183, Verdict.PASS), (184, Verdict.MISSING)])
def test_a_pass_past_its_lifetime_is_missing(age: int, said: Verdict) -> None:
    """The review of access rights counts for half a year at level 3, to the day."""
    line = line_of("GVC-IAM-09", [result(Verdict.PASS, "GVC-IAM-09", decided=NOW - age * DAY)])
    assert line.verdict is said
    assert ("183 days" in line.reason) == (said is Verdict.MISSING)


def test_a_failure_does_not_age() -> None:
    """What did not hold long ago is not forgotten."""
    old = result(Verdict.FAIL, "GVC-IAM-09", decided=NOW - 900 * DAY)
    assert line_of("GVC-IAM-09", [old]).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("found", "days", "said", "state"),
    [
        (Verdict.FAIL, 0, Verdict.WAIVED, "used"),
        (Verdict.FAIL, -1, Verdict.FAIL, "expired"),
        (Verdict.PASS, 30, Verdict.ERROR, "unused"),
        (Verdict.PASS, -1, Verdict.ERROR, "unused"),
        (Verdict.NOT_APPLICABLE, 30, Verdict.ERROR, "unused"),
        (Verdict.ERROR, 30, Verdict.ERROR, "used"),
        (Verdict.MISSING, 30, Verdict.MISSING, "used"),
        (Verdict.ERROR, -1, Verdict.FAIL, "expired"),
    ],
)
def test_what_a_waiver_does(found: Verdict, days: int, said: Verdict, state: str) -> None:
    """It covers what does not hold, to its last day; expired is FAIL, and one that nobody needs is ERROR."""
    waiver = Waiver(requirement="GVC-NET-01", reason="because", approver="Nguyễn Văn A", until=TODAY + days * DAY)
    lines, (waived,) = judge([result(found)], [waiver])
    line = next(line for line in lines if line.id == "GVC-NET-01")
    assert (line.verdict, waived.state) == (said, state)
    if said is Verdict.WAIVED:
        assert "Nguyễn Văn A" in line.reason
        assert "the reason of FAIL" in line.reason
        assert line.until == waiver.until


def test_a_waiver_covers_what_nobody_judged() -> None:
    """Where no check decides, an approver may answer for it until a day."""
    waiver = Waiver(requirement="GVC-GOV-03", reason="because", approver="a", until=TODAY)
    assert line_of("GVC-GOV-03", [], [waiver]).verdict is Verdict.WAIVED


@pytest.mark.parametrize("extent", ["filtered", "dry-run"])
def test_a_run_that_is_not_whole_yields_no_certificate(extent: str) -> None:
    """Even where all that it shows holds."""
    assert issuing.why_not(good_run()) == []
    run = good_run(extent=extent)
    assert len(issuing.why_not(run)) == 1
    assert issuing.issue(run, b"") is None


def test_what_stands_in_the_way_is_named_with_its_denominator() -> None:
    """Each reason says which requirements, and of how many."""
    found = all_of(NET_01=Verdict.FAIL, IAM_01=Verdict.ERROR, CRY_01=Verdict.MISSING)
    run: Run = run_of([item for item in found if item.requirements != ("GVC-GOV-03",)])
    said = "\n".join(issuing.why_not(run))
    assert "1 of 79 requirements are MANUAL: GVC-GOV-03" in said
    assert "1 of 79 requirements are FAIL: GVC-NET-01" in said
    assert "1 of 79 requirements are ERROR: GVC-IAM-01" in said
    assert "1 of 79 requirements are MISSING: GVC-CRY-01" in said
    assert "none of 79 requirements is PASS" in "".join(issuing.why_not(run_of(all_of(Verdict.NOT_APPLICABLE))))


@pytest.mark.parametrize("found", [Verdict.PASS, Verdict.FAIL, Verdict.MANUAL])
def test_a_judgement_stands_in_for_a_check_that_could_ask_nothing(found: Verdict) -> None:
    """What was not declared is left to a person, whose word then counts; no finding is lost by it."""
    undeclared = result(Verdict.MANUAL, "GVC-ISO-03", name="store.apart")
    other = result(found, "GVC-ISO-03", name="store.other")
    judged = result(Verdict.PASS, "GVC-ISO-03", name="judgement.GVC-ISO-03", by="N. V. A")
    assert line_of("GVC-ISO-03", [undeclared, result(Verdict.PASS, "GVC-ISO-03")]).verdict is Verdict.MANUAL
    expected = Verdict.PASS if found is Verdict.MANUAL else found
    assert line_of("GVC-ISO-03", [undeclared, other, judged]).verdict is expected
