"""What changed between two runs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.assembly import Additions
from conformance.changes import compare
from conformance.results import Change, Run, Verdict, Waiver
from tests.conformance.runs import NOW, SUBJECT, all_of, good_run, run_of


def change(old: Run, new: Run, requirement: str = "GVC-NET-01") -> Change:
    (found,) = [it for it in compare(old, new).changes if it.requirement == requirement]
    return found


def with_verdict(verdict: Verdict) -> Run:
    if verdict is Verdict.WAIVED:
        waiver = Waiver(requirement="GVC-NET-01", reason="r", approver="a", until=NOW.date())
        return run_of(all_of(NET_01=Verdict.FAIL), added=Additions(waivers=[waiver]))
    return run_of(all_of(NET_01=verdict))


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (Verdict.PASS, Verdict.FAIL, "new"),
        (Verdict.NOT_APPLICABLE, Verdict.FAIL, "new"),
        (Verdict.PASS, Verdict.WAIVED, "new"),
        (Verdict.FAIL, Verdict.PASS, "fixed"),
        (Verdict.WAIVED, Verdict.PASS, "fixed"),
        (Verdict.FAIL, Verdict.WAIVED, "same"),
        (Verdict.FAIL, Verdict.FAIL, "same"),
        (Verdict.PASS, Verdict.NOT_APPLICABLE, "same"),
        (Verdict.ERROR, Verdict.ERROR, "same"),
        (Verdict.PASS, Verdict.ERROR, "incomparable"),
        (Verdict.MISSING, Verdict.FAIL, "incomparable"),
        (Verdict.ERROR, Verdict.MISSING, "incomparable"),
    ],
)
def test_each_pair_of_verdicts_has_its_kind(before: Verdict, after: Verdict, kind: str) -> None:
    """A waiver mends nothing, and what decides nothing cannot be compared."""
    found = change(with_verdict(before), with_verdict(after))
    assert (found.kind, found.before, found.after) == (kind, before, after)
    assert (found.why != "") == (kind in {"new", "incomparable"})


@settings(max_examples=40)
@given(st.sampled_from([v for v in Verdict if v is not Verdict.MANUAL]), st.sampled_from([Verdict.PASS, Verdict.FAIL]))
def test_the_way_back_mends_what_the_way_there_broke(one: Verdict, other: Verdict) -> None:
    """New and fixed are each other's mirror; the other kinds are their own."""
    mirror = {"new": "fixed", "fixed": "new", "same": "same", "incomparable": "incomparable"}
    there, back = change(with_verdict(one), with_verdict(other)), change(with_verdict(other), with_verdict(one))
    assert mirror[there.kind] == back.kind


@pytest.mark.parametrize(
    ("field", "value"), [("cloud", "Another"), ("scope", "region south"), ("level", 4), ("kind", "AGC")]
)
def test_runs_of_two_clouds_cannot_be_compared(field: str, value: object) -> None:
    """Nor those of two scopes, levels or kinds: each line says why."""
    other = good_run(SUBJECT.model_copy(update={field: value}))
    found = compare(good_run(), other)
    assert found.counts["incomparable"] == len(found.changes)
    assert all(f"the {field} was" in it.why for it in found.changes)


def test_another_wording_is_another_requirement() -> None:
    """Where the catalogue changed under the same id, the two verdicts speak of different things."""
    old = good_run()
    lines = [
        line.model_copy(update={"text": "Something else."}) if line.id == "GVC-NET-01" else line
        for line in old.requirements
    ]
    found = compare(old.model_copy(update={"requirements": tuple(lines)}), run_of(all_of(NET_01=Verdict.FAIL)))
    assert [it.requirement for it in found.changes if it.kind == "incomparable"] == ["GVC-NET-01"]


def test_a_requirement_of_one_run_alone_is_told() -> None:
    """It is counted too, so that the counts make up all requirements of both."""
    old = good_run()
    shorter = old.model_copy(update={"requirements": old.requirements[1:]})
    found = compare(shorter, old)
    assert sum(found.counts.values()) == len(found.changes) == 79
    assert change(shorter, old, old.requirements[0].id).before is None
