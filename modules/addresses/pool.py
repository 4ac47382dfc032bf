"""Which blocks are taken and by whom, and which are free: no two that are taken overlap."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from modules.addresses.blocks import BITS, Block


class OverlapError(Exception):
    """A block cannot be taken: ``other`` is, by ``owner``."""

    def __init__(self, other: Block, owner: str) -> None:
        super().__init__(f"overlaps {other} of {owner}")
        self.other = other
        self.owner = owner


class Taken:
    """The taken blocks of one family with their owners."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._at: dict[int, tuple[Block, str]] = {}

    def put(self, block: Block, owner: str) -> None:
        """Take a block. Raises OverlapError when one that is taken has an address in common with it."""
        index = bisect_left(self._starts, block.start)
        for near in self._starts[max(0, index - 1) : index + 1]:
            other, other_owner = self._at[near]
            if other.overlaps(block):
                raise OverlapError(other, other_owner)
        self._starts.insert(index, block.start)
        self._at[block.start] = block, owner

    def drop(self, block: Block) -> None:
        """Give a taken block free."""
        del self._at[block.start]
        del self._starts[bisect_left(self._starts, block.start)]

    def give(self, block: Block, owner: str) -> None:
        """Give a taken block to another owner; its addresses stay."""
        self._at[block.start] = block, owner

    def around(self, block: Block) -> Block | None:
        """Return the taken block in which ``block`` lies."""
        index = bisect_right(self._starts, block.start) - 1
        found = self._at[self._starts[index]][0] if index >= 0 else None
        return found if found and found.holds(block) else None

    def inside(self, block: Block) -> Iterator[tuple[Block, str]]:
        """Return the taken blocks that begin inside ``block``, in the order of their addresses."""
        for start in self._starts[bisect_left(self._starts, block.start) : bisect_left(self._starts, block.end)]:
            yield self._at[start]


class Pool:
    """The free parts of some prefixes. It gives the smallest that is large enough, and of these the lowest."""

    def __init__(self, prefixes: Iterable[Block], taken: Taken) -> None:
        self._family = 0
        self._free: dict[int, list[int]] = {}
        for prefix in prefixes:
            self._family = prefix.family
            free_from = prefix.start
            for block, _ in taken.inside(prefix):
                self._add(free_from, block.start)
                free_from = block.end
            self._add(free_from, prefix.end)
        for starts in self._free.values():
            starts.sort()

    def take(self, length: int) -> Block | None:
        """Take out a block of this length; None when none is left."""
        found = max((free for free, starts in self._free.items() if starts and free <= length), default=None)
        if found is None:
            return None
        start = heapq.heappop(self._free[found])
        for half in range(found + 1, length + 1):
            heapq.heappush(self._free.setdefault(half, []), start + (1 << (BITS[self._family] - half)))
        return Block(self._family, start, length)

    def _add(self, start: int, end: int) -> None:
        """Note the addresses from ``start`` up to ``end`` as free, in the largest blocks there are."""
        bits = BITS[self._family]
        while start < end:
            aligned = start & -start or 1 << bits
            size = min(aligned, 1 << ((end - start).bit_length() - 1))
            self._free.setdefault(bits - size.bit_length() + 1, []).append(start)
            start += size
