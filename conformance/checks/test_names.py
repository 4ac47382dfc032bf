"""The cloud's public names: what its name servers answer, over each family and protocol, and whether it is signed."""

from __future__ import annotations

import ipaddress

import pytest

from conformance import names
from conformance.declared import NotDeclaredError, declared
from conformance.names import NoAnswerError
from conformance.plugin import EvidenceBook, families, requirement
from conformance.probes import Family
from conformance.public import NameServers
from conformance.surface import Surface
from core.errors import KitError

KINDS = pytest.mark.parametrize("kind", ["A", "AAAA"])


@pytest.fixture
def name_servers(surface: Surface) -> NameServers:
    """Return the declared name servers."""
    return declared(surface.target.name_servers, "name servers (name_servers)")


@pytest.fixture
def public_names(surface: Surface, name_servers: NameServers) -> list[str]:
    """Return the endpoints' names that are in the name servers' zone."""
    found = {endpoint.name for endpoint in surface.endpoints if name_servers.answer_for(endpoint.name)}
    if not found:
        raise NotDeclaredError(f"endpoint with a name in {name_servers.zone}")
    return sorted(found)


def _answering(servers: NameServers, name: str, kind: str, evidence: EvidenceBook) -> dict[str, list[str]]:
    """Ask every server that can be asked, over UDP or else over TCP; which protocols it lacks is another check's."""
    found = {}
    for server in map(str, servers.addresses):
        for tcp in (False, True):
            try:
                found[server] = names.values(names.ask(server, name, kind, tcp=tcp), kind)
            except NoAnswerError as error:
                evidence.add(f"ask {server} for {name} {kind} over {'TCP' if tcp else 'UDP'}", error.message)
                continue
            evidence.add(f"ask {server} for {name} {kind}", ", ".join(found[server]) or "nothing")
            break
    if not found:
        raise KitError(f"no declared name server answers a question for {name}, over UDP or TCP")
    return found


@requirement("GVC-IP6-07", "GVC-IP6-04")
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@families
def test_name_servers_answer(name_servers: NameServers, family: Family, protocol: str, evidence: EvidenceBook) -> None:
    """Each of the cloud's name servers answers for its zone with authority, over either family, over UDP and TCP."""
    servers = [str(address) for address in name_servers.addresses if address.version == family.version]
    assert servers, f"no name server of {name_servers.zone} has an {family} address"
    silent = []
    for server in servers:
        try:
            answer = names.ask(server, name_servers.zone, "SOA", tcp=protocol == "tcp")
            wrong = names.trouble(answer) or ("" if names.values(answer, "SOA") else "answered no SOA record")
        except NoAnswerError as error:
            wrong = error.message
        evidence.add(
            f"ask {server} for {name_servers.zone} SOA over {protocol.upper()}", wrong or "an authority's answer"
        )
        silent += [f"{server}: {wrong}"] if wrong else []
    assert not silent, f"over {protocol.upper()}: {'; '.join(silent)}"


@requirement("GVC-IP6-01", "GVC-IP6-07")
@KINDS
def test_names_have_addresses(
    name_servers: NameServers, public_names: list[str], kind: str, evidence: EvidenceBook
) -> None:
    """Every public name has an address of this family, and all name servers say the same."""
    wrong = []
    for name in public_names:
        found = _answering(name_servers, name, kind, evidence)
        if not any(found.values()):
            wrong.append(f"{name} has no {kind} record")
        elif differs := names.differing(found.items()):
            wrong.append(f"{name} {kind}: {differs}")
    assert not wrong, "; ".join(wrong)


@requirement("GVC-IP6-07")
def test_name_servers_agree(name_servers: NameServers, evidence: EvidenceBook) -> None:
    """All name servers have the same version of the zone, name the same servers, and these are the declared ones."""
    zone = name_servers.zone
    versions = _answering(name_servers, zone, "SOA", evidence)
    assert not (differs := names.differing(versions.items())), f"{zone} SOA: {differs}"
    named = _answering(name_servers, zone, "NS", evidence)
    assert not (differs := names.differing(named.items())), f"{zone} NS: {differs}"
    servers = next(iter(named.values()))
    assert servers, f"{zone} names no name server (NS)"
    addresses = set(map(str, name_servers.addresses))
    for server in servers:
        for kind in ("A", "AAAA") if name_servers.answer_for(server.rstrip(".")) else ():
            found = {
                str(ipaddress.ip_address(value))
                for values in _answering(name_servers, server, kind, evidence).values()
                for value in values
            }
            assert found <= addresses, f"{server} {kind}: {', '.join(sorted(found - addresses))} is not declared"


@requirement("GVC-IP6-07")
@KINDS
def test_names_are_signed(
    name_servers: NameServers, public_names: list[str], kind: str, evidence: EvidenceBook
) -> None:
    """The addresses of every public name are signed (DNSSEC), by keys that lead to the one that the parent names."""
    what = "DS record of the zone (name_servers.anchor), so no signature can be verified"
    trusted = names.anchors(declared(name_servers.anchor, what), name_servers.zone)
    server = _first_over_tcp(name_servers)
    try:
        keys = names.keys(server, name_servers.zone, trusted)
        evidence.add(f"verify the keys of {name_servers.zone} from {server}", f"{len(keys)} keys, signed as anchored")
        for name in public_names:
            found = names.verify(server, name, kind, keys)
            evidence.add(f"verify {name} {kind}", f"{found}: the signature holds")
    except ValueError as error:
        pytest.fail(str(error))


def _first_over_tcp(servers: NameServers) -> str:
    """Return the first server that can be asked for signatures, which do not fit into every packet."""
    reasons = []
    for server in map(str, servers.addresses):
        try:
            names.ask(server, servers.zone, "SOA", signed=True)
        except NoAnswerError as error:
            reasons.append(error.message)
        else:
            return server
    raise KitError(f"no name server answers over TCP: {'; '.join(reasons)}")
