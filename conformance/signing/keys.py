"""The auditor's key: in a file (PEM or PKCS#12), or in a token that is spoken to by PKCS#11."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from asn1crypto import pem, x509

from core.errors import KitError

if TYPE_CHECKING:
    from pyhanko.sign.signers import Signer

PKCS12_SUFFIXES = frozenset({".p12", ".pfx"})
DIGESTS = {"ed25519": "sha512"}
"""Digest by kind of key where it is not SHA-256 (RFC 8419, 3.1)."""


def sign(content: bytes, signer: Signer) -> bytes:
    """Return a detached CMS signature (DER) over ``content``. Raises KitError where the key refuses."""
    from pkcs11.exceptions import PKCS11Error  # noqa: PLC0415

    try:
        kind = signer.signing_cert.public_key.algorithm if signer.signing_cert else ""
        made = asyncio.run(signer.async_sign_general_data(content, DIGESTS.get(kind, "sha256"), detached=True))
    except (ValueError, PKCS11Error) as error:
        raise KitError(
            f"the key does not sign: {_said(error)}", "see if key and certificate belong together"
        ) from error
    return bytes(made.dump())


def from_file(key: Path, certificates: Path | None, passphrase: str | None) -> Signer:
    """Open a key in a PKCS#12 file, or one in PEM with its certificates (the signer's first) in another file.

    Raises KitError where a file cannot be read, or the key is not that of the certificate.
    """
    from pyhanko.keys import load_private_key_from_pemder_data  # noqa: PLC0415
    from pyhanko.sign.signers import SimpleSigner  # noqa: PLC0415
    from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415

    secret = passphrase.encode() if passphrase else None
    raw = _read(key)
    wrong = KitError(f"{key}: no private key, or another passphrase", "give the file of the auditor's key")
    if key.suffix.lower() in PKCS12_SUFFIXES:
        try:
            opened: SimpleSigner = SimpleSigner.load_pkcs12_data(raw, [], passphrase=secret)
        except ValueError as error:
            raise wrong from error
        opened.embed_roots = False
        return opened
    if certificates is None:
        raise KitError(f"{key}: its certificates are not given", "--certificates FILE: the signer's, then its issuers'")
    chain = read_chain(certificates)
    try:
        private = load_private_key_from_pemder_data(raw, passphrase=secret)
    except (ValueError, TypeError) as error:
        raise wrong from error
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(chain[1:])
    made = SimpleSigner(signing_cert=chain[0], signing_key=private, cert_registry=store, embed_roots=False)
    _check_pair(made, key, certificates)
    return made


@contextmanager
def from_token(module: Path, token: str, label: str, certificates: Path, pin: str | None) -> Iterator[Signer]:
    """Open the key with this label in a token; its certificates (the signer's first) are in a PEM file.

    Raises KitError where the module, the token or the key is not there, or the PIN is wrong.
    """
    from pkcs11.exceptions import PKCS11Error  # noqa: PLC0415
    from pyhanko.config.pkcs11 import TokenCriteria  # noqa: PLC0415
    from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session  # noqa: PLC0415

    chain = read_chain(certificates)
    if not module.is_file():
        raise KitError(f"{module}: no such PKCS#11 module", "give the path of the library that came with the token")
    try:
        session = open_pkcs11_session(str(module), token_criteria=TokenCriteria(label=token), user_pin=pin)
    except (PKCS11Error, OSError, RuntimeError) as error:
        raise KitError(f"token {token!r}: cannot be opened: {_said(error)}", "see its label, and the PIN") from error
    # many tokens sign a digest with such a key, and do not make the digest
    raw = chain[0].public_key.algorithm == "ec"
    with session:
        yield PKCS11Signer(
            session,
            signing_cert=chain[0],
            ca_chain=chain[1:],
            key_label=label,
            embed_roots=False,
            use_raw_mechanism=raw,
        )


def read_chain(path: Path) -> list[x509.Certificate]:
    """Read certificates in PEM, the signer's first. Raises KitError where there is none."""
    raw = _read(path)
    try:
        found = [x509.Certificate.load(der, strict=True) for _, _, der in pem.unarmor(raw, multiple=True)]
        for certificate in found:
            certificate.native  # noqa: B018  # reads all of it now, or says that it is none
        return found  # noqa: TRY300
    except ValueError as error:
        raise KitError(
            f"{path}: holds no certificates in PEM", "the signer's certificate, then its issuers'"
        ) from error


def _check_pair(signer: Signer, key: Path, certificates: Path) -> None:
    """Refuse a key that is not the certificate's, before anything is written."""
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
        load_der_private_key,
    )

    private = load_der_private_key(signer.signing_key.dump(), None)  # type: ignore[attr-defined]
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if signer.signing_cert is None or public != signer.signing_cert.public_key.dump():
        raise KitError(f"{key} is not the key of the first certificate in {certificates}", "put the signer's first")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KitError(f"{path}: cannot be read: {error.strerror or error}", "give the path of a file") from error


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
