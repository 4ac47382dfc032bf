"""Who has which addresses, as the events of the ledger made it. Nobody's addresses move when others come or go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from core.errors import KitError
from modules.addresses.blocks import Block
from modules.addresses.entries import Entry, parse
from modules.addresses.pool import OverlapError, Pool, Taken
from modules.addresses.prefixes import Prefixes

_MEND = "restore the file from its last good version; events are only ever added at its end"


class LedgerError(KitError):
    """An event that cannot have happened: a damaged ledger, or a wrong request."""


class Quarantine(NamedTuple):
    """Why a released block is kept back."""

    until: dt.date
    """The day on which it may be given out again."""
    unit: str
    """The unit that had it last."""
    zone: str
    """The namespace that had it last, for a part of an agency's block."""


@dataclass
class Holding:
    """What one unit has."""

    blocks: list[Block] = field(default_factory=list)
    """The agency's own blocks, in the order in which it got them."""
    zones: dict[str, tuple[Block, ...]] = field(default_factory=dict)
    """The parts of its namespaces, by name. After a division they may lie in another unit's block."""
    why: str = ""
    """Why it has no IPv4, or not for all its zones."""

    def of(self, family: int) -> list[Block]:
        """Return its blocks of a family, 4 or 6."""
        return [block for block in self.blocks if block.family == family]


class Ledger:
    """The state after a sequence of events, and the events that were added since."""

    def __init__(self, prefixes: Prefixes, lines: Iterable[str] = (), name: str = "ledger") -> None:
        """Replay the lines. Raises LedgerError naming the first line that cannot be true, and both owners."""
        self.prefixes = prefixes
        self.added: list[Entry] = []
        self.quarantined: dict[Block, Quarantine] = {}
        """Released blocks of agencies."""
        self.quarantined_zones: dict[Block, Quarantine] = {}
        """The same for parts of blocks whose agencies go on."""
        self._units: dict[str, Holding] = {}
        self._namespaces: dict[str, str] = {}
        self._blocks = {4: Taken(), 6: Taken()}
        self._zones = {4: Taken(), 6: Taken()}
        self._pools: dict[int, Pool] = {}
        self._zone_pools: dict[Block, Pool] = {}
        self._last = dt.date.min
        for number, line in enumerate(lines, start=1):
            try:
                self._replay(parse(line))
            except ValueError as error:
                raise LedgerError(f"{name}:{number}: {error}", _MEND) from None

    @property
    def units(self) -> Mapping[str, Holding]:
        """What each unit has, by its key."""
        return self._units

    def keeper(self, namespace: str) -> str | None:
        """Return the unit that has the addresses of a namespace."""
        return self._namespaces.get(namespace)

    def zone(self, namespace: str) -> tuple[Block, ...]:
        """Return the addresses of a namespace, whoever has it."""
        keeper = self._namespaces.get(namespace)
        return self._units[keeper].zones[namespace] if keeper else ()

    def blocks(self, family: int) -> Iterator[tuple[Block, str]]:
        """Return all agency blocks of a family with their owners, quarantined ones included, by address."""
        for prefix in self.prefixes.of(family):
            yield from self._blocks[family].inside(prefix)

    def guests(self, unit: str) -> list[str]:
        """Return the namespaces of other units that lie in the blocks of this one, as after a division."""
        blocks = self._units[unit].blocks
        inside = (namespace for block in blocks for _, namespace in self._zones[block.family].inside(block))
        return sorted({name for name in inside if self._namespaces.get(name, unit) != unit})

    def is_used(self, block: Block) -> bool:
        """Tell whether namespaces have parts of an agency's block, or had and are in quarantine."""
        return any(self._zones[block.family].inside(block))

    def free_block(self, family: int, length: int) -> Block | None:
        """Find a free block for an agency; None when there is none. To be followed by its ``allocated``."""
        if family not in self._pools:
            self._pools[family] = Pool(self.prefixes.of(family), self._blocks[family])
        return self._pools[family].take(length)

    def free_zone(self, block: Block, length: int) -> Block | None:
        """Find a free part of an agency's block; None when it is full. To be followed by its ``allocated``."""
        if block not in self._zone_pools:
            self._zone_pools[block] = Pool([block], self._zones[block.family])
        return self._zone_pools[block].take(length)

    def add(self, entry: Entry) -> None:
        """Let an event happen. Raises LedgerError when it cannot."""
        try:
            self._replay(entry)
        except ValueError as error:
            raise LedgerError(f"{entry.unit}: {error}", "govcloud address show tells who has what") from None
        self.added.append(entry)

    def _replay(self, entry: Entry) -> None:
        if entry.on < self._last:
            raise ValueError(f"{entry.event} on {entry.on}, after an event of {self._last}: the date runs backwards")
        match entry.event:
            case "allocated":
                self._allocate(entry)
            case "transferred":
                self._transfer(entry)
            case "released":
                self._release(entry)
            case "returned":
                self._return(entry)
        self._last = entry.on

    def _allocate(self, entry: Entry) -> None:
        holding = self._units.setdefault(entry.unit, Holding())
        if not entry.zone:
            holding.why = entry.why
            for block in entry.blocks:
                if not any(prefix.holds(block) for prefix in self.prefixes.of(block.family)):
                    raise ValueError(f"{block} of {entry.unit} lies outside the national prefixes")
                self._put(self._blocks[block.family], block, entry.unit, self.quarantined)
                holding.blocks.append(block)
            return
        if (keeper := self._namespaces.setdefault(entry.zone, entry.unit)) != entry.unit:
            raise ValueError(f"{entry.zone} of {entry.unit} is a namespace of {keeper}")
        for block in entry.blocks:
            if self._blocks[block.family].around(block) not in holding.blocks:
                raise ValueError(f"{block} of {entry.zone} lies in no block of {entry.unit}")
            self._put(self._zones[block.family], block, entry.zone, self.quarantined_zones)
        holding.zones[entry.zone] = (*holding.zones.get(entry.zone, ()), *entry.blocks)

    @staticmethod
    def _put(taken: Taken, block: Block, owner: str, quarantined: Mapping[Block, Quarantine]) -> None:
        try:
            taken.put(block, owner)
        except OverlapError as error:
            kept = quarantined.get(error.other)
            state = f", which is in quarantine until {kept.until}" if kept else ""
            raise ValueError(f"{block} of {owner} overlaps {error.other} of {error.owner}{state}") from None

    def _transfer(self, entry: Entry) -> None:
        giver = self._holding(entry.giver)
        heir = self._units.setdefault(entry.unit, Holding())
        if entry.zone:
            heir.zones[entry.zone] = self._zone(giver, entry)
            self._namespaces[entry.zone] = entry.unit
            del giver.zones[entry.zone]
        else:
            for block in self._own(giver, entry):
                giver.blocks.remove(block)
                heir.blocks.append(block)
                self._blocks[block.family].give(block, entry.unit)
        self._forget(entry.giver)

    def _release(self, entry: Entry) -> None:
        holding = self._holding(entry.unit)
        if entry.until is None:
            raise ValueError("until: is missing: released blocks have a quarantine")
        kept = Quarantine(entry.until, entry.unit, entry.zone)
        if entry.zone:
            self._zone(holding, entry)
            del holding.zones[entry.zone], self._namespaces[entry.zone]
            self.quarantined_zones |= dict.fromkeys(entry.blocks, kept)
        else:
            for block in self._own(holding, entry):
                inside = [name for _, name in self._zones[block.family].inside(block) if name in self._namespaces]
                if inside:
                    raise ValueError(f"{block} still holds the namespace {inside[0]} of {self._namespaces[inside[0]]}")
                holding.blocks.remove(block)
            self.quarantined |= dict.fromkeys(entry.blocks, kept)
        self._forget(entry.unit)

    def _return(self, entry: Entry) -> None:
        quarantined = self.quarantined_zones if entry.zone else self.quarantined
        for block in entry.blocks:
            kept = quarantined.pop(block, None)
            if kept is None or entry.on < kept.until:
                state = f"in quarantine until {kept.until}" if kept else "not in quarantine"
                raise ValueError(f"{block} of {entry.unit} is {state}, and cannot be returned on {entry.on}")
            if not entry.zone and self.is_used(block):
                raise ValueError(f"{block} of {entry.unit} holds namespaces whose own quarantine goes on")
            (self._zones if entry.zone else self._blocks)[block.family].drop(block)
            self._pools.pop(block.family, None)
            self._zone_pools.clear()

    def _holding(self, unit: str) -> Holding:
        if unit not in self._units:
            raise ValueError(f"{unit or 'nobody'} has no addresses")
        return self._units[unit]

    def _own(self, holding: Holding, entry: Entry) -> tuple[Block, ...]:
        for block in entry.blocks:
            if block not in holding.blocks:
                raise ValueError(f"{block} is not a block of {entry.giver or entry.unit}")
        return entry.blocks

    def _zone(self, holding: Holding, entry: Entry) -> tuple[Block, ...]:
        if holding.zones.get(entry.zone) != entry.blocks:
            raise ValueError(f"{entry.zone} of {entry.giver or entry.unit} does not have just these blocks")
        return entry.blocks

    def _forget(self, unit: str) -> None:
        holding = self._units[unit]
        if not holding.blocks and not holding.zones:
            del self._units[unit]
