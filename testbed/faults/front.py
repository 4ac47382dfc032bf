"""What the cloud shows the public is not the same in both families, not protected, or more than was declared."""

from __future__ import annotations

from functools import partial

from core.programs import run
from testbed import clients, names
from testbed.faults.cloud import Cloud
from testbed.faults.fault import Change, Fault
from testbed.faults.host_files import commands, edge, edited, nodes, services, unit

NGINX = "/etc/nginx/nginx.conf"
PORTAL = "/etc/nginx/portal.conf"
CERTIFICATES = "/etc/govcloud/certificates"
_FRONT = unit("nginx.service", "curl --silent --insecure --output /dev/null https://127.0.0.1/")


def _nginx(edit: str) -> Change:
    return edited(services, {NGINX: edit}, _FRONT)


def _only_over_ipv6(*lines: str) -> Change:
    """Add lines to the portal's server of IPv6."""
    return _nginx(f"s#^( +listen \\[::\\]:443 .*)#\\1\\n{' '.join(lines)}#")


PORTAL_IPV4_ALONE = Fault(
    "portal-ipv4-alone",
    "the portal has an AAAA record and listens on IPv4 alone",
    _nginx("s/listen \\[::\\]:443 ssl default_server ipv6only=on/listen 127.0.0.1:8444 ssl/"),
)

PORTAL_OTHER_CERTIFICATE = Fault(
    "portal-other-certificate",
    "the portal shows another certificate of the same authority over IPv6",
    commands(
        services,
        '/usr/local/lib/govcloud/issue_certificate portal-other root "$(cat /etc/govcloud/certificates/portal.names)"',
        f"rm -f {CERTIFICATES}/portal-other.*",
    )
    + _only_over_ipv6(
        *(
            f"ssl_certificate{suffix} {CERTIFICATES}/portal-other.{end};"
            for suffix, end in (("", "crt"), ("_key", "key"))
        )
    ),
)

PORTAL_OTHER_CONTENT = Fault(
    "portal-other-content",
    "the portal's first page is another one over IPv6",
    _only_over_ipv6("rewrite ^/$ /sign-in.html;"),
)

PLAIN_HTTP_CONTENT = Fault(
    "plain-http-content",
    "the portal serves its pages over plain HTTP instead of saying where TLS is",
    _nginx("s/return 308 .*/root \\/srv\\/portal;/"),
)

TLS_1_0 = Fault(
    "portal-tls-1-0",
    "the portal agrees to TLS 1.0 and 1.1",
    _nginx("s/ssl_protocols /&TLSv1 TLSv1.1 /; s/(ssl_ciphers .*);/\\1:ECDHE+AES:@SECLEVEL=0;/"),
)

WEAK_SUITES = Fault(
    "portal-weak-suites",
    "the portal agrees to suites that authenticate nobody",
    _nginx("s/(ssl_ciphers .*);/\\1:AECDH:@SECLEVEL=0;/"),
)

_EXPIRED = f"""
set -eu
cd "$(mktemp -d)"
mkdir new && : >index && echo 01 >serial
cat >ca.cnf <<END
[ca]
default_ca = it
[it]
database = index
serial = serial
new_certs_dir = new
default_md = sha256
policy = any
x509_extensions = shown
[any]
commonName = supplied
[shown]
basicConstraints = critical,CA:FALSE
subjectAltName = $(cat {CERTIFICATES}/portal.names)
END
openssl req -new -key {CERTIFICATES}/portal.key -subj /CN=portal -out request
authority=/etc/govcloud/authority
openssl ca -batch -notext -config ca.cnf -keyfile "$authority/key.pem" -cert "$authority/authority.pem" \\
    -startdate 20260101000000Z -enddate 20260201000000Z -in request -out {CERTIFICATES}/portal-expired.crt
rm -r "$PWD"
"""

CERTIFICATE_EXPIRED = Fault(
    "portal-certificate-expired",
    "the portal's certificate has ended",
    commands(services, _EXPIRED, f"rm -f {CERTIFICATES}/portal-expired.crt")
    + _nginx("s/portal\\.crt/portal-expired.crt/"),
)

CERTIFICATE_FOREIGN = Fault(
    "portal-certificate-foreign",
    "the portal's certificate is signed by nobody but itself",
    commands(
        services,
        f"openssl req -x509 -new -key {CERTIFICATES}/portal.key -subj /CN=portal -days 90 "
        f'-addext "subjectAltName=$(cat {CERTIFICATES}/portal.names)" -out {CERTIFICATES}/portal-foreign.crt',
        f"rm -f {CERTIFICATES}/portal-foreign.crt",
    )
    + _nginx("s/portal\\.crt/portal-foreign.crt/"),
)

COOKIE_UNPROTECTED = Fault(
    "portal-cookie-unprotected",
    "the portal's session cookie goes over plain HTTP as well, and scripts read it",
    edited(services, {PORTAL: "s/ Secure; HttpOnly;//"}, _FRONT),
)

ATTACK_FILTER_OFF = Fault(
    "attack-filter-off",
    "the portal's edge lets attack patterns pass",
    _nginx('s/^( +"~.*) 1;/\\1 0;/'),
)

ATTACK_FILTER_IPV4_ALONE = Fault(
    "attack-filter-ipv4-alone",
    "the portal's edge refuses attack patterns over IPv4 and lets them pass over IPv6",
    edited(
        services,
        {PORTAL: 's/^if \\(\\$attack\\)/set $seen "$attack $server_addr";\\nif ($seen ~ "^1 [0-9.]+$")/'},
        _FRONT,
    ),
)

PORT_NOT_DECLARED = Fault(
    "port-not-declared",
    "the host of services has a port open to everyone that is not declared",
    edge(services, "s/tcp dport \\{ /&8080, /")
    + _nginx("s/^http \\{/&\\n    server { listen 0.0.0.0:8080; listen [::]:8080 ipv6only=on; return 204; }/"),
)

EDGE_FILTER_OFF = Fault(
    "edge-filter-off",
    "the hosts' ports of administration are open to everyone",
    edge(nodes, "s/reject with .*/accept/") + edge(services, "s/reject with .*/accept/"),
)

EDGE_FILTER_IPV4_ALONE = Fault(
    "edge-filter-ipv4-alone",
    "the host of services is guarded over IPv4, and all its ports are open over IPv6",
    edge(services, "s/ip6 saddr @own6 accept/meta nfproto ipv6 accept/"),
)


def _routers(cloud: Cloud) -> list[str]:
    """Name the namespaces at both ends of the small link."""
    return [names.testbed(cloud.topology.name), names.host(cloud.topology.name, clients.BETWEEN)]


def _silence(cloud: Cloud, *, table: str, rule: str) -> None:
    rules = f"table inet {table}\ndelete table inet {table}\n"
    rules += f"table inet {table} {{\nchain output {{\ntype filter hook output priority 0\n{rule} drop\n}}\n}}\n"
    for space in _routers(cloud):
        run(["ip", "netns", "exec", space, "nft", "-f", "-"], stdin=rules)
    # what either end has learned of the path before would hide the fault for ten minutes
    for family in ("-4", "-6"):
        cloud.ssh(cloud.host_of("services"), f"ip {family} route flush cache")
        client = names.host(cloud.topology.name, clients.NARROW)
        run(["ip", "-n", client, family, "route", "flush", "cache"])


def _speak(cloud: Cloud, *, table: str) -> None:
    for space in _routers(cloud):
        run(["ip", "netns", "exec", space, "nft", "delete", "table", "inet", table], check=False)


def _black_hole(family: str, rule: str) -> Change:
    table = f"black_hole_{family}"
    return Change(partial(_silence, table=table, rule=rule), partial(_speak, table=table))


MTU_BLACK_HOLE_IPV6 = Fault(
    "mtu-black-hole-ipv6",
    "routers at a small link drop what does not fit and keep silent (no ICMPv6 Packet Too Big)",
    _black_hole("ipv6", "icmpv6 type packet-too-big"),
)

MTU_BLACK_HOLE_IPV4 = Fault(
    "mtu-black-hole-ipv4",
    "routers at a small link drop what does not fit and keep silent (no ICMP Fragmentation Needed)",
    _black_hole("ipv4", "icmp type destination-unreachable icmp code frag-needed"),
)
