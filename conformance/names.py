"""Questions to name servers that answer with authority, and whether what they answer is signed (DNSSEC)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zonefile

from core.errors import KitError

SECONDS = 3.0
PORT = 53
_DIGESTS = {2: "SHA256", 4: "SHA384"}
"""Digests of DS records that count (RFC 8624): the older ones are not to be relied on."""


class NoAnswerError(KitError):
    """A name server gave no answer that can be read."""


def ask(
    server: str, name: str, kind: str, *, tcp: bool = False, signed: bool = False, port: int = PORT
) -> dns.message.Message:
    """Ask one server, over UDP or over TCP alone. Raises NoAnswerError when nothing comes back.

    Over UDP an answer that was cut short counts as it is; with ``signed`` the signatures are asked for, and TCP too.
    """
    question = dns.message.make_query(name, kind, want_dnssec=signed, payload=1232)
    question.flags &= ~dns.flags.RD
    try:
        if tcp or signed:
            return dns.query.tcp(question, server, timeout=SECONDS, port=port)
        return dns.query.udp(question, server, timeout=SECONDS, port=port)
    except dns.exception.Timeout as error:
        raise NoAnswerError(f"{server} gave no answer within {SECONDS:.0f} s") from error
    except (OSError, EOFError, dns.exception.DNSException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoAnswerError(f"{server} gave no answer: {reason}") from error


def trouble(answer: dns.message.Message) -> str:
    """Say what makes an answer none of an authority's, empty when nothing does."""
    if answer.rcode() != dns.rcode.NOERROR:
        return f"answered {dns.rcode.to_text(answer.rcode())}"
    return "" if answer.flags & dns.flags.AA else "answered without authority"


def values(answer: dns.message.Message, kind: str) -> list[str]:
    """Return the data of the records of a kind in an answer, sorted."""
    wanted = dns.rdatatype.from_text(kind)
    return sorted(item.to_text() for rrset in answer.answer if rrset.rdtype == wanted for item in rrset)


def anchors(path: Path, zone: str) -> list[dns.rdata.Rdata]:
    """Read the DS and DNSKEY records of a zone from a file as its parent has them. Raises KitError."""
    try:
        rrsets = dns.zonefile.read_rrsets(path.read_text(encoding="utf-8"), rdclass=None, default_ttl=3600)
    except (OSError, UnicodeDecodeError, dns.exception.DNSException, ValueError) as error:
        raise KitError(f"{path}: no records as in a zone file: {error}") from error
    kinds = (dns.rdatatype.DS, dns.rdatatype.DNSKEY)
    found = [item for rrset in rrsets if rrset.name == _absolute(zone) and rrset.rdtype in kinds for item in rrset]
    if not found:
        raise KitError(f"{path}: holds neither a DS nor a DNSKEY record of {zone}")
    return found


def keys(server: str, zone: str, trusted: Sequence[dns.rdata.Rdata], port: int = PORT) -> dns.rrset.RRset:
    """Fetch the zone's keys, and verify that they are signed by one that an anchor names. Raises ValueError."""
    records, signatures = _signed_set(ask(server, zone, "DNSKEY", signed=True, port=port), zone, "DNSKEY")
    known = [key for key in records if any(_is_named(key, anchor, zone) for anchor in trusted)]
    if not known:
        raise ValueError(f"no key of {zone} is the one that its parent names")
    _validate(records, signatures, dns.rrset.from_rdata_list(_absolute(zone), records.ttl, known))
    return records


def verify(server: str, name: str, kind: str, zone_keys: dns.rrset.RRset, port: int = PORT) -> str:
    """Verify the signature of a name's records with the zone's keys; return what they are. Raises ValueError."""
    records, signatures = _signed_set(ask(server, name, kind, signed=True, port=port), name, kind)
    _validate(records, signatures, zone_keys)
    return ", ".join(sorted(item.to_text() for item in records))


def _signed_set(answer: dns.message.Message, name: str, kind: str) -> tuple[dns.rrset.RRset, dns.rrset.RRset]:
    wanted, where = dns.rdatatype.from_text(kind), (answer.answer, _absolute(name), dns.rdataclass.IN)
    records = answer.get_rrset(*where, wanted)
    if records is None:
        raise ValueError(f"{name} has no {kind} record")
    signatures = answer.get_rrset(*where, dns.rdatatype.RRSIG, wanted)
    if signatures is None:
        raise ValueError(f"the {kind} records of {name} are not signed")
    return records, signatures


def _validate(records: dns.rrset.RRset, signatures: dns.rrset.RRset, signers: dns.rrset.RRset) -> None:
    try:
        dns.dnssec.validate(records, signatures, {signers.name: signers})
    except dns.exception.ValidationFailure as error:
        kind = dns.rdatatype.to_text(records.rdtype)
        raise ValueError(f"no signature of the {kind} records of {records.name} holds: {error}") from error


def _is_named(key: dns.rdata.Rdata, anchor: dns.rdata.Rdata, zone: str) -> bool:
    if anchor.rdtype == dns.rdatatype.DNSKEY:
        return bool(key == anchor)
    digest = _DIGESTS.get(getattr(anchor, "digest_type", 0), "")
    return digest != "" and bool(dns.dnssec.make_ds(_absolute(zone), key, digest) == anchor)


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name)


def differing(found: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Say which servers answer what, where they do not all answer alike; empty when they do."""
    answers = {server: ", ".join(data) or "nothing" for server, data in found}
    return "" if len(set(answers.values())) < 2 else "; ".join(f"{server}: {said}" for server, said in answers.items())
