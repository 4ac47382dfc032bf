"""An authority, its signers and their certificates, made for one test."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

AUDITOR = "Trung tâm Kiểm định Đám mây"
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Signer:
    """A key with its certificate and those that vouch for it."""

    key: Any
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def write(self, folder: Path, name: str = "signer", passphrase: str = "") -> tuple[Path, Path]:
        """Write key and certificates (the signer's first) as PEM, and return both paths."""
        hidden: Any = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        key, certificates = folder / f"{name}.key", folder / f"{name}.pem"
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden))
        key.chmod(0o600)
        certificates.write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in (self.certificate, *self.chain)))
        return key, certificates

    def write_pkcs12(self, path: Path, passphrase: str) -> Path:
        hidden = BestAvailableEncryption(passphrase.encode())
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"s", self.key, self.certificate, self.chain, hidden))
        return path


def make(
    name: str,
    issuer: Signer | None = None,
    *,
    authority: bool = False,
    start: dt.datetime | None = None,
    days: int = 400,
    key: Any = None,
) -> Signer:
    """Make a key and its certificate, self-signed without an issuer."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = start or dt.datetime.now(dt.UTC) - DAY
    usage = dict.fromkeys(
        (
            "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"
        ),
        False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + days * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                content_commitment=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                **usage,
            ),
            critical=True,
        )
    )
    signed = builder.sign(issuer.key if issuer else own, hashes.SHA256())
    vouching = (issuer.certificate, *issuer.chain) if issuer and issuer.chain else ()
    if issuer and not vouching:
        vouching = (issuer.certificate,)
    return Signer(own, signed, vouching)


@dataclass(frozen=True)
class Authority:
    """A root, the authority under it, and the auditor's key, with the file of the root."""

    root: Signer
    auditor: Signer
    file: Path

    @classmethod
    def make(cls, folder: Path) -> Authority:
        root = make("Root of the test", authority=True, days=4000)
        issuing = make("Issuing authority of the test", root, authority=True, days=2000)
        file = folder / "root.pem"
        file.write_bytes(root.certificate.public_bytes(Encoding.PEM))
        return cls(root, make(AUDITOR, issuing), file)
