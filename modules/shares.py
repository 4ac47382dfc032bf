"""A system's quota shared out over its zones: what they have together is the whole, never more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from modules.levels import LevelProfile, Quota, Zone
from modules.quantities import Amounts, write

_MI: Final = 1024**2
_STEP: Final[Mapping[str, int]] = {"cpu": 1, "memory": _MI, "storage": _MI, "pods": 1}
"""Quotas are whole thousandths of a core, Mi and pods; so are the shares."""
_DISK: Final[Mapping[Zone, int]] = {"edge": 1, "application": 2, "database": 6, "administration": 1}
"""Parts of the room on disk: data lives in the database. Of all else zones have equal parts. The kit's choice."""
_TAKES_THE_REST: Final = "application"


def shared(quota: Quota, zones: Sequence[Zone]) -> dict[Zone, Quota]:
    """Share a quota out over zones, each named once; what cannot be divided goes to the application zone."""
    whole = Amounts.of(quota)
    parts = {zone: Amounts(**{name: _part(whole, name, zone, zones) for name in _STEP}) for zone in zones}
    rest = whole
    for part in parts.values():
        rest -= part
    if _TAKES_THE_REST in parts:
        parts[_TAKES_THE_REST] += rest
    return {zone: quota.model_copy(update={**it.texts(), "pods": it.pods}) for zone, it in parts.items()}


def lacking(quota: Quota, zones: Sequence[Zone], profile: LevelProfile) -> dict[str, str]:
    """Return what a quota has too little of for these zones, by the name of the resource: how much there must be.

    A zone has room for the copies of one server and for the one more that an update needs.
    """
    once = tuple(dict.fromkeys(zones))
    copies = profile.replicas + 1
    least = Amounts(cpu=100 * copies, memory=64 * _MI * copies, storage=_MI, pods=copies)
    whole, found = Amounts.of(quota), dict[str, str]()
    for name, step in _STEP.items():
        weights = [_weight(name, zone) for zone in once]
        needed = -(-getattr(least, name) * sum(weights) // (min(weights) * step)) * step
        if getattr(whole, name) < needed:
            found[name] = write(name, needed)
    return found


def _part(whole: Amounts, name: str, zone: Zone, zones: Sequence[Zone]) -> int:
    step, total = _STEP[name], sum(_weight(name, it) for it in zones)
    amount: int = getattr(whole, name)
    return amount * _weight(name, zone) // (total * step) * step


def _weight(name: str, zone: Zone) -> int:
    return _DISK[zone] if name == "storage" else 1
