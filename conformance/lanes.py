"""Which checks run beside each other: groups that stay together, shared out among a few processes. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

PROBES = "probes"
"""The group of the checks that use the probe pods and the two policies with fixed names."""
GUESS_SECONDS = 0.5
"""What a check is taken to last that was never seen to run."""


def group_of(serial: str | None, fixtures: Iterable[str], module: str) -> str:
    """Name the group of a check: its mark ``serial`` decides, then the probe pods, then the file that it is in."""
    return serial or (PROBES if PROBES in fixtures else module)


def share(groups: Mapping[str, str], usual: Mapping[str, float], lanes: int) -> dict[str, int]:
    """Give each check the number of a lane, 0 to ``lanes - 1``: a group to one lane, the longest first, evenly.

    ``groups`` has the group of each check, ``usual`` how many seconds it lasted last time. The same input gives the
    same answer, so that every process can work out alone what is its own.
    """
    weights: dict[str, float] = defaultdict(float)
    for check, group in groups.items():
        weights[group] += usual.get(check, GUESS_SECONDS)
    loads = [0.0] * lanes
    place: dict[str, int] = {}
    for group in sorted(weights, key=lambda name: (name != PROBES, -weights[name], name)):
        place[group] = min(range(lanes), key=lambda lane: (loads[lane], lane))
        loads[place[group]] += weights[group]
    return {check: place[group] for check, group in groups.items()}


def seconds_left(
    lane_of: Mapping[str, int], done: Iterable[str], usual: Mapping[str, float], running: Mapping[str, float]
) -> float | None:
    """Return how many seconds the rest will take, None where no earlier run says so.

    ``running`` has the checks under way with the seconds they have taken. The lane that lasts longest decides.
    """
    if not usual:
        return None
    finished, loads = set(done), defaultdict[int, float](float)
    for check, lane in lane_of.items():
        if check not in finished:
            loads[lane] += max(usual.get(check, GUESS_SECONDS) - running.get(check, 0.0), 0.0)
    return max(loads.values(), default=0.0)
