"""Certificates of conformance: what is relied on, and what is refused."""

from __future__ import annotations

import base64
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.errors import KitError
from modules import certificate

CLOUD = "example-cloud"
ON = dt.date(2026, 6, 1)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))  # the same in every process that collects these tests
CONTENT = {
    "version": 1,
    "cloud": CLOUD,
    "level": 3,
    "from": "2026-01-01",
    "until": "2026-12-31",
    "catalogue": f"sha256:{'a' * 64}",
}


def key_of(signer: Any) -> str:
    spki = signer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(spki).decode()


KEY = key_of(SIGNER)


def write(path: Path, signer: Ed25519PrivateKey = SIGNER, **changes: Any) -> Path:
    """Write a certificate as the one who judges a cloud does: signed is the text without spaces, keys in order."""
    content = {**CONTENT, **changes}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    signature = base64.b64encode(signer.sign(text)).decode()
    path.write_text(json.dumps({"certificate": content, "signature": signature}, indent=2), encoding="utf-8")
    return path


def test_good_certificate_is_relied_on(tmp_path: Path) -> None:
    """A certificate of this cloud for this level that holds today opens the way; its last day counts too."""
    found = certificate.read(write(tmp_path / "c.json", cloud="Đám mây Cần Thơ"), KEY)
    assert (found.level, found.catalogue) == (3, CONTENT["catalogue"])
    for day in (dt.date(2026, 1, 1), ON, dt.date(2026, 12, 31)):
        certificate.check(found, "Đám mây Cần Thơ", 3, day)
    certificate.check(found, "Đám mây Cần Thơ", 1, ON)


@pytest.mark.parametrize(
    ("cloud", "level", "on", "said"),
    [
        (CLOUD, 3, dt.date(2027, 1, 1), "ended on 2026-12-31"),
        (CLOUD, 3, dt.date(2025, 12, 31), "does not hold before 2026-01-01"),
        (CLOUD, 4, ON, "is for level 3, and the agency has a system of level 4"),
        ("other-cloud", 3, ON, "is of 'example-cloud', and the agency is to run on 'other-cloud'"),
    ],
)
def test_certificate_that_does_not_fit_is_refused(
    tmp_path: Path, cloud: str, level: int, on: dt.date, said: str
) -> None:
    """One that is over, of too low a level or of another cloud opens nothing, and the reason is told."""
    found = certificate.read(write(tmp_path / "c.json"), KEY)
    with pytest.raises(KitError, match=said):
        certificate.check(found, cloud, level, on)


@pytest.mark.parametrize(
    "changes", [{"level": 5}, {"cloud": "x"}, {"until": "2036-12-31"}, {"from": "2020-01-01"}, {"catalogue": "b" * 64}]
)
def test_changed_certificate_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Whatever is changed after the signature, the certificate is void."""
    path = write(tmp_path / "c.json")
    whole = json.loads(path.read_text())
    changed = {key: f"sha256:{value}" if key == "catalogue" else value for key, value in changes.items()}
    whole["certificate"] |= changed
    path.write_text(json.dumps(whole))
    with pytest.raises(KitError, match="signature does not fit the trusted key"):
        certificate.read(path, KEY)


def test_signature_of_another_is_refused(tmp_path: Path) -> None:
    """Only the trusted key's signature counts."""
    path = write(tmp_path / "c.json", Ed25519PrivateKey.generate())
    with pytest.raises(KitError, match="signature does not fit"):
        certificate.read(path, KEY)


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", KEY])
def test_broken_signature_is_refused(tmp_path: Path, signature: str) -> None:
    """A signature that is none is refused like a wrong one."""
    path = write(tmp_path / "c.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "signature": signature}))
    with pytest.raises(KitError, match="signature does not fit"):
        certificate.read(path, KEY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[]", "file: "),
        ("{}", "certificate: Field required"),
        (json.dumps({"certificate": {**CONTENT, "level": 6}, "signature": ""}), r"certificate\.level"),
        (json.dumps({"certificate": {**CONTENT, "more": 1}, "signature": ""}), r"certificate\.more"),
        (json.dumps({"certificate": {**CONTENT, "version": 2}, "signature": ""}), r"certificate\.version"),
        (json.dumps({"certificate": {**CONTENT, "until": "2025-12-31"}, "signature": ""}), "is before"),
        (" " * 70_000, "larger than 64 KiB"),
    ],
)
def test_other_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """What is no certificate of this form is named with its file and field."""
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(KitError, match=said) as caught:
        certificate.read(path, KEY)
    assert "c.json" in caught.value.message


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A path to nothing is named."""
    with pytest.raises(KitError, match=r"c\.json: No such file"):
        certificate.read(tmp_path / "c.json", KEY)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "no key is trusted"),
        ("AAAA", "no public key"),
        ("not base64!", "no public key"),
        (key_of(generate_private_key(SECP256R1())), "not an Ed25519 key"),
    ],
)
def test_without_a_trusted_key_nothing_is_relied_on(tmp_path: Path, key: str, said: str) -> None:
    """No key in the configuration, or one of another kind, means no certificate."""
    with pytest.raises(KitError, match=said):
        certificate.read(write(tmp_path / "c.json"), key)
