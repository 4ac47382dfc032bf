"""Runs of an audit that no cloud was asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from conformance import catalogue
from conformance.assembly import Additions, assemble
from conformance.results import Evidence, Result, Run, Subject, Verdict

NOW = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
SUBJECT = Subject(cloud="Đám mây Thử nghiệm", operator="Công ty Ví dụ", kind="EGC", level=3)


def result(verdict: Verdict, *requirements: str, name: str = "a.check", **more: Any) -> Result:
    return Result(
        **{
            "name": name,
            "title": "A title",
            "requirements": requirements or ("GVC-NET-01",),
            "verdict": verdict,
            "reason": "" if verdict is Verdict.PASS else f"the reason of {verdict}",
            "evidence": (Evidence(did="look", saw="something", at=0.1),),
            "seconds": 1.5,
            **more,
        }
    )


def run_of(results: Sequence[Result], subject: Subject = SUBJECT, added: Additions | None = None, **more: Any) -> Run:
    times = {"started": NOW - dt.timedelta(seconds=9), "finished": NOW, "judged": NOW}
    return assemble(subject, results, added or Additions(), **{**times, **more})


def all_of(verdict: Verdict = Verdict.PASS, subject: Subject = SUBJECT, **others: Verdict) -> list[Result]:
    """One result for every requirement that applies; ``others`` gives some another verdict: ``NET_01=Verdict.FAIL``.

    What checks decide in part alone is of a person.
    """
    known = catalogue.load()
    return [
        result(
            others.get(line.id.removeprefix("GVC-").replace("-", "_"), verdict),
            line.id,
            name=f"a.{line.id.lower()}",
            by="An auditor" if line.id in known.partly else "",
        )
        for line in known.applicable(subject.kind, subject.level)
    ]


def good_run(subject: Subject = SUBJECT, **more: Any) -> Run:
    """Return a run in which every requirement is shown to hold: it yields a certificate."""
    return run_of(all_of(subject=subject), subject, **more)
