"""A certificate of conformance: the signed statement that a commercial cloud (EGC) was shown to meet a level.

The file is JSON: ``{"certificate": {...}, "signature": "..."}``. Signed is the text that ``signed_text`` returns.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import Field, ValidationError, model_validator

from core.errors import KitError
from modules.levels import Level
from modules.model import Date, Model

LARGEST: Final = 64 * 1024
"""Size of the largest file that is read, in bytes."""
_KEY_HINT: Final = "pulumi config set certificate-key KEY: the line between BEGIN and END of the Ed25519 key's PEM file"


class Certificate(Model):
    """What is stated."""

    version: Literal[1]
    cloud: Annotated[str, Field(min_length=1, max_length=200)]
    """Name of the cloud, as agency files name it."""
    level: Level
    """Highest security level of the systems that it may carry."""
    start: Annotated[Date, Field(alias="from")]
    """First day on which it holds."""
    until: Date
    """Last day on which it holds."""
    catalogue: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    """Digest of the catalogue of requirements that the cloud was judged by."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.start:
            raise ValueError(f"until: {self.until} is before {self.start}")
        return self

    def signed_text(self) -> bytes:
        """Return the text that is signed: JSON in UTF-8, keys in order, without spaces."""
        content = self.model_dump(mode="json", by_alias=True)
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


class _Signed(Model):
    certificate: Certificate
    signature: str
    """64 bytes in base64."""


def read(path: Path, key: str) -> Certificate:
    """Read a certificate whose signature fits ``key`` (one line of base64: the key's DER form).

    Raises KitError where the file, the key or the signature cannot be relied on.
    """
    trusted = _trusted(key)
    signed = _parse(path)
    try:
        trusted.verify(base64.b64decode(signed.signature, validate=True), signed.certificate.signed_text())
    except (InvalidSignature, binascii.Error) as error:
        raise KitError(
            f"{path}: the signature does not fit the trusted key", "ask who judged the cloud for the certificate"
        ) from error
    return signed.certificate


def check(certificate: Certificate, cloud: str, level: int, on: dt.date) -> None:
    """Refuse a certificate of another cloud, of too low a level, or that does not hold on a day. Raises KitError."""
    wrong = ""
    if certificate.cloud != cloud:
        wrong = f"is of {certificate.cloud!r}, and the agency is to run on {cloud!r}"
    elif certificate.level < level:
        wrong = f"is for level {certificate.level}, and the agency has a system of level {level}"
    elif on < certificate.start:
        wrong = f"does not hold before {certificate.start}"
    elif on > certificate.until:
        wrong = f"ended on {certificate.until}"
    if wrong:
        raise KitError(f"the certificate of conformance {wrong}", "give one that holds, or another placement")


def _trusted(text: str) -> Ed25519PublicKey:
    if not text:
        raise KitError("no key is trusted for certificates of conformance", _KEY_HINT)
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise KitError("certificate-key is no public key in base64", _KEY_HINT) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KitError("certificate-key is not an Ed25519 key", _KEY_HINT)
    return key


def _parse(path: Path) -> _Signed:
    try:
        if path.stat().st_size > LARGEST:
            raise KitError(f"{path}: larger than {LARGEST // 1024} KiB, so not a certificate of conformance")
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return _Signed.model_validate(content)
    except OSError as error:
        raise KitError(f"{path}: {error.strerror or error}", "give the path of a certificate of conformance") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise KitError(f"{path}: {place}: {first['msg']}", "ask who judged the cloud for the certificate") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise KitError(f"{path}: not JSON", "give the path of a certificate of conformance") from error
