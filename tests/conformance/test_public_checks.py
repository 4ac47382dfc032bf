"""The checks of a cloud's public side pass a good portal on loopback, and fail a broken one, in each family apart."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from conformance import tls
from conformance.checks import test_exposure as exposure
from conformance.checks import test_public as public
from conformance.checks import test_web as web
from conformance.declared import NotDeclaredError
from conformance.plugin import EvidenceBook
from conformance.probes import Family
from conformance.public import Exposed
from conformance.surface import ADMINISTRATION, Surface
from core.errors import KitError
from tests.certificates import Certificate
from tests.conformance.public_side import ADDRESS, COOKIE, NAME, endpoint, portal, redirect, surface
from tests.conformance.servers import Answer, Server

FAMILIES = pytest.mark.parametrize("family", list(Family), ids=["ipv4", "ipv6"])
Portal = Callable[..., Surface]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("good"), NAME, days=90)


@pytest.fixture
def book() -> EvidenceBook:
    return EvidenceBook()


@pytest.fixture
def a_portal(good: Certificate, target_file: Path) -> Iterator[Portal]:
    """Start a portal on one port of both loopback addresses; what is told of one family alone differs there."""
    running: list[Server] = []

    def start(
        *,
        ipv4: Answer | None = None,
        ipv6: Answer | None = None,
        certificate: Certificate = good,
        ipv6_certificate: Certificate | None = None,
        settings: Callable[[ssl.SSLContext], None] = lambda _context: None,
        ipv6_listens: bool = True,
        **fields: Any,
    ) -> Surface:
        port = 0
        for family, answer, shown in (
            (Family.IPV4, ipv4, certificate),
            (Family.IPV6, ipv6, ipv6_certificate or certificate),
        ):
            if family is Family.IPV6 and not ipv6_listens:
                continue
            context = shown.context()
            settings(context)
            running.append(Server(context, answer or ipv4 or portal(), ADDRESS[family], port))
            port = running[-1].port
        declared = endpoint(port, good.authority, large="/large", sign_in="/sign-in", web=True, **fields)
        return surface(target_file, endpoints=(declared,))

    yield start
    for server in running:
        server.close()


def old_versions(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


def test_a_good_portal_passes(a_portal: Portal, book: EvidenceBook) -> None:
    """What is good passes every check of this page, each with evidence."""
    good = a_portal()
    public.test_both_families_show_the_same(good, book)
    web.test_session_cookies_are_protected(good, book)
    for family in Family:
        public.test_endpoints_answer(good, family, book)
        public.test_each_family_stands_alone(good, family, book)
        web.test_certificates_are_trusted(good, family, book)
        web.test_old_tls_is_refused(good, family, tls.OLD[0], book)
        web.test_weak_suites_are_refused(good, family, book)
        web.test_plain_http_is_only_a_redirect(good, family, book)
        web.test_attacks_are_refused(good, family, book)
    assert len(book.entries) > 30


def test_a_portal_that_listens_on_ipv4_alone_fails(a_portal: Portal, book: EvidenceBook) -> None:
    """An address that nobody listens on is found over IPv6, and IPv4 is not blamed."""
    bad = a_portal(ipv6_listens=False)
    public.test_endpoints_answer(bad, Family.IPV4, book)
    for check in (public.test_endpoints_answer, public.test_each_family_stands_alone):
        with pytest.raises(AssertionError, match="refused"):
            check(bad, Family.IPV6, book)
    with pytest.raises(AssertionError, match=r"over IPv6: .*refused"):
        public.test_both_families_show_the_same(bad, book)


@FAMILIES
def test_a_name_without_an_address_fails(
    good: Certificate, target_file: Path, family: Family, book: EvidenceBook
) -> None:
    """A name that has no record of a family is not reached over it; an AAAA record is asked for by its name."""
    bad = surface(target_file, {each: [] for each in Family}, endpoints=(endpoint(443, good.authority),))
    with pytest.raises(AssertionError, match=f"has no {'A' if family is Family.IPV4 else 'AAAA'} record"):
        public.test_endpoints_answer(bad, family, book)


def test_another_certificate_over_ipv6_fails(a_portal: Portal, tmp_path: Path, book: EvidenceBook) -> None:
    """The same content under another certificate is not the same."""
    bad = a_portal(ipv6_certificate=Certificate(tmp_path, NAME, days=90))
    with pytest.raises(AssertionError, match="certificate differs"):
        public.test_both_families_show_the_same(bad, book)


def test_other_content_over_ipv6_fails(a_portal: Portal, book: EvidenceBook) -> None:
    """Another page under the same certificate is not the same."""
    bad = a_portal(ipv6=portal(content="Đang bảo trì"))
    with pytest.raises(AssertionError, match="content differs"):
        public.test_both_families_show_the_same(bad, book)


@FAMILIES
def test_an_old_version_fails(a_portal: Portal, family: Family, book: EvidenceBook) -> None:
    """TLS 1.0 that is agreed on is found."""
    with pytest.raises(AssertionError, match="TLSv1 with"):
        web.test_old_tls_is_refused(a_portal(settings=old_versions), family, tls.OLD[0], book)


def test_a_weak_suite_fails(a_portal: Portal, book: EvidenceBook) -> None:
    """A suite without authentication that is agreed on is found."""
    bad = a_portal(settings=lambda context: context.set_ciphers("ALL:@SECLEVEL=0"))
    with pytest.raises(AssertionError, match="accepted by"):
        web.test_weak_suites_are_refused(bad, Family.IPV4, book)


@pytest.mark.parametrize(("days", "said"), [(-1, "expired"), (3, "ends in 2 days")], ids=["ended", "ends-soon"])
def test_a_certificate_at_its_end_fails(
    tmp_path: Path, target_file: Path, days: int, said: str, book: EvidenceBook
) -> None:
    """A certificate that has ended fails, and so does one that ends within days."""
    certificate = Certificate(tmp_path, NAME, days=days)
    server = Server(certificate.context(), portal())
    try:
        bad = surface(target_file, endpoints=(endpoint(server.port, certificate.authority),))
        with pytest.raises(AssertionError, match=said):
            web.test_certificates_are_trusted(bad, Family.IPV4, book)
    finally:
        server.close()


def test_an_unknown_authority_fails(a_portal: Portal, tmp_path: Path, book: EvidenceBook) -> None:
    """A certificate that nobody trusted signed fails."""
    with pytest.raises(AssertionError, match=r"self-signed|unable to get"):
        web.test_certificates_are_trusted(a_portal(certificate=Certificate(tmp_path, NAME)), Family.IPV4, book)


@FAMILIES
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (portal(), "answered 200"),
        (redirect("http://elsewhere.test/"), "answered 308 http://elsewhere"),
        (redirect(f"https://{NAME}.evil.test/"), "answered 308"),
    ],
    ids=["content", "redirect-elsewhere", "redirect-to-a-longer-name"],
)
def test_plain_http_that_is_no_redirect_to_tls_fails(
    good: Certificate, target_file: Path, family: Family, answer: Answer, said: str, book: EvidenceBook
) -> None:
    """Content in plain text, or a way to somewhere else, is found."""
    plain, secure = Server(None, answer, ADDRESS[family]), Server(good.context(), portal(), ADDRESS[family])
    try:
        declared = endpoint(secure.port, good.authority, plain_port=plain.port)
        with pytest.raises(AssertionError, match=said):
            web.test_plain_http_is_only_a_redirect(surface(target_file, endpoints=(declared,)), family, book)
    finally:
        plain.close()
        secure.close()


@pytest.mark.parametrize(
    ("cookie", "said"),
    [
        (COOKIE.replace("Secure; ", ""), "session lacks Secure"),
        (COOKIE.replace("; HttpOnly", ""), "session lacks HttpOnly"),
        ("session=1", "session lacks Secure, HttpOnly"),
    ],
    ids=["not-secure", "for-scripts", "bare"],
)
def test_a_cookie_without_protection_fails(a_portal: Portal, cookie: str, said: str, book: EvidenceBook) -> None:
    """A cookie that lacks an attribute is named with what it lacks, and its value is in no evidence."""
    with pytest.raises(AssertionError, match=said):
        web.test_session_cookies_are_protected(a_portal(ipv4=portal(cookie=cookie)), book)
    assert "session=1" not in str([entry.saw for entry in book.entries])


def test_a_filter_that_guards_ipv4_alone_fails(a_portal: Portal, book: EvidenceBook) -> None:
    """A filter over IPv4 says nothing about IPv6."""
    bad = a_portal(ipv4=portal(), ipv6=portal(filters=False))
    web.test_attacks_are_refused(bad, Family.IPV4, book)
    with pytest.raises(AssertionError, match="over IPv6 lets pass a script in a parameter, a query"):
        web.test_attacks_are_refused(bad, Family.IPV6, book)


def test_a_portal_that_refuses_everything_is_not_guarded(a_portal: Portal, book: EvidenceBook) -> None:
    """A refusal of attacks counts only beside an answer to what is no attack."""

    def refuse(handler: Any) -> None:
        handler.send_error(403)

    with pytest.raises(pytest.fail.Exception, match="a refusal would mean nothing"):
        web.test_attacks_are_refused(a_portal(ipv4=refuse), Family.IPV4, book)


def exposed(target_file: Path, open_ports: list[int], declared: tuple[int, ...]) -> Surface:
    """Return a public side of one address, whose scan found these ports open."""
    address = ip_address("192.0.2.1")
    found = surface(target_file, exposure=(Exposed(address=address, tcp=declared),))
    found._scanned[str(address)] = open_ports
    return found


def test_exposure_is_what_was_declared(target_file: Path, book: EvidenceBook) -> None:
    """A port more and a port less than declared are both found; what was declared passes."""
    exposure.test_only_declared_ports_are_open(exposed(target_file, [443], (443,)), Family.IPV4, book)
    with pytest.raises(AssertionError, match=r"8080 is open and not declared; .* 443 is declared and not open"):
        exposure.test_only_declared_ports_are_open(exposed(target_file, [8080], (443,)), Family.IPV4, book)


def test_an_open_port_of_administration_is_found(target_file: Path, book: EvidenceBook) -> None:
    """Also one that was declared is found: declaring it does not make it right."""
    exposure.test_administration_is_closed(exposed(target_file, [443], (443,)), Family.IPV4, book)
    for port, check in (
        (10250, exposure.test_administration_is_closed),
        (22, exposure.test_administration_is_closed),
        (22, exposure.test_remote_administration_is_closed),
    ):
        with pytest.raises(AssertionError, match=f"port {port} .* is open"):
            check(exposed(target_file, [port, 443], (port, 443)), Family.IPV4, book)
    assert 6443 not in ADMINISTRATION


def test_closed_ports_of_a_dead_address_prove_nothing(target_file: Path, book: EvidenceBook) -> None:
    """Where nothing answers at all, no port is shown to be closed."""
    with pytest.raises(KitError, match="shows nothing"):
        exposure.test_administration_is_closed(exposed(target_file, [], ()), Family.IPV4, book)


def test_a_family_without_a_declared_address_fails(target_file: Path, book: EvidenceBook) -> None:
    """A cloud that declares no IPv6 address is not reached over IPv6."""
    with pytest.raises(AssertionError, match="no public address in IPv6"):
        exposure.test_only_declared_ports_are_open(exposed(target_file, [443], (443,)), Family.IPV6, book)


def test_a_scan_goes_out_once(target_file: Path) -> None:
    """Checks that read the same address share one scan."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = surface(target_file)
        assert found.open_ports("127.0.0.1", [port]) == [port]
    assert found.open_ports("127.0.0.1", [port]) == [port]


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda empty, book: public.test_endpoints_answer(empty, Family.IPV6, book), "endpoints"),
        (lambda empty, book: exposure.test_only_declared_ports_are_open(empty, Family.IPV6, book), "exposure"),
        (lambda empty, _book: empty.ipv6_only(), "clients.ipv6_only"),
        (lambda empty, _book: empty.narrow(), "clients.narrow"),
        (web.test_session_cookies_are_protected, "endpoints"),
    ],
    ids=["endpoints", "exposure", "ipv6-only", "narrow", "sign-in"],
)
def test_what_is_not_declared_is_left_to_a_person(
    target_file: Path, book: EvidenceBook, check: Callable[[Surface, EvidenceBook], None], said: str
) -> None:
    """A section that is not there is said, and nothing passes."""
    with pytest.raises(NotDeclaredError, match=said):
        check(surface(target_file), book)
