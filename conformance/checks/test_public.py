"""What the cloud shows the public works in either address family by itself, from outside, and over small links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance import outside
from conformance.outside import Place
from conformance.plugin import EvidenceBook, families, requirement
from conformance.probes import Family
from conformance.public import Endpoint
from conformance.surface import Surface, fetched, told
from core.errors import KitError

pytestmark = pytest.mark.usefixtures("endpoints")
LARGE = 1 << 20
"""Octets that a large transfer has at least."""
SENT = 64 << 10
"""Octets that go up, enough for many packets of full size."""
NARROW = 1280
QUICK = 0.25
"""Seconds in which an address has to take a connection: who holds addresses of both families, tries the other one after
that time (RFC 8305, 5: connection attempt delay)."""


def _answered(answer: Mapping[str, Any], what: str) -> None:
    """Expect an answer of HTTP, if only that this asks for credentials: a store of objects may say so."""
    assert "error" not in answer, f"{what}: {answer['error']}"
    assert answer["status"] < 500, f"{what}: answered {answer['status']}"


@requirement("GVC-IP6-01", "GVC-IP6-04")
@families
def test_endpoints_answer(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """Every address that a public name has in this family takes a connection at once, and an HTTP exchange over TLS."""
    where = surface.outside()
    for endpoint in surface.endpoints:
        surface.address(endpoint, family)
        for address in surface.addresses(endpoint.name, family):
            answer = fetched(where, endpoint, address, evidence, verify=False)
            _answered(answer, f"{endpoint} at {address}")


@requirement("GVC-IP6-01", "GVC-IP6-04")
def test_both_families_show_the_same(surface: Surface, evidence: EvidenceBook) -> None:
    """The same certificate and the same content come over IPv4 and over IPv6."""
    where, differing = surface.outside(), []
    for endpoint in surface.endpoints:
        answers = []
        for family in Family:
            answer = fetched(where, endpoint, surface.address(endpoint, family), evidence, verify=False)
            assert "error" not in answer, f"{endpoint} over {family}: {answer['error']}"
            answers.append(answer)
        four, six = answers
        shown = {"certificate": "certificate", "sha256": "content", "status": "status"}
        differing += [f"{endpoint}: {word} differs" for what, word in shown.items() if four[what] != six[what]]
    assert not differing, "; ".join(differing)


@requirement("GVC-IP6-01", "GVC-IP6-04")
@families
def test_each_family_stands_alone(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """With the other family's path closed the cloud is still found and reached, and without a wait.

    Names are asked for over this family alone, and each address has to take a connection within the time after which a
    client with both families tries the other one.
    """
    where = surface.outside()
    for endpoint in surface.endpoints:
        found = _found_over(where, surface, endpoint, family, evidence)
        for address in found:
            taken = where.do("connect", address=address, port=endpoint.port)
            evidence.add(f"connect to {address} port {endpoint.port}", taken.get("error") or f"{taken['seconds']} s")
            assert "error" not in taken, f"{endpoint} at {address}: {taken['error']}"
            assert taken["seconds"] <= QUICK, f"{endpoint} at {address}: took {taken['seconds']} s, more than {QUICK} s"


def _found_over(
    where: Place, surface: Surface, endpoint: Endpoint, family: Family, evidence: EvidenceBook
) -> list[str]:
    """Find an endpoint's addresses over one family alone, as a client does whose other family is closed."""
    servers = surface.target.name_servers
    if servers is None or not servers.answer_for(endpoint.name):
        surface.address(endpoint, family)
        return surface.addresses(endpoint.name, family)
    said = []
    for server in (str(address) for address in servers.addresses if address.version == family.version):
        answer = where.do("lookup", server=server, name=endpoint.name, kind=family.record)
        said.append(f"{server}: {answer.get('error') or ', '.join(answer['addresses']) or 'no record'}")
        evidence.add(f"ask {server} for {endpoint.name} {family.record}", said[-1])
        if answer.get("addresses"):
            return list(answer["addresses"])
    pytest.fail(f"{endpoint.name} is not found over {family} alone: {'; '.join(said) or 'no name server'}")


@pytest.fixture
def ipv6_only(surface: Surface, evidence: EvidenceBook) -> Place:
    """Return the client with IPv6 alone, after seeing that it reaches nothing over IPv4."""
    where = surface.ipv6_only()
    for endpoint in surface.endpoints:
        for address in surface.addresses(endpoint.name, Family.IPV4):
            answer = where.do("connect", address=address, port=endpoint.port)
            evidence.add(f"connect to {address} from {where.name}", answer.get("error", "connected"))
            if "error" not in answer:
                raise KitError(f"{where.name} reaches {address} over IPv4, so it proves nothing")
            return where
    return where


@requirement("GVC-IP6-01", "GVC-IP6-07")
def test_ipv6_only_client_finds_names(surface: Surface, ipv6_only: Place, evidence: EvidenceBook) -> None:
    """A client that has IPv6 alone gets the IPv6 addresses of every public name, over UDP and over TCP."""
    servers = surface.target.name_servers
    if servers is None:
        pytest.skip("the target file declares no name servers; public ones are not the cloud's")
    six = [str(address) for address in servers.addresses if address.version == 6]
    assert six, "no name server has an IPv6 address, so a client with IPv6 alone finds nothing"
    wrong = []
    for name in sorted({endpoint.name for endpoint in surface.endpoints}):
        for protocol in ("UDP", "TCP"):
            answer = ipv6_only.do("lookup", server=six[0], name=name, kind="AAAA", tcp=protocol == "TCP")
            said = answer.get("error") or ", ".join(answer["addresses"]) or "no AAAA record"
            evidence.add(f"ask {six[0]} for {name} AAAA over {protocol}", said)
            wrong += [] if answer.get("addresses") else [f"{name} over {protocol}: {said}"]
    assert not wrong, "; ".join(wrong)


@requirement("GVC-IP6-01")
def test_ipv6_only_client_exchanges(surface: Surface, ipv6_only: Place, evidence: EvidenceBook) -> None:
    """A client that has IPv6 alone gets a TCP connection, TLS with a certificate that holds, and an HTTP answer."""
    for endpoint in surface.endpoints:
        address = surface.address(endpoint, Family.IPV6)
        _answered(fetched(ipv6_only, endpoint, address, evidence, authority=endpoint.trust), str(endpoint))


@requirement("GVC-IP6-01")
def test_ipv6_only_client_transfers(surface: Surface, ipv6_only: Place, evidence: EvidenceBook) -> None:
    """A client that has IPv6 alone gets a large file whole, the same that comes over IPv4."""
    endpoint = surface.endpoint_with("large", "a large file")
    address = surface.address(endpoint, Family.IPV6)
    answer = fetched(ipv6_only, endpoint, address, evidence, path=endpoint.large, verify=False)
    _answered(answer, f"{endpoint}{endpoint.large}")
    if answer["status"] != 200 or answer["octets"] < LARGE:
        raise KitError(f"{endpoint}{endpoint.large} brings {told(answer)}: {LARGE} octets are needed")
    four = surface.address(endpoint, Family.IPV4)
    other = fetched(outside.here(), endpoint, four, evidence, path=endpoint.large, verify=False)
    assert other.get("sha256") == answer["sha256"], f"what came over IPv4 differs: {told(other)}"


@requirement("GVC-IP6-06")
@families
def test_small_link_is_found(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """Large transfers in both directions pass a link of 1280 octets on the way: the senders learn of it and heed it."""
    endpoint, where = surface.endpoint_with("large", "a large file"), surface.narrow()
    address = surface.address(endpoint, family)
    small = fetched(where, endpoint, address, evidence, verify=False)
    assert "error" not in small, f"{where.name} does not reach {endpoint} over {family} at all: {small['error']}"
    # up first: a server that has learned of the small link asks for small packets from then on
    up = fetched(where, endpoint, address, evidence, verify=False, send=SENT)
    assert "error" not in up, f"a small page came, what was sent did not arrive: {up['error']}"
    down = fetched(where, endpoint, address, evidence, path=endpoint.large, verify=False)
    assert "error" not in down, f"a small page came, a large file did not: {down['error']}"
    overhead = 60 if family is Family.IPV6 else 40
    if small["path"]["own_links"] <= NARROW:
        raise KitError(f"{where.name} has a small link of its own, so nothing has to be found")
    for way, size in (("up", up["path"]["segments_sent"]), ("down", down["path"]["segments_received"])):
        assert size + overhead <= NARROW, f"segments of {size} octets went {way}: the small link is not on the way"
