"""How a Service is watched after the loss of one of its pods: on a fast cloud, on a busy one, on one that loses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from conformance.checks import test_availability as checks
from conformance.network import Path
from conformance.probes import Family, Probe

BOTH = tuple(Family)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., checks.Loss]:
    """Watch a Service whose rounds take so many seconds, and are answered as a function of the time says."""

    def run(seconds: float, answered: Callable[[float], int]) -> checks.Loss:
        now = 0.0

        def attempt_all(tries: list[Path]) -> dict[int, str]:
            nonlocal now
            good = answered(now)
            now += seconds
            return {number: "open" if number < good else "TIMEOUT" for number, _ in enumerate(tries)}

        monkeypatch.setattr(checks.time, "monotonic", lambda: now)
        monkeypatch.setattr(checks.network, "attempt_all", attempt_all)
        found = checks.Loss()
        ways = {family: Path(cast(Probe, None), "address", "tcp", str(family)) for family in BOTH}
        cast(Any, checks)._watch(found, ways)
        return found

    return run


@pytest.mark.parametrize("seconds", [0.1, 1.2, 5.0, 20.0])
@pytest.mark.parametrize("back_at", [0, 3, 14.9])
def test_a_service_that_is_back_in_time_holds(
    watch: Callable[..., checks.Loss], seconds: float, back_at: float
) -> None:
    """However long a round takes: few rounds are no loss, and enough of them are waited for."""
    found = watch(seconds, lambda now: checks.ROUND if now >= back_at else 2)
    assert [(found.holds(family), found.fails(family)) for family in BOTH] == [(True, False)] * 2
    assert all(len(found.rounds[family]) >= checks.CLEAN_ROUNDS for family in BOTH)


@pytest.mark.parametrize("seconds", [0.1, 1.2, 5.0, 20.0])
@pytest.mark.parametrize("answered", [0, checks.ROUND - 1])
def test_a_service_that_is_late_fails(watch: Callable[..., checks.Loss], seconds: float, answered: int) -> None:
    """A single request without an answer when the time is over is enough."""
    found = watch(seconds, lambda _now: answered)
    assert all(found.fails(family) and not found.holds(family) for family in BOTH)


def test_a_service_that_is_lost_again_fails(watch: Callable[..., checks.Loss]) -> None:
    """Rounds that are whole do not make up for a later one that is not, while the other family is still watched."""
    found = watch(2.0, lambda now: 2 if 15 <= now < 19 or now < 10 else checks.ROUND)
    assert all(found.fails(family) for family in BOTH)
