"""How checks are shared among processes."""

from __future__ import annotations

from conformance.lanes import GUESS_SECONDS, PROBES, group_of, seconds_left, share


def test_a_group_stays_together() -> None:
    """A mark decides, then the probe pods, then the file."""
    assert group_of("disk", [PROBES], "test_x") == "disk"
    assert group_of(None, ["evidence", PROBES], "test_x") == PROBES
    assert group_of(None, ["evidence"], "test_x") == "test_x"


def test_groups_are_shared_evenly_and_the_same_each_time() -> None:
    """The longest goes first to the emptiest lane; the order of the checks does not matter."""
    groups = {"a1": "a", "a2": "a", "b1": "b", "c1": "c", "d1": "d"}
    usual = {"a1": 3.0, "a2": 3.0, "b1": 5.0, "c1": 4.0, "d1": 2.0}
    expected = {"a1": 0, "a2": 0, "b1": 1, "c1": 1, "d1": 0}
    assert share(groups, usual, 2) == expected
    assert share(dict(reversed(groups.items())), usual, 2) == expected
    assert set(share(groups, {}, 1).values()) == {0}


def test_the_time_left_is_that_of_the_longest_lane() -> None:
    """Checks that are done do not count, one that runs counts for its rest; without an earlier run nobody knows."""
    lane_of = {"a": 0, "b": 0, "c": 1, "new": 1}
    usual = {"a": 10.0, "b": 5.0, "c": 4.0}
    assert seconds_left(lane_of, ["a"], usual, {"b": 2.0}) == 4.0 + GUESS_SECONDS
    assert seconds_left(lane_of, ["a", "c", "new"], usual, {"b": 2.0}) == 3.0
    assert seconds_left(lane_of, ["a"], usual, {"b": 2.0, "c": 60.0}) == 3.0
    assert seconds_left(lane_of, [], {}, {}) is None
