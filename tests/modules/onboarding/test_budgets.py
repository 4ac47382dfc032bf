"""A unit more under a budget: only those above it are asked, and no budget is ever exceeded."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings

from core.errors import KitError
from modules.onboarding.budgets import Share, charged
from modules.planning.quotas import Wish, grant
from modules.quantities import Amounts
from tests.modules.planning.forests import BYTES, forest


def cores(count: int) -> Amounts:
    return Amounts(cpu=count * 1000)


def test_what_is_asked_reaches_the_nearest_budget() -> None:
    """A district without a budget passes on what its communes ask; above a budget nothing changes."""
    province = Share(needs=cores(2), budget=cores(10), below={"d": cores(3)})
    district = Share(needs=cores(1), below={"a": cores(2)})
    state = Share(budget=cores(50), below={"p": cores(10)})
    found = charged("b", Share(needs=cores(4)), [("d", district), ("p", province), ("s", state)])
    assert found["d"].below == {"a": cores(2), "b": cores(4)}
    assert found["p"].below == {"d": cores(7)}
    assert "s" not in found


@pytest.mark.parametrize(
    ("needs", "said"),
    [(cores(6), "d: asks for more than p above it has left: cpu: 9 wanted, 8 left"), (cores(5), "")],
)
def test_full_budget_is_named(needs: Amounts, said: str) -> None:
    """What does not fit is refused with the unit whose budget is full and what was left; the last core is given."""
    above = [("d", Share(needs=cores(1), below={"a": cores(2)})), ("p", Share(needs=cores(2), budget=cores(10)))]
    if said:
        with pytest.raises(KitError) as caught:
            charged("b", Share(needs=needs), above)
        assert caught.value.message == said
    else:
        assert charged("b", Share(needs=needs), above)["p"].used == cores(10)


def test_own_budget_holds_what_is_below() -> None:
    """A unit whose systems grow beyond its own budget, those below it counted, is refused."""
    with pytest.raises(KitError, match="b: its systems and the units below it need more than its budget: cpu: 7"):
        charged("b", Share(needs=cores(4), budget=cores(6), below={"c": cores(3)}), [])


def test_asking_again_counts_once() -> None:
    """An agency that is applied again asks for what it needs now, not for that beside what it had."""
    province = Share(budget=cores(10), below={"a": cores(8)})
    assert charged("a", Share(needs=cores(9)), [("p", province)])["p"].below == {"a": cores(9)}


@settings(max_examples=400)
@given(BYTES)
def test_one_after_the_other_is_as_all_at_once(data: bytes) -> None:
    """Units that come one by one are granted and refused as a plan for all of them together does."""
    wishes = [
        Wish(
            it.unit,
            it.parent,
            {"s": cores(it.numbers[0] % 5)},
            cores(it.numbers[1] % 30) if it.numbers[2] % 2 else None,
        )
        for it in forest(data, 4)
    ]
    parents = {wish.unit: wish.parent for wish in wishes}
    shares: dict[str, Share] = {}
    for wish in wishes:
        above, parent = [], wish.parent
        while parent in shares:
            above.append((parent, shares[parent]))
            parent = parents[parent]
        if parent is not None:
            continue
        share = Share(needs=sum(wish.systems.values(), Amounts()), budget=wish.budget)
        with suppress(KitError):
            shares |= {**charged(wish.unit, share, above), wish.unit: share}
    assert not [key for key, it in shares.items() if it.budget is not None and it.used.beyond(it.budget)]
    assert (len(shares) < len(wishes)) == bool(grant(wishes).refused)
