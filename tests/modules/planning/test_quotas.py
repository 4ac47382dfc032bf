"""What the children have never exceeds the parent's, and every refusal says why."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from modules.planning.quotas import Grants, Wish, grant
from modules.quantities import Amounts
from tests.modules.planning.forests import forest

ONE = Amounts(1000, 2**30, 2**30, 10)
TWO = ONE + ONE
THREE = TWO + ONE


def wishes_of(data: bytes) -> list[Wish]:
    """Make a random tree with up to two systems a unit, and budgets for about half of the units."""
    wishes = []
    for plant in forest(data, 11):
        numbers = [number % 30 for number in plant.numbers]
        systems = {f"s{i}": Amounts(*numbers[1 + 4 * i : 5 + 4 * i]) for i in range(numbers[0] % 3)}
        budget = Amounts(*(2 * number for number in numbers[6:10])) if numbers[9] % 2 else None
        wishes.append(Wish(plant.unit, plant.parent, systems, budget))
    return wishes


def total(parts: list[Amounts]) -> Amounts:
    return sum(parts, Amounts())


@settings(max_examples=4000)
@given(st.binary(max_size=132))
def test_children_never_have_more_than_their_parent(data: bytes) -> None:
    """In any tree, own systems and children together stay within the budget; nothing is lost without a word."""
    wishes = wishes_of(data)
    grants = grant(wishes)
    refused = {(refusal.unit, refusal.what) for refusal in grants.refused}
    for wish in wishes:
        if wish.unit not in grants.budgets:
            assert (wish.unit, "budget") in refused
            continue
        children = [grants.budgets[it.unit] for it in wishes if it.parent == wish.unit and it.unit in grants.budgets]
        own = grants.systems[wish.unit]
        assert not total([*own.values(), *children]).beyond(grants.budgets[wish.unit])
        assert wish.systems.keys() - own.keys() == {what for unit, what in refused if unit == wish.unit}
        assert own.items() <= wish.systems.items()
        assert wish.parent is None or wish.parent in grants.budgets
    _refused_rightly(wishes, grants)


def _refused_rightly(wishes: list[Wish], grants: Grants) -> None:
    """With budgets that nobody limits, nothing is refused."""
    boundless = Amounts(*[10**6] * 4)
    free = [Wish(wish.unit, wish.parent, wish.systems, None if wish.parent else boundless) for wish in wishes]
    assert grant(free).refused == []
    assert all(refusal.why for refusal in grants.refused)


def test_what_does_not_fit_is_refused_with_what_was_left() -> None:
    """The second child asks for more than is left; so do those below it, and the third child fits."""
    grants = grant(
        [
            Wish("P", None, {"own": ONE}, THREE),
            Wish("A", "P", {"own": ONE}),
            Wish("B", "P", {"own": TWO}),
            Wish("B1", "B", {}),
            Wish("C", "P", {"own": ONE}),
        ]
    )
    assert list(grants.budgets) == ["P", "A", "C"]
    assert TWO.beyond(ONE)[:2] == ["cpu: 2 wanted, 1 left", "memory: 2Gi wanted, 1Gi left"]
    assert [str(refusal) for refusal in grants.refused] == [
        f"B: budget: {'; '.join(TWO.beyond(ONE))} of the budget of P",
        "B1: budget: B above it was refused",
    ]


def test_system_beyond_its_own_budget_is_refused() -> None:
    """A budget smaller than the systems leaves the last of them without, and the unit keeps the others."""
    grants = grant([Wish("A", None, {"first": ONE, "second": TWO, "third": ONE}, TWO)])
    assert grants.systems["A"] == {"first": ONE, "third": ONE}
    assert [(refusal.unit, refusal.what) for refusal in grants.refused] == [("A", "second")]


def test_unit_whose_parent_is_not_planned_stands_alone() -> None:
    """A folder of agency files need not hold the units above."""
    assert grant([Wish("A", "elsewhere", {"own": ONE})]).budgets == {"A": ONE}
