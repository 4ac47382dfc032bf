"""Questions to name servers with authority, and DNSSEC, against a real zone that is signed, forged or not signed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.dnssec
import dns.rdatatype
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm

from conformance import names
from core.errors import KitError
from tests.conformance.public_side import NAME, ZONE, NameServer

ADDRESS = "127.0.0.1"


def signed(folder: Path, *, ended: bool = False) -> tuple[dns.zone.Zone, Path]:
    """Return the zone, signed, and the file of the anchor that its parent would publish."""
    zone = dns.zone.from_text(ZONE, origin="egc.test", relativize=False)
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    now = dt.datetime.now(dt.UTC)
    lasts = dt.timedelta(days=-1 if ended else 30)
    with zone.writer() as writer:
        dns.dnssec.sign_zone(
            zone,
            writer,
            [(private, key)],
            inception=now - dt.timedelta(days=60),
            expiration=now + lasts,
            add_dnskey=True,
        )
    ds = dns.dnssec.make_ds(zone.origin or "", key, "SHA256")
    anchor = folder / "anchor"
    anchor.write_text(f"egc.test. 3600 IN DS {ds.to_text()}\n")
    return zone, anchor


@pytest.fixture
def serve_zone() -> Iterator[Callable[..., int]]:
    running: list[NameServer] = []

    def start(zone: dns.zone.Zone, **settings: bool) -> int:
        running.append(NameServer(zone, ADDRESS, **settings))
        return running[-1].port

    yield start
    for server in running:
        server.close()


@pytest.fixture
def plain() -> dns.zone.Zone:
    return dns.zone.from_text(ZONE, origin="egc.test", relativize=False)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_an_authority_is_told_from_one_who_is_none(
    plain: dns.zone.Zone, serve_zone: Callable[..., int], *, tcp: bool
) -> None:
    """An answer with authority has no trouble; one without, or that there is no such name, is said."""
    answer = names.ask(ADDRESS, NAME, "AAAA", tcp=tcp, port=serve_zone(plain))
    assert (names.trouble(answer), names.values(answer, "AAAA")) == ("", ["::1"])
    other = serve_zone(plain, authority=False)
    assert names.trouble(names.ask(ADDRESS, NAME, "A", tcp=tcp, port=other)) == "answered without authority"
    assert names.trouble(names.ask(ADDRESS, "no.egc.test", "A", tcp=tcp, port=other)) == "answered NXDOMAIN"


def test_a_protocol_that_is_closed_is_no_answer(plain: dns.zone.Zone, serve_zone: Callable[..., int]) -> None:
    """TCP that is closed is found while UDP answers."""
    port = serve_zone(plain, tcp=False)
    assert names.values(names.ask(ADDRESS, NAME, "A", port=port), "A") == ["127.0.0.1"]
    with pytest.raises(names.NoAnswerError, match="refused"):
        names.ask(ADDRESS, NAME, "A", tcp=True, port=port)


def test_signatures_hold_up_to_the_anchor(tmp_path: Path, serve_zone: Callable[..., int]) -> None:
    """The records of a signed zone verify, from the parent's anchor down."""
    zone, anchor = signed(tmp_path)
    port = serve_zone(zone)
    keys = names.keys(ADDRESS, "egc.test", names.anchors(anchor, "egc.test"), port)
    assert names.verify(ADDRESS, NAME, "AAAA", keys, port) == "::1"


def test_a_zone_without_signatures_is_found(
    tmp_path: Path, plain: dns.zone.Zone, serve_zone: Callable[..., int]
) -> None:
    """No keys, no proof."""
    _, anchor = signed(tmp_path)
    with pytest.raises(ValueError, match="has no DNSKEY record"):
        names.keys(ADDRESS, "egc.test", names.anchors(anchor, "egc.test"), serve_zone(plain))


def test_a_forged_record_is_found(tmp_path: Path, serve_zone: Callable[..., int]) -> None:
    """An address that somebody changed after it was signed does not verify."""
    zone, anchor = signed(tmp_path)
    with zone.writer() as writer:
        record = dns.rdatatype.from_text("AAAA")
        forged = dns.zone.from_text(
            ZONE.replace("portal IN AAAA ::1", "portal IN AAAA ::2"), "egc.test", relativize=False
        )
        writer.replace(NAME + ".", forged.find_rdataset(NAME + ".", record))
    port = serve_zone(zone)
    keys = names.keys(ADDRESS, "egc.test", names.anchors(anchor, "egc.test"), port)
    with pytest.raises(ValueError, match=r"AAAA records of portal\.egc\.test\. holds"):
        names.verify(ADDRESS, NAME, "AAAA", keys, port)


def test_signatures_that_have_ended_are_found(tmp_path: Path, serve_zone: Callable[..., int]) -> None:
    """Yesterday's signature proves nothing."""
    zone, anchor = signed(tmp_path, ended=True)
    with pytest.raises(ValueError, match="no signature of the DNSKEY records"):
        names.keys(ADDRESS, "egc.test", names.anchors(anchor, "egc.test"), serve_zone(zone))


def test_keys_of_somebody_else_are_found(tmp_path: Path, serve_zone: Callable[..., int]) -> None:
    """A zone that is signed by a key which the parent does not name is not the zone."""
    zone, _ = signed(tmp_path)
    (tmp_path / "other").mkdir()
    _, other = signed(tmp_path / "other")
    with pytest.raises(ValueError, match=r"no key of egc[.]test is the one that"):
        names.keys(ADDRESS, "egc.test", names.anchors(other, "egc.test"), serve_zone(zone))


@pytest.mark.parametrize(
    ("content", "said"),
    [("hello", "no records as in a zone file"), ("egc.test. 60 IN A 127.0.0.1", "neither a DS nor a DNSKEY")],
    ids=["no-zone-file", "no-anchor"],
)
def test_a_file_without_anchors_is_refused(tmp_path: Path, content: str, said: str) -> None:
    """A file that anchors nothing is a mistake of the target, never a pass."""
    path = tmp_path / "anchor"
    path.write_text(content)
    with pytest.raises(KitError, match=said):
        names.anchors(path, "egc.test")


def test_servers_that_answer_differently_are_named() -> None:
    """Who says what is said only where they differ."""
    assert names.differing([("one", ["a", "b"]), ("two", ["a", "b"])]) == ""
    assert names.differing([("one", ["a"]), ("two", [])]) == "one: a; two: nothing"
