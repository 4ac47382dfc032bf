"""TLS, redirects, cookies and the filter of the cloud's public endpoints, in each address family."""

from __future__ import annotations

import ssl
import time
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

import pytest

from conformance import outside, tls
from conformance.plugin import EvidenceBook, families, requirement
from conformance.probes import Family
from conformance.surface import Surface, fetched

pytestmark = pytest.mark.usefixtures("endpoints")
LAST_DAYS = 14
"""A certificate that ends sooner is as good as ended: somebody forgot it."""
ATTACKS = {
    "a script in a parameter": "?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "a query of a database in a parameter": "?id=1%27%20OR%20%271%27=%271%27%20--%20",
    "a way out of the folder": "?file=../../../../etc/passwd",
}
"""What every filter of attacks knows, and what harms nothing that has none."""


@requirement("GVC-CRY-01", "GVC-CRY-02")
@families
def test_certificates_are_trusted(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """Every endpoint shows a certificate for its name, from a trusted authority, that holds for two weeks at least."""
    wrong = []
    for endpoint in surface.endpoints:
        address = surface.address(endpoint, family)
        answer = fetched(outside.here(), endpoint, address, evidence, authority=endpoint.trust)
        if "error" in answer:
            wrong.append(f"{endpoint}: {answer['error']}")
            continue
        days = int((answer["ends"] - time.time()) // 86400)
        evidence.add(f"read the last day of the certificate of {endpoint}", f"{days} days left")
        wrong += [f"{endpoint}: the certificate ends in {days} days"] if days < LAST_DAYS else []
    assert not wrong, "; ".join(wrong)


@requirement("GVC-CRY-02")
@pytest.mark.parametrize("version", tls.OLD, ids=["tls1.0", "tls1.1"])
@families
def test_old_tls_is_refused(surface: Surface, family: Family, version: ssl.TLSVersion, evidence: EvidenceBook) -> None:
    """Every endpoint refuses TLS 1.0 and 1.1, whatever the suite, while it takes a present version."""
    _refused(surface, family, (version, version), "ALL:@SECLEVEL=0", evidence)


@requirement("GVC-CRY-02")
@families
def test_weak_suites_are_refused(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """Every endpoint refuses suites without authentication, encryption or forward secrecy, and takes strong ones."""
    _refused(surface, family, (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2), tls.WEAK_SUITES, evidence)


def _refused(
    surface: Surface,
    family: Family,
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion],
    suites: str,
    evidence: EvidenceBook,
) -> None:
    accepted = []
    for endpoint in surface.endpoints:
        address = surface.address(endpoint, family)
        good = tls.offer(address, endpoint.port, versions=tls.PRESENT, name=endpoint.name)
        evidence.add(f"offer {endpoint} TLS 1.2 and 1.3", good.detail)
        assert good.accepted, f"{endpoint} takes no present version of TLS: {good.detail}"
        weak = tls.offer(address, endpoint.port, versions=versions, suites=suites, name=endpoint.name)
        evidence.add(f"offer {endpoint} {versions[0].name} alone with {suites}", weak.detail)
        accepted += [f"{endpoint}: {weak.detail}"] if weak.accepted else []
    assert not accepted, f"accepted by {'; '.join(accepted)}"


@requirement("GVC-CRY-01")
@families
def test_plain_http_is_only_a_redirect(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """Where plain HTTP is answered there is nothing but the way to TLS; a port of TLS gives nothing in plain text."""
    where, wrong = surface.outside(), []
    for endpoint in surface.endpoints:
        address = surface.address(endpoint, family)
        for port in filter(None, (endpoint.port, endpoint.plain_port)):
            answer = fetched(where, endpoint, address, evidence, port=port, plain=True)
            if "error" in answer:
                assert port == endpoint.port, f"{endpoint} port {port}: {answer['error']}, where a redirect is declared"
                continue
            target = next((value for name, value in answer["headers"] if name.lower() == "location"), "")
            way = urlsplit(target)
            redirected = 300 <= answer["status"] < 400 and (way.scheme, way.hostname) == ("https", endpoint.name)
            if answer["status"] < 400 and not redirected:
                wrong.append(f"{endpoint} port {port} answered {answer['status']} {target}".rstrip())
            elif port == endpoint.plain_port and not redirected:
                wrong.append(f"{endpoint} port {port} answered {answer['status']}, no redirect")
    assert not wrong, f"in plain text: {'; '.join(wrong)}"


@requirement("GVC-IAM-08")
def test_session_cookies_are_protected(surface: Surface, evidence: EvidenceBook) -> None:
    """Every cookie of the sign-in page goes over TLS alone (Secure) and no script reads it (HttpOnly)."""
    endpoint = surface.endpoint_with("sign_in", "a sign-in page")
    family = next(f for f in Family if surface.addresses(endpoint.name, f))
    address = surface.address(endpoint, family)
    answer = fetched(surface.outside(), endpoint, address, evidence, path=endpoint.sign_in, verify=False)
    assert "error" not in answer, f"{endpoint}{endpoint.sign_in}: {answer['error']}"
    lines = [value for name, value in answer["headers"] if name.lower() == "set-cookie"]
    if not lines:
        pytest.skip(f"{endpoint}{endpoint.sign_in} sets no cookie")
    weak = []
    for line in lines:
        name, lacking = _cookie(line)
        evidence.add(f"read the cookie {name}", f"lacks {', '.join(lacking)}" if lacking else "Secure and HttpOnly")
        weak += [f"{name} lacks {', '.join(lacking)}"] if lacking else []
    assert not weak, f"cookies of {endpoint}{endpoint.sign_in}: {'; '.join(weak)}"


def _cookie(line: str) -> tuple[str, list[str]]:
    """Name a cookie, and what protection it lacks; its value is nobody's business."""
    try:
        ((name, morsel),) = SimpleCookie(line).items()
    except (CookieError, ValueError):
        return "that cannot be read", ["everything"]
    return name, [attribute for attribute in ("Secure", "HttpOnly") if not morsel[attribute.lower()]]


@requirement("GVC-NET-06", "GVC-IP6-04")
@families
def test_attacks_are_refused(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """A web application's edge refuses what every attacker tries first, and serves the same page without it."""
    endpoint = surface.endpoint_with("web", "a web application")
    where, address = surface.outside(), surface.address(endpoint, family)
    for path in (endpoint.path, f"{endpoint.path}?q=xin+chao"):
        answer = fetched(where, endpoint, address, evidence, path=path, verify=False)
        if "error" in answer or answer["status"] >= 400:
            said = answer.get("error") or answer["status"]
            pytest.fail(f"{endpoint}{path}, where nothing is wrong, gets {said}: a refusal would mean nothing")
    passed = []
    for what, query in ATTACKS.items():
        answer = fetched(where, endpoint, address, evidence, path=f"{endpoint.path}{query}", verify=False)
        if "error" not in answer and answer["status"] < 400:
            passed.append(what)
    assert not passed, f"{endpoint} over {family} lets pass {', '.join(passed)}"
