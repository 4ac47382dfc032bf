"""What cannot be taken back needs two people."""

from __future__ import annotations

import pytest

from core.errors import KitError
from modules import approvals


@pytest.mark.parametrize(
    "names",
    [[], ["Nguyễn Văn An"], ["Nguyễn Văn An", " nguyễn  văn an "], ["A", "", "  "], ["Nguyê\u0303n", "Nguy\u1ec5n"]],
    ids=["nobody", "one", "one twice", "one and nobody", "one in two forms"],
)
def test_one_person_is_not_enough(names: list[str]) -> None:
    """A name counts once, however it is written, and blank ones do not."""
    with pytest.raises(KitError, match=r"deletes x: that needs the approval of 2 people, and has that of [01]"):
        approvals.check(names, "deletes x")


def test_two_people_are() -> None:
    """Their names come back as they will be recorded."""
    assert approvals.check([" Nguyễn  Văn An", "Trần Thị Bình", "trần thị bình"], "x") == (
        "Nguyễn Văn An",
        "Trần Thị Bình",
    )
