"""What changed between two runs. Pure functions."""

from __future__ import annotations

from typing import Literal

from conformance.results import Change, Comparison, RequirementLine, Run, Verdict

SOUND = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
FOUND = frozenset({Verdict.FAIL, Verdict.WAIVED})
"""Does not hold; a waiver does not mend it."""


def compare(old: Run, new: Run) -> Comparison:
    """Say of every requirement of either run if it was newly found wanting, mended, the same, or cannot be compared."""
    apart = _apart(old, new)
    before = {line.id: line for line in old.requirements}
    after = {line.id: line for line in new.requirements}
    changes = tuple(_change(before.get(id_), after.get(id_), apart) for id_ in sorted({**before, **after}))
    return Comparison(previous=old.started, changes=changes)


def _apart(old: Run, new: Run) -> str:
    """Say why nothing of the two runs can be compared, '' if it can."""
    for what, one, other in (
        ("cloud", old.subject.cloud, new.subject.cloud),
        ("scope", old.subject.scope, new.subject.scope),
        ("kind", old.subject.kind, new.subject.kind),
        ("level", old.subject.level, new.subject.level),
    ):
        if one != other:
            return f"the {what} was {one} and is {other}"
    return ""


def _change(before: RequirementLine | None, after: RequirementLine | None, apart: str) -> Change:
    known = after or before
    assert known is not None  # noqa: S101  # its id came from one of the two
    kind, why = ("incomparable", apart) if apart else _kind(before, after)
    return Change(
        requirement=known.id,
        title=known.title,
        kind=kind,
        before=before.verdict if before else None,
        after=after.verdict if after else None,
        why=why,
    )


def _kind(
    before: RequirementLine | None, after: RequirementLine | None
) -> tuple[Literal["new", "fixed", "same", "incomparable"], str]:
    if before is None or after is None:
        return "incomparable", "only one of the two runs asks it"
    if before.text != after.text:
        return "incomparable", "its wording changed between the two runs"
    if before.verdict is after.verdict:
        return "same", ""
    if undecided := [line.verdict for line in (before, after) if line.verdict not in SOUND | FOUND]:
        return "incomparable", f"{undecided[-1]} decides nothing"
    if (before.verdict in SOUND) == (after.verdict in SOUND):
        return "same", ""
    return ("fixed", "") if after.verdict in SOUND else ("new", after.reason)
