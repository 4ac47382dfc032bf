"""Blocks of addresses as numbers: a ledger holds tens of thousands, and ``ipaddress`` takes 5 to 20 times as long."""

from __future__ import annotations

import socket
from typing import Annotated, Final, NamedTuple

from pydantic import BeforeValidator, InstanceOf, PlainSerializer

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
BITS: Final = {4: 32, 6: 128}
"""Length of an address in bits, by family."""


class Block(NamedTuple):
    """A prefix of one family; blocks of a family sort by their first address."""

    family: int
    """4 or 6."""
    start: int
    """The first address, as a number."""
    length: int
    """Length of the prefix, in bits."""

    @property
    def size(self) -> int:
        """How many addresses it holds."""
        return 1 << (BITS[self.family] - self.length)

    @property
    def end(self) -> int:
        """The first address after it, as a number."""
        return self.start + self.size

    def holds(self, other: Block) -> bool:
        """Tell whether ``other`` lies inside this block or is it."""
        beyond = BITS[self.family] - self.length
        return (
            self.family == other.family
            and self.length <= other.length
            and other.start >> beyond == self.start >> beyond
        )

    def overlaps(self, other: Block) -> bool:
        """Tell whether the blocks have an address in common; of prefixes, one then holds the other."""
        return self.holds(other) or other.holds(self)

    def __str__(self) -> str:
        packed = self.start.to_bytes(BITS[self.family] // 8, "big")
        return f"{socket.inet_ntop(_FAMILIES[self.family], packed)}/{self.length}"


def parse(text: object) -> Block:
    """Read a block such as ``2001:db8::/48``. Raises ValueError that says what is wrong with it."""
    if isinstance(text, Block):
        return text
    address, _, length = str(text).partition("/")
    family = 6 if ":" in address else 4
    try:
        start, bits = int.from_bytes(socket.inet_pton(_FAMILIES[family], address), "big"), int(length)
    except (OSError, ValueError):
        bits, start = -1, 0
    if not 0 <= bits <= BITS[family]:
        raise ValueError(f"{text!r} is not a prefix such as 2001:db8::/48 or 198.18.0.0/24")
    block = Block(family, start, bits)
    if start % block.size:
        whole = Block(family, start - start % block.size, bits)
        raise ValueError(f"{text} has address bits after its length; the prefix is {whole}")
    return block


Prefix = Annotated[InstanceOf[Block], BeforeValidator(parse), PlainSerializer(str, return_type=str)]
"""A block as a field of a model, written as text."""
