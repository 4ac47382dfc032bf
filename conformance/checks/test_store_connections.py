"""Over which connections the object store answers, in each address family."""

from __future__ import annotations

import hashlib
import secrets
import ssl

import pytest

from conformance import tls
from conformance.declared import ObjectStore
from conformance.object_store import FAMILIES, Account, open_places, place_of, places, way, whole
from conformance.plugin import EvidenceBook, requirement
from conformance.store_cleaning import Owned
from core.errors import KitError


@requirement("GVC-CAP-03", "GVC-IP6-04")
@pytest.mark.parametrize("family", FAMILIES)
def test_store_answers(object_store: ObjectStore, bucket_a: Owned, family: str, evidence: EvidenceBook) -> None:
    """An object of 1 MiB goes in and comes out again, at every address of the store in this family."""
    found = places(object_store, family)
    evidence.add(f"look for addresses of {place_of(object_store)[0]}", ", ".join(found) or "none")
    assert found, f"the store has no {family} address"
    body = secrets.token_bytes(1 << 20)
    for address in found:
        taken = tls.is_open(address, place_of(object_store)[1])
        evidence.add(f"connect to {address}", "taken" if taken else "no connection")
        assert taken, f"{address} takes no connection"
    account = Account(f"tenant a over {family}", object_store, object_store.accounts.a, way(object_store, family))
    name = {"Bucket": bucket_a.bucket, "Key": family}
    account.must("put_object", **name, **whole(body))
    read = account.must("get_object", **name).data["Body"]
    evidence.add(f"put and get 1 MiB over {family}", f"SHA-256 {hashlib.sha256(read).hexdigest()}")
    assert read == body, f"what comes back over {family} is not what was put"


@requirement("GVC-IP6-04", "GVC-CRY-01")
def test_certificate_is_the_same_everywhere(object_store: ObjectStore, evidence: EvidenceBook) -> None:
    """Every address of the store shows the same certificate, and it fits the store's name and authority."""
    host, port = place_of(object_store)
    shown = {}
    for address in open_places(object_store):
        handshake = tls.offer(
            address,
            port,
            versions=tls.PRESENT,
            suites="DEFAULT",
            authority=str(object_store.authority) if object_store.authority else None,
            verify=True,
            name=host,
        )
        evidence.add(f"offer TLS 1.2 and 1.3 to {address}, and verify the certificate", handshake.detail)
        assert handshake.accepted, f"{address}: {handshake.detail}"
        shown[address] = hashlib.sha256(
            ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((address, port)))
        ).hexdigest()
        evidence.add(f"take the certificate of {address}", f"SHA-256 {shown[address]}")
    if not shown:
        raise KitError(f"no address of {host} takes connections")
    assert len(set(shown.values())) == 1, f"certificates differ: {shown}"


@requirement("GVC-CRY-02")
@pytest.mark.parametrize("version", tls.OLD, ids=["tls1.0", "tls1.1"])
def test_old_tls_is_refused(object_store: ObjectStore, version: ssl.TLSVersion, evidence: EvidenceBook) -> None:
    """The store refuses TLS 1.0 and 1.1 at each address, and takes what is newer."""
    host, port = place_of(object_store)
    taken = []
    for address in open_places(object_store):
        new = tls.offer(address, port, versions=tls.PRESENT, name=host)
        evidence.add(f"offer TLS 1.2 and 1.3 to {address}", new.detail)
        if not new.accepted:
            raise KitError(f"{address} takes no newer TLS either, so a refusal means nothing: {new.detail}")
        old = tls.offer(address, port, versions=(version, version), name=host)
        evidence.add(f"offer {version.name} alone to {address}", old.detail)
        taken += [f"{address}: {old.detail}"] if old.accepted else []
    assert not taken, f"accepted: {'; '.join(taken)}"


@requirement("GVC-CRY-01")
def test_plain_http_is_refused(object_store: ObjectStore, evidence: EvidenceBook) -> None:
    """The store's port answers plain HTTP with nothing but a refusal or a way to TLS, at each address."""
    answered = []
    for address in open_places(object_store):
        line = tls.plain_http(address, place_of(object_store)[1])
        evidence.add(f"send a plain HTTP request to {address}", line or "the connection was closed")
        status = [*line.split(), "", ""][1]
        answered += [f"{address}: {line}"] if status.startswith(("2", "403", "404")) else []
    assert not answered, f"answered over plain HTTP: {'; '.join(answered)}"
