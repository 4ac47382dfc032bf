"""Detached signatures: who is believed, and that no byte can be changed."""

from __future__ import annotations

import asyncio
import datetime as dt
import subprocess
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.signing import keys
from core import signatures
from core.errors import KitError
from core.signatures import Trust
from tests.signers import AUDITOR, Authority, Signer, make

CONTENT = "Đám mây".encode()


@pytest.fixture(scope="module")
def trust(authority: Authority) -> Trust:
    return signatures.read_trust(authority.file, AUDITOR)


def sign(signer: Signer, folder: Path, content: bytes = CONTENT) -> bytes:
    return keys.sign(content, keys.from_file(*signer.write(folder), None))


@pytest.fixture(scope="module")
def signed(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sign(authority.auditor, tmp_path_factory.mktemp("signed"))


def test_a_signature_under_a_trusted_authority_holds(trust: Trust, signed: bytes) -> None:
    """The signer is told, with the end of the signing certificate."""
    found = signatures.verify(CONTENT, signed, trust)
    assert found.signer == AUDITOR
    assert dt.timedelta(398) < found.until - dt.datetime.now(dt.UTC) < dt.timedelta(400)


@pytest.mark.parametrize("key", ["rsa", "ed25519"])
def test_other_kinds_of_keys_hold_too(authority: Authority, trust: Trust, tmp_path: Path, key: str) -> None:
    """RSA, as tokens have it, and Ed25519."""
    own = rsa.generate_private_key(65537, 2048) if key == "rsa" else ed25519.Ed25519PrivateKey.generate()
    signer = make(AUDITOR, authority.root, key=own)
    assert signatures.verify(CONTENT, sign(signer, tmp_path), trust).signer == AUDITOR


def test_a_program_inside_an_event_loop_can_verify(trust: Trust, signed: bytes) -> None:
    """As a Pulumi program is, which asks for certificates of conformance."""

    async def program() -> signatures.Signature:
        return signatures.verify(CONTENT, signed, trust)

    assert asyncio.run(program()).signer == AUDITOR


def test_openssl_agrees(authority: Authority, signed: bytes, tmp_path: Path) -> None:
    """Anyone can verify with a program that is not ours."""
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "signature").write_bytes(signed)
    words = ["cms", "-verify", "-inform", "DER", "-binary", "-in", "signature", "-content", "content"]
    command = ["openssl", *words, "-CAfile", str(authority.file), "-purpose", "any"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "content").write_bytes(CONTENT + b" ")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_bit_of_a_signature_can_be_changed(trust: Trust, signed: bytes, place: float, bit: int) -> None:
    """Whichever bit is turned, the signature does not hold, and the reason is one line."""
    changed = bytearray(signed)
    changed[int(place * len(signed))] ^= 1 << bit
    with pytest.raises(KitError):
        signatures.verify(CONTENT, bytes(changed), trust)


def test_what_the_validation_passes_over_is_looked_at(trust: Trust, signed: bytes) -> None:
    """The versions inside, the case of the issuer's name, which no signature covers, and bytes after the end."""
    versions = [i for i in range(len(signed) - 2) if signed[i : i + 3] == b"\x02\x01\x01"]
    assert len(versions) >= 2
    for i in versions:
        with pytest.raises(KitError):
            signatures.verify(CONTENT, signed[: i + 2] + b"\x03" + signed[i + 3 :], trust)
    with pytest.raises(KitError, match="not a whole, detached"):
        signatures.verify(CONTENT, signed + b"\0", trust)
    issuer = b"Issuing authority"  # in the chain twice, then in what names the signing certificate
    places = [i for i in range(len(signed)) if signed.startswith(issuer, i)]
    assert len(places) == 4
    for i in places:
        with pytest.raises(KitError):
            signatures.verify(CONTENT, signed[:i] + b"i" + signed[i + 1 :], trust)


def test_a_certificate_that_vouches_for_nothing_is_refused(trust: Trust, signed: bytes) -> None:
    """Nothing can be put into the signature beside what it needs."""
    info = cms.ContentInfo.load(signed)
    other = make("another", authority=True).certificate
    from asn1crypto import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    info["content"]["certificates"].append(x509.Certificate.load(other.public_bytes(Encoding.DER)))
    with pytest.raises(KitError, match="not a whole, detached"):
        signatures.verify(CONTENT, info.dump(force=True), trust)


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"\n", CONTENT.replace(b"m", b"n")])
def test_other_content_is_refused(trust: Trust, signed: bytes, content: bytes) -> None:
    """One byte more, less or other."""
    with pytest.raises(KitError, match="not what was signed"):
        signatures.verify(content, signed, trust)


@pytest.mark.parametrize("text", [b"", b"\x30\x00", b"signature", b"eHh4eHh4", b"\x30\x84" + b"\xff" * 9])
def test_what_is_no_signature_is_refused(trust: Trust, text: bytes) -> None:
    """Whatever else the file holds."""
    with pytest.raises(KitError, match="not a whole, detached CMS signature"):
        signatures.verify(CONTENT, text, trust)
    with pytest.raises(KitError, match="larger than 256 KiB"):
        signatures.verify(CONTENT, text + b"\0" * 300_000, trust)


def test_a_signature_that_carries_its_content_is_refused(authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """Only a detached signature counts: what is verified is the file beside it."""
    signer = keys.from_file(*authority.auditor.write(tmp_path), None)
    whole = asyncio.run(signer.async_sign_general_data(CONTENT, "sha256", detached=False)).dump()
    with pytest.raises(KitError, match="not a whole, detached"):
        signatures.verify(CONTENT, whole, trust)


def test_a_wrong_chain_is_refused(authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """Another root of the same name, a signer who is no authority in between, a self-signed signer."""
    impostor = make("Root of the test", authority=True)
    below = make(AUDITOR, authority.auditor)
    for signer in (make(AUDITOR, impostor), below, make(AUDITOR)):
        with pytest.raises(KitError, match="no trusted authority vouches"):
            signatures.verify(CONTENT, sign(signer, tmp_path), trust)


def test_an_ended_certificate_is_refused(authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """Before its first and after its last moment, a signing certificate signs nothing."""
    now = dt.datetime.now(dt.UTC)
    ended = make(AUDITOR, authority.root, start=now - dt.timedelta(days=30), days=29)
    with pytest.raises(KitError, match=f"ended on {now - dt.timedelta(days=1):%Y-%m-%d}"):
        signatures.verify(CONTENT, sign(ended, tmp_path), trust)
    later = make(AUDITOR, authority.root, start=now + dt.timedelta(days=2))
    with pytest.raises(KitError, match="does not hold before"):
        signatures.verify(CONTENT, sign(later, tmp_path), trust)
    assert signatures.verify(CONTENT, sign(ended, tmp_path), trust, at=now - dt.timedelta(days=10))


def test_an_authority_that_ended_vouches_for_nobody(authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """The whole chain must hold, not the last certificate alone."""
    now = dt.datetime.now(dt.UTC)
    issuing = make("Issuing", authority.root, authority=True, start=now - dt.timedelta(days=30), days=29)
    with pytest.raises(KitError, match="no trusted authority vouches"):
        signatures.verify(CONTENT, sign(make(AUDITOR, issuing), tmp_path), trust)


def test_another_signer_of_the_same_authority_is_refused(authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """An authority vouches for many; the auditor is one of them."""
    with pytest.raises(KitError, match="signed by 'Someone else'"):
        signatures.verify(CONTENT, sign(make("Someone else", authority.root), tmp_path), trust)


@pytest.mark.parametrize(
    ("text", "said"), [(None, "No such file"), (b"", "no certificates"), (b"x" * 300_000, "larger")]
)
def test_a_list_of_authorities_that_is_none_is_named(tmp_path: Path, text: bytes | None, said: str) -> None:
    """Without authorities nothing is believed; the machine's own are never asked."""
    path = tmp_path / "roots.pem"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(KitError, match=said):
        signatures.read_trust(path, AUDITOR)
