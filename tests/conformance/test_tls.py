"""Handshakes: what a server accepts is told from what it refuses, with real servers on loopback."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import tls
from conformance.tls import OLD, PRESENT
from core.errors import KitError
from tests.certificates import Certificate
from tests.conformance.servers import Server, as_json

TLS12 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2


def settings(certificate: Certificate, versions: tuple[ssl.TLSVersion, ssl.TLSVersion], suites: str) -> ssl.SSLContext:
    context = certificate.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = versions
    context.set_ciphers(suites)
    return context


@pytest.fixture
def good(certificate: Certificate, serve: Callable[..., Server]) -> Server:
    """Start a server as it should be: TLS 1.2 and 1.3, strong suites."""
    return serve(settings(certificate, PRESENT, "ECDHE+AESGCM"))


@pytest.mark.parametrize("version", OLD)
def test_an_old_version_is_found_and_its_refusal_too(
    certificate: Certificate, serve: Callable[..., Server], good: Server, version: ssl.TLSVersion
) -> None:
    """A server that speaks TLS 1.0 or 1.1 is seen to; one that does not is seen to refuse."""
    bad = serve(settings(certificate, (version, version), "ALL:@SECLEVEL=0"))
    assert tls.offer("127.0.0.1", bad.port, versions=(version, version)).accepted
    assert not tls.offer("127.0.0.1", good.port, versions=(version, version)).accepted


def test_a_weak_suite_is_found_and_its_refusal_too(
    certificate: Certificate, serve: Callable[..., Server], good: Server
) -> None:
    """A server that agrees on a suite without authentication is seen to; one that does not is seen to refuse."""
    bad = serve(settings(certificate, TLS12, "aNULL:@SECLEVEL=0"))
    assert tls.offer("127.0.0.1", bad.port, versions=TLS12, suites=tls.WEAK_SUITES).accepted
    assert not tls.offer("127.0.0.1", good.port, versions=TLS12, suites=tls.WEAK_SUITES).accepted


def test_a_certificate_has_to_fit(certificate: Certificate, good: Server) -> None:
    """The right authority and name are accepted; another name, or no authority, is not."""
    authority = str(certificate.authority)
    right = tls.offer("127.0.0.1", good.port, versions=PRESENT, suites="DEFAULT", authority=authority, verify=True)
    assert right.accepted
    assert right.detail.startswith("TLSv1.3 with ")
    wrong_name = tls.offer("localhost", good.port, versions=PRESENT, suites="DEFAULT", authority=authority, verify=True)
    assert not wrong_name.accepted
    assert "mismatch" in wrong_name.detail
    unknown = tls.offer("127.0.0.1", good.port, versions=PRESENT, suites="DEFAULT", verify=True)
    assert not unknown.accepted
    assert "self-signed" in unknown.detail or "unable to get" in unknown.detail


def test_no_server_decides_nothing(unused_port: int) -> None:
    """Where nothing listens, the check is not a pass but undecided."""
    with pytest.raises(KitError, match="no connection"):
        tls.offer("127.0.0.1", unused_port, versions=PRESENT)
    with pytest.raises(KitError, match="no connection"):
        tls.plain_http("127.0.0.1", unused_port)


def test_what_a_server_gives_to_anybody_is_found(
    certificate: Certificate, serve: Callable[..., Server], unused_port: int
) -> None:
    """The status of an answer without credentials; None where nothing listens; an error where there is no TLS."""
    refusing = serve(certificate.context(), as_json(401, {}))
    assert tls.anonymous_status("127.0.0.1", refusing.port, "/pods") == 401
    assert tls.anonymous_status("127.0.0.1", unused_port, "/pods") is None
    with pytest.raises(KitError, match="no TLS"):
        tls.anonymous_status("127.0.0.1", serve(None).port, "/pods")
    assert tls.is_open("127.0.0.1", refusing.port)
    assert not tls.is_open("127.0.0.1", unused_port)


def test_plain_http_is_found(serve: Callable[..., Server], good: Server, tmp_path: Path) -> None:
    """A server that answers without TLS is seen to; one with TLS alone gives no good answer."""
    assert tls.plain_http("127.0.0.1", serve(None).port) == "HTTP/1.0 200 OK"
    assert "200" not in tls.plain_http("127.0.0.1", good.port)
