"""The register's figures: who holds what, and who comes first."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.register.entries import Cloud, Entry, clouds, holdings, rank
from conformance.reports import issuing
from conformance.results import Run, Subject, Verdict
from conformance.signing.folder import Verified
from core.signatures import Signature
from modules.certificate import Revocation, Revocations
from tests.conformance.runs import NOW, all_of, run_of

TODAY = NOW.date()
DAY = dt.timedelta(days=1)


def entry(cloud: str = "A", level: int = 3, days_ago: int = 0, **verdicts: Verdict) -> Entry:
    subject = Subject(cloud=cloud, operator="o", kind="EGC", level=level)
    at = NOW - days_ago * DAY
    run: Run = run_of(all_of(subject=subject, **verdicts), subject, started=at, finished=at, judged=at)
    issued = issuing.issue(run, b"")
    signature = Signature("auditor", "CN=auditor", NOW + 900 * DAY)
    folder = Path(f"{cloud}-{level}-{days_ago}")
    return Entry(folder, Verified(run, signature, issued.statement if issued else None, 5))


def order(*entries: Entry, **more: Any) -> list[tuple[int, str]]:
    return [(ranked.place, ranked.cloud.name) for ranked in rank(clouds(entries), more.get("revocations"), TODAY)]


def revoked(*entries: Entry) -> Revocations:
    listed = tuple(
        Revocation(certificate=it.held.certificate.digest, cloud="A", on=TODAY, reason="r")
        for it in entries
        if it.held.certificate
    )
    return Revocations(issued=TODAY, until=TODAY, revoked=listed)


@pytest.mark.parametrize(("days_ago", "state"), [(0, "valid"), (183, "valid"), (184, "ended"), (-1, "upcoming")])
def test_a_certificate_is_worth_what_its_days_say(days_ago: int, state: str) -> None:
    """Valid to its last day, which counts."""
    (held,) = holdings(clouds([entry(days_ago=days_ago)])[0], None, TODAY)
    assert held.state == state


def test_a_certificate_that_was_taken_back_is_worth_nothing() -> None:
    """Also after it would have ended, and another of the same cloud still counts."""
    older, newer = entry(days_ago=20), entry(days_ago=1)
    states = [held.state for held in holdings(clouds([older, newer])[0], revoked(newer), TODAY)]
    assert states == ["revoked", "valid"]
    (ranked,) = rank(clouds([older, newer]), revoked(newer), TODAY)
    assert ranked.best is not None
    assert ranked.best.entry == older


def test_the_higher_level_comes_first_then_the_share_then_the_name() -> None:
    """A cloud without a certificate comes after those that hold one; what it showed long ago is no longer PASS."""
    found = [
        entry("good at 3"),
        entry("good at 4", level=4),
        entry("ended", level=4, days_ago=200),
        entry("almost", NET_01=Verdict.FAIL),
        entry("worse", NET_01=Verdict.FAIL, NET_11=Verdict.FAIL),
        entry("also almost", NET_11=Verdict.ERROR),
    ]
    assert order(*found) == [
        (1, "good at 4"),
        (2, "good at 3"),
        (3, "almost"),
        (3, "also almost"),
        (5, "worse"),
        (6, "ended"),
    ]


def test_old_results_count_as_missing() -> None:
    """The place of a cloud sinks when what it showed is past its lifetime."""
    (ranked,) = rank(clouds([entry(days_ago=400)]), None, TODAY)
    assert (ranked.passed, len(ranked.lines)) == (0, 79)


def test_scopes_of_a_cloud_are_apart() -> None:
    """A certificate for one region says nothing of another."""
    one = entry()
    subject = one.held.run.subject.model_copy(update={"scope": "region south"})
    run = run_of(all_of(subject=subject), subject)
    other = Entry(Path("south"), Verified(run, one.held.signature, None, 5))
    assert [cloud.scope for cloud in clouds([one, other])] == ["region south", "the whole cloud"]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(2, 4), st.integers(0, 500), st.booleans()), max_size=5))
def test_places_follow_from_what_was_read_alone(drawn: list[tuple[str, int, int, bool]]) -> None:
    """Whatever the order of the folders: every cloud has one place, places begin at 1, and certificates come first."""
    found = [entry(name, level, ago, **({"NET_11": Verdict.FAIL} if bad else {})) for name, level, ago, bad in drawn]
    ranking = rank(clouds(found), None, TODAY)
    assert [it.cloud.name for it in ranking] == [it.cloud.name for it in rank(clouds(found[::-1]), None, TODAY)]
    assert {it.cloud.name for it in ranking} == {name for name, *_ in drawn}
    places = [it.place for it in ranking]
    assert places == sorted(places)
    assert all(place <= index for index, place in enumerate(places, 1))
    assert not places or places[0] == 1
    certified = [it.best is not None for it in ranking]
    assert certified == sorted(certified, reverse=True)


def test_a_cloud_ends_with_its_last_run() -> None:
    """By when it was begun, not by the name of its folder."""
    cloud: Cloud = clouds([entry(days_ago=1), entry(days_ago=30), entry(days_ago=3)])[0]
    assert [it.folder.name for it in cloud.entries] == ["A-3-30", "A-3-3", "A-3-1"]
