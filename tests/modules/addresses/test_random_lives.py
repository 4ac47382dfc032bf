"""Random lives of random trees: whatever comes, grows, joins and goes, nobody else's addresses move."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import KitError
from modules.addresses.blocks import Block
from modules.addresses.changes import Need, pass_on, release, reserve
from modules.addresses.ledger import Ledger
from modules.addresses.prefixes import Prefixes

KINDS = ("province", "district", "commune")
PLAN = Prefixes.model_validate(
    {
        "quarantine-days": 10,
        "ipv6": {
            "prefixes": ["2001:db8::/57", "3fff::/58"],
            "agency": {"province": 61, "commune": 63},
            "otherwise": 62,
        },
        "ipv4": {"prefixes": ["198.18.0.0/26"], "zone": 30, "kinds": ["province", "commune"]},
    }
)
"""Small on purpose: random trees use it up, in both families."""


class Life:
    """A ledger as its file would keep it, and beside it what must be true of it."""

    def __init__(self) -> None:
        self.today = dt.date(2026, 1, 1)
        self.lines: list[str] = []
        self.ledger = Ledger(PLAN)
        self.needs: dict[str, Need] = {}
        self.released: dict[Block, dt.date] = {}
        self.count = 0

    def step(self, choice: int, first: int, second: int) -> None:
        """Let one thing happen; when it is refused, go on from what was written."""
        names = sorted(self.needs)
        one, other = (names[first % len(names)], names[second % len(names)]) if names else ("", "")
        needs = dict(self.needs)
        try:
            match choice % 7:
                case 0 | 1:
                    self.join(KINDS[first % 3], 1 + second % 4)
                case 2 if one:
                    self.grow(one)
                case 3 if one != other:
                    pass_on(self.ledger, one, other, self.today)
                    gone = self.needs.pop(one)
                    self.needs[other] = Need(other, needs[other].kind, (*needs[other].zones, *gone.zones))
                    reserve(self.ledger, self.needs.values(), self.today)
                case 4 if one:
                    self.leave(one)
                case 5 if one:
                    self.shrink(one, second)
                case 6:
                    self.today += dt.timedelta(days=first % 12)
        except KitError as error:
            if "IPv6 is used up" not in error.message:
                raise
            self.needs, self.ledger = needs, Ledger(PLAN, self.lines)
        self.lines += [entry.line() for entry in self.ledger.added]
        self.ledger.added.clear()

    def join(self, kind: str, zones: int) -> None:
        self.count += 1
        unit = f"U{self.count}"
        self.needs[unit] = Need(unit, kind, tuple(f"{unit}-{zone}" for zone in range(zones)))
        reserve(self.ledger, self.needs.values(), self.today)

    def grow(self, unit: str) -> None:
        self.count += 1
        need = self.needs[unit]
        self.needs[unit] = Need(unit, need.kind, (*need.zones, f"{unit}-more{self.count}"))
        reserve(self.ledger, self.needs.values(), self.today)

    def shrink(self, unit: str, which: int) -> None:
        need = self.needs[unit]
        zone = need.zones[which % len(need.zones)] if need.zones else ""
        if zone:
            blocks = self.ledger.units[unit].zones[zone]
            self.released |= dict.fromkeys(blocks, release(self.ledger, unit, self.today, [zone]))
            self.needs[unit] = Need(unit, need.kind, tuple(it for it in need.zones if it != zone))

    def leave(self, unit: str) -> None:
        holding = self.ledger.units[unit]
        blocks = [*holding.blocks, *(block for zone in holding.zones.values() for block in zone)]
        self.released |= dict.fromkeys(blocks, release(self.ledger, unit, self.today))
        del self.needs[unit]

    def owned(self) -> dict[str, tuple[Block, ...]]:
        """Give the addresses of each namespace."""
        return {zone: blocks for it in self.ledger.units.values() for zone, blocks in it.zones.items()}

    def blocks(self) -> dict[Block, str]:
        """Give the owner of each agency's block."""
        return {block: unit for unit, it in self.ledger.units.items() for block in it.blocks}


def overlaps(blocks: Iterable[Block]) -> list[tuple[Block, Block]]:
    """Find neighbours that have an address in common: of sorted blocks no others need to be looked at."""
    inorder = sorted(blocks)
    return [(a, b) for a, b in pairwise(inorder) if a.family == b.family and b.start < a.end]


@settings(max_examples=2000)
@given(st.binary(min_size=12, max_size=42))
def test_nobodys_addresses_move(data: bytes) -> None:
    """Through any sequence of joining, growing, merging, leaving: no overlap, no move, no early return."""
    life = Life()
    for choice, first, second in zip(*[iter(data)] * 3, strict=False):
        zones, blocks = life.owned(), life.blocks()
        life.step(choice, first, second)
        now, now_blocks = life.owned(), life.blocks()
        assert not overlaps(now_blocks)
        assert not overlaps(block for parts in now.values() for block in parts)
        for zone, parts in zones.items():
            assert now.get(zone, parts)[: len(parts)] == parts, zone
        for block in blocks.keys() - now_blocks.keys():
            assert life.released[block] > life.today - dt.timedelta(days=1)
        fresh = [*(now_blocks.keys() - blocks.keys()), *(set().union(*now.values()) - set().union(*zones.values()))]
        for block in fresh:
            kept = [it for it, until in life.released.items() if until > life.today]
            assert not [it for it in kept if it.holds(block) or block.holds(it)], "given out within its quarantine"
        for unit, need in life.needs.items():
            holding = life.ledger.units.get(unit)
            for zone in need.zones:
                assert holding is not None
                families = [block.family for block in holding.zones[zone]]
                assert families.count(6) == 1
                assert families.count(4) == 1 or holding.why
    assert Ledger(PLAN, life.lines).units == life.ledger.units
