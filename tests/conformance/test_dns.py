"""Questions to name servers, and answers read through a channel that spoils octets."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import dns

NAME = "probe.audit.svc.cluster.local"


def answer(kind: int, *data: bytes) -> bytes:
    """Make the packet that answers ``question`` as CoreDNS does: compressed names, records in order."""
    asked = dns.question(NAME, kind)
    header = asked[:2] + struct.pack(">HHHHH", 0x8580, 1, len(data), 0, 0)
    records = [b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 5, len(item)) + item for item in data]
    return header + asked[12:] + b"".join(records)


def through_json(packet: bytes) -> str:
    """Do to a packet what Go's JSON encoder does: one U+FFFD for each octet that is not text."""
    return "".join("\ufffd" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in packet.decode(errors="surrogateescape"))


@given(address=st.ip_addresses())
def test_an_address_is_recognised_through_the_channel(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Whatever the address: its record is found, and matches it."""
    kind = dns.A if address.version == 4 else dns.AAAA
    (record,) = dns.answers(dns.cells(through_json(answer(kind, address.packed))))
    assert record.kind == kind
    assert record.matches(str(address))


def test_another_address_does_not_match() -> None:
    """An octet that can be read and differs, or another family, is no match."""
    (record,) = dns.answers(dns.cells(through_json(answer(dns.A, bytes([10, 1, 2, 3])))))
    assert not record.matches("10.1.2.4")
    assert not record.matches("fd00::1")


def test_all_records_are_read_and_none_invented() -> None:
    """Two records are two; an empty answer is none."""
    records = dns.answers(dns.cells(through_json(answer(dns.A, bytes([10, 1, 2, 3]), bytes([10, 1, 2, 4])))))
    assert [record.data for record in records] == [(10, 1, 2, 3), (10, 1, 2, 4)]
    assert dns.answers(dns.cells(through_json(answer(dns.AAAA)))) == []


def test_what_is_no_answer_is_refused() -> None:
    """A packet that is cut, or whose counts cannot be read, is an error and not an absence of records."""
    whole = through_json(answer(dns.A, bytes([10, 1, 2, 3])))
    for text in ("", whole[:6], whole[:30], whole[:-1], "\ufffd" * 40):
        with pytest.raises(ValueError, match="the answer"):
            dns.answers(dns.cells(text))


def test_a_question_is_a_packet() -> None:
    """Header, labels, type and class, in network order."""
    packet = dns.question("a.bc.", dns.AAAA)
    assert packet == b"GC\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x02bc\x00\x00\x1c\x00\x01"
