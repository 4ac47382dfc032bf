"""How fast requests may go."""

from __future__ import annotations

import pytest

from toolchain.plugins.kubernetes_provider.pace import Limits, Pace


def test_nothing_is_held_back_without_a_bound() -> None:
    """Without a rate every request goes at once."""
    pace = Pace(Limits())
    assert [pace.reserve(0) for _ in range(1000)] == [0] * 1000


def test_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    """The first requests go at once, the next ones one by one; a pause earns no more than a burst."""
    pace = Pace(Limits(rate=2, burst=3))
    assert [pace.reserve(100) for _ in range(5)] == pytest.approx([0, 0, 0, 0.5, 1])
    assert [pace.reserve(200) for _ in range(4)] == pytest.approx([0, 0, 0, 0.5])
