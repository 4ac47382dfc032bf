"""What is done with addresses: given to units that need them, passed on, released, returned after the quarantine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import KitError
from modules.addresses.blocks import BITS, Block
from modules.addresses.entries import Entry, Event
from modules.addresses.ledger import Holding, Ledger
from modules.addresses.prefixes import ZONE_LENGTH


@dataclass(frozen=True)
class Need:
    """What one unit needs addresses for."""

    unit: str
    """Its key."""
    kind: str
    zones: tuple[str, ...]
    """Names of its namespaces, one for each zone of each system."""


def reserve(ledger: Ledger, needs: Iterable[Need], on: dt.date) -> None:
    """Give units what they lack; what they have stays. Those whose kind gets IPv4 first come first.

    A namespace that another unit keeps, after a reform, is left there. Raises KitError when IPv6 is used up, and says
    what to enlarge; where IPv4 is used up, the ledger says so and the unit gets IPv6 alone.
    """
    settle(ledger, on)
    kinds = ledger.prefixes.ipv4.kinds
    rank = {kind: place for place, kind in enumerate(kinds)}
    for need in sorted(needs, key=lambda need: (rank.get(need.kind, len(kinds)), need.unit)):
        _reserve_one(ledger, need, on)


def _reserve_one(ledger: Ledger, need: Need, on: dt.date) -> None:
    holding = ledger.units.get(need.unit, Holding())
    zones = [zone for zone in need.zones if ledger.keeper(zone) in {None, need.unit}]
    new6 = [zone for zone in zones if not _has(holding, zone, 6)]
    new4 = [zone for zone in zones if not _has(holding, zone, 4)]
    parts6, more6 = _parts6(ledger, need, holding, new6)
    parts4, more4, why = _parts4(ledger, need, holding, new4)
    if more6 or more4 or why != holding.why:
        _add(ledger, on, "allocated", need.unit, [*more6, *more4], why=why)
    for zone in zones:
        if blocks := [parts[zone] for parts in (parts6, parts4) if zone in parts]:
            _add(ledger, on, "allocated", need.unit, blocks, zone=zone)


def _has(holding: Holding, zone: str, family: int) -> bool:
    return any(block.family == family for block in holding.zones.get(zone, ()))


def _parts6(ledger: Ledger, need: Need, holding: Holding, zones: Sequence[str]) -> tuple[dict[str, Block], list[Block]]:
    """Find a /64 for each zone, in the blocks of the unit and, where these are full or none, in new ones."""
    length, more = ledger.prefixes.ipv6.length(need.kind), list[Block]()
    parts = _fill(ledger, holding.of(6), zones, ZONE_LENGTH)
    while len(parts) < len(zones) or not (more or holding.of(6)):
        if (block := ledger.free_block(6, length)) is None:
            there = ", ".join(map(str, ledger.prefixes.ipv6.prefixes))
            raise KitError(
                f"IPv6 is used up: {there} has no free /{length} for {need.unit} ({need.kind})",
                f"in the address plan, add a prefix to ipv6.prefixes, or give {need.kind} a length above {length}",
            )
        more.append(block)
        parts |= _fill(ledger, [block], [zone for zone in zones if zone not in parts], ZONE_LENGTH)
    return parts, more


def _parts4(
    ledger: Ledger, need: Need, holding: Holding, zones: Sequence[str]
) -> tuple[dict[str, Block], list[Block], str]:
    """Find IPv4 for each zone, with a new block of the size that is needed; or say why there is none."""
    plan = ledger.prefixes.ipv4
    if not plan.prefixes or need.kind not in plan.kinds:
        whom = f" to units of kind {need.kind}" if plan.prefixes else ""
        return {}, [], f"IPv6 alone: the address plan gives no IPv4{whom}"
    parts = _fill(ledger, holding.of(4), zones, plan.zone)
    missing = [zone for zone in zones if zone not in parts]
    if not missing:
        return parts, [], ""
    length = plan.zone - (len(missing) - 1).bit_length()
    block = ledger.free_block(4, length) if length > 0 else None
    if block is None:
        there = ", ".join(map(str, plan.prefixes))
        why = f"{there} has no free /{length} for {len(missing)} zones of {1 << (BITS[4] - plan.zone)} addresses"
        return parts, [], f"IPv6 alone{f' for {len(missing)} zones' if parts or holding.of(4) else ''}: {why}"
    return parts | _fill(ledger, [block], missing, plan.zone), [block], ""


def _fill(ledger: Ledger, blocks: Sequence[Block], zones: Sequence[str], length: int) -> dict[str, Block]:
    """Find a part of these blocks for each zone, in their order, as far as they go."""
    parts: dict[str, Block] = {}
    waiting = list(reversed(zones))
    for block in blocks:
        while waiting and (part := ledger.free_zone(block, length)) is not None:
            parts[waiting.pop()] = part
    return parts


def pass_on(ledger: Ledger, giver: str, heir: str, on: dt.date, zones: Iterable[str] | None = None) -> None:
    """Let ``heir`` have what ``giver`` has: all of it, or these namespaces alone. No address changes."""
    holding = _holding(ledger, giver)
    if zones is None and holding.blocks:
        _add(ledger, on, "transferred", heir, holding.blocks, giver=giver)
    for zone in _named(holding, giver, zones):
        _add(ledger, on, "transferred", heir, holding.zones[zone], zone=zone, giver=giver)


def release(ledger: Ledger, unit: str, on: dt.date, zones: Iterable[str] | None = None) -> dt.date:
    """Release what a unit has: all of it, or these namespaces alone. Returns the day on which the quarantine ends.

    Raises KitError when another unit has a namespace in its blocks: the blocks are then to be passed on to that unit.
    """
    until = on + dt.timedelta(days=ledger.prefixes.quarantine_days)
    holding = _holding(ledger, unit)
    if zones is None and (guests := ledger.guests(unit)):
        kept = ", ".join(f"{guest} of {ledger.keeper(guest)}" for guest in guests)
        raise KitError(f"{unit} cannot give its addresses back: in them lie {kept}", "pass them on to that unit")
    for zone in _named(holding, unit, zones):
        _add(ledger, on, "released", unit, holding.zones[zone], zone=zone, until=until)
    if zones is None and holding.blocks:
        _add(ledger, on, "released", unit, holding.blocks, until=until)
    return until


def settle(ledger: Ledger, on: dt.date) -> None:
    """Return what has been in quarantine long enough: parts of blocks, then the blocks that hold no other part."""
    for block, kept in sorted(ledger.quarantined_zones.items()):
        if kept.until <= on:
            _add(ledger, on, "returned", kept.unit, [block], zone=kept.zone)
    for block, kept in sorted(ledger.quarantined.items()):
        if kept.until <= on and not ledger.is_used(block):
            _add(ledger, on, "returned", kept.unit, [block])


def _holding(ledger: Ledger, unit: str) -> Holding:
    if unit not in ledger.units:
        raise KitError(f"{unit} has no addresses", "govcloud address show lists the units that have some")
    return ledger.units[unit]


def _named(holding: Holding, unit: str, zones: Iterable[str] | None) -> list[str]:
    names = sorted(holding.zones if zones is None else zones)
    if unknown := [name for name in names if name not in holding.zones]:
        there = ", ".join(sorted(holding.zones)) or "none"
        raise KitError(f"{unit} has no namespace {unknown[0]}", f"its namespaces: {there}")
    return names


def _add(
    ledger: Ledger,
    on: dt.date,
    event: Event,
    unit: str,
    blocks: Sequence[Block],
    *,
    zone: str = "",
    giver: str = "",
    until: dt.date | None = None,
    why: str = "",
) -> None:
    ledger.add(Entry(on=on, event=event, unit=unit, zone=zone, blocks=tuple(blocks), giver=giver, until=until, why=why))
