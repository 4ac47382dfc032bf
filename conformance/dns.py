"""Questions to a name server as raw packets, and what can be read from the answers.

The probe image forwards a packet and hands the answer back as JSON, where each octet that is no text is replaced by
U+FFFD (`cells` undoes it). Positions survive, so that types, lengths and most of an address are read; a replaced octet
matches any. An answer that came as it was sent is read whole.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

A, AAAA = 1, 28
KINDS = {"A": A, "AAAA": AAAA}
_HEADER = struct.Struct(">HHHHHH")
_RECURSION_DESIRED = 0x0100
_IN = 1
_REPLACED = "\ufffd"

Cell = int | None
"""An octet of an answer, None where the text channel replaced it."""


@dataclass(frozen=True)
class Record:
    """A record of an answer."""

    kind: int
    data: tuple[Cell, ...]

    def matches(self, address: str) -> bool:
        """Whether the record holds this address, as far as it can be read."""
        packed = ipaddress.ip_address(address).packed
        return len(packed) == len(self.data) and all(
            cell is None or cell == octet for cell, octet in zip(self.data, packed, strict=True)
        )


def question(name: str, kind: int) -> bytes:
    """Return the packet that asks for one kind of record of an absolute name."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return _HEADER.pack(0x4743, _RECURSION_DESIRED, 1, 0, 0, 0) + encoded + struct.pack(">HH", kind, _IN)


def cells(text: str) -> list[Cell]:
    """Return the octets behind a text, None for each that was replaced."""
    found: list[Cell] = []
    for character in text:
        found += [None] if character == _REPLACED else list(character.encode())
    return found


def answers(octets: Sequence[Cell]) -> list[Record]:
    """Read the records in the answer section of a packet; raises ValueError when it cannot be read."""
    count = _number(octets, 6, 2)
    place = _skip_name(octets, _HEADER.size) + 4
    found = []
    for _ in range(count):
        place = _skip_name(octets, place)
        kind, length = _number(octets, place, 2), _number(octets, place + 8, 2)
        place += 10 + length
        if place > len(octets):
            raise ValueError("the answer is cut short")
        found.append(Record(kind, tuple(octets[place - length : place])))
    return found


def _number(octets: Sequence[Cell], place: int, size: int) -> int:
    number = 0
    if place + size > len(octets):
        raise ValueError("the answer is cut short")
    for cell in octets[place : place + size]:
        if cell is None:
            raise ValueError("the answer cannot be read")
        number = number << 8 | cell
    return number


def _skip_name(octets: Sequence[Cell], place: int) -> int:
    while place < len(octets):
        length = octets[place]
        if length is None or length >= 0xC0:
            return place + 2
        place += 1 + length
        if length == 0:
            return place
    raise ValueError("the answer is cut short")
