"""Shares of a quota: together the whole, each large enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules import shares
from modules.levels import LEVELS, Quota, Zone
from modules.quantities import Amounts

ALL: tuple[Zone, ...] = ("edge", "application", "database", "administration")
SIZES = st.builds("{}{}".format, st.integers(1, 999_999), st.sampled_from(["Mi", "Gi", "Ti"]))
QUOTAS = st.builds(
    Quota,
    cpu=st.one_of(st.integers(1, 99_999).map(str), st.integers(1, 99_999_999).map("{}m".format)),
    memory=SIZES,
    storage=SIZES,
    pods=st.integers(1, 1000),
)
ZONES = st.lists(st.sampled_from(ALL), min_size=1, unique=True)


@given(QUOTAS, ZONES)
def test_shares_are_never_more_than_the_whole(quota: Quota, zones: list[Zone]) -> None:
    """Whatever the quota and the zones are, the shares are together no more than it; with an application zone, all."""
    made = [Amounts.of(it) for it in shares.shared(quota, zones).values()]
    whole = sum(made, Amounts())
    assert len(made) == len(zones)
    assert whole.beyond(Amounts.of(quota)) == []
    if "application" in zones:
        assert whole == Amounts.of(quota)


@given(QUOTAS, ZONES, st.sampled_from(sorted(LEVELS)))
def test_what_is_not_lacking_is_enough(quota: Quota, zones: list[Zone], level: int) -> None:
    """A quota that lacks nothing gives every zone room for its copies and an update; one that lacks does not."""
    copies = LEVELS[level].replicas + 1
    least = Amounts(cpu=100 * copies, memory=64 * 1024**2 * copies, storage=1024**2, pods=copies)
    made = [Amounts.of(it) for it in shares.shared(quota, zones).values()]
    lacking = {line.partition(":")[0] for it in made for line in least.beyond(it)}
    # a remainder may fill a share up, so what is lacking may be a little less than it seems
    assert lacking <= set(shares.lacking(quota, zones, LEVELS[level]))


@given(QUOTAS, ZONES, st.sampled_from(sorted(LEVELS)))
def test_what_is_told_to_be_enough_is(quota: Quota, zones: list[Zone], level: int) -> None:
    """Who writes what the message allows is not told again."""
    lacking = shares.lacking(quota, zones, LEVELS[level])
    pods = {"pods": int(lacking["pods"])} if "pods" in lacking else {}
    assert shares.lacking(quota.model_copy(update={**lacking, **pods}), zones, LEVELS[level]) == {}


@pytest.mark.parametrize("level", LEVELS)
def test_the_share_of_a_level_is_enough_for_all_zones(level: int) -> None:
    """Nobody who leaves the quota out is told that it is too little."""
    assert shares.lacking(LEVELS[level].quota, ALL, LEVELS[level]) == {}


def test_the_database_has_most_of_the_disk() -> None:
    """Data lives in the database: its share of the disk is the largest."""
    made = shares.shared(Quota(cpu="2", memory="4Gi", storage="100Gi", pods=20), ALL)
    assert {zone: it.storage for zone, it in made.items()} == {
        "edge": "10Gi",
        "application": "20Gi",
        "database": "60Gi",
        "administration": "10Gi",
    }
    assert {it.cpu for it in made.values()} == {"500m"}
