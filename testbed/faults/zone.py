"""The cloud's name servers do not answer over a family or a protocol, or what they answer is wrong or not signed."""

from __future__ import annotations

from testbed.faults.cloud import Cloud
from testbed.faults.fault import Change, Fault
from testbed.faults.host_files import Reader, edge, edited, services, unit

FOLDER = "/etc/govcloud/name-server"
_SERVER = unit("govcloud-name-server.service")


def _sign(cloud: Cloud, host: str) -> None:
    cloud.ssh(host, f"/usr/local/lib/govcloud/sign_zone {cloud.cluster}.test 180")
    _SERVER.renew(cloud, host)


_ZONE = Reader("the zone", _sign)


def _first_of_all(rule: str) -> Change:
    """Have the edge drop something, whoever sends it."""
    return edge(services, f"s/^ +iif lo accept/        {rule} drop\\n&/")


AAAA_MISSING = Fault(
    "aaaa-record-missing",
    "the portal has no AAAA record, so nobody finds it over IPv6",
    edited(services, {f"{FOLDER}/zone": "/^portal IN AAAA/d"}, _ZONE),
)

A_MISSING = Fault(
    "a-record-missing",
    "the portal has no A record, so nobody finds it over IPv4",
    edited(services, {f"{FOLDER}/zone": "/^portal IN A /d"}, _ZONE),
)

NAME_SERVER_ELSEWHERE = Fault(
    "name-server-elsewhere",
    "the zone's name server has an address that was not declared",
    edited(services, {f"{FOLDER}/zone": "s/^ns1 IN A .*/ns1 IN A 192.0.2.53/"}, _ZONE),
)

ZONE_UNSIGNED = Fault(
    "zone-unsigned",
    "the zone has no signatures (DNSSEC)",
    edited(services, {f"{FOLDER}/Corefile": "s/zone\\.signed/zone.numbered/"}, _SERVER),
)

SIGNATURE_ENDED = Fault(
    "zone-signature-ended",
    "the signature of the portal's AAAA record has ended",
    edited(
        services,
        {f"{FOLDER}/zone.signed": "s/^(portal.*RRSIG[[:space:]]+AAAA[[:space:]]+13 3 60 )[0-9]{14}/\\120250101000000/"},
        _SERVER,
    ),
)

DNS_TCP_CLOSED = Fault(
    "dns-tcp-closed",
    "the name server does not answer over TCP",
    _first_of_all("tcp dport 53"),
)

DNS_IPV6_SILENT = Fault(
    "dns-ipv6-silent",
    "the name server does not answer over IPv6",
    _first_of_all("meta nfproto ipv6 meta l4proto { tcp, udp } th dport 53"),
)
