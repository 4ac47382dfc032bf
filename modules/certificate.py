"""A certificate of conformance: the signed statement that a commercial cloud (EGC) was shown to meet a level.

The file is JSON: ``{"certificate": {...}, "signature": "..."}``. Signed is the text that ``signed_text`` returns; the
signature is detached CMS in base64, made with the auditor's X.509 certificate. A certificate that was taken back is on
the list of revocations (``{"revocations": {...}, "signature": "..."}``), which is signed in the same way.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from core import signatures
from core.errors import KitError
from core.signatures import Trust
from modules.levels import Level
from modules.model import Date, Model, Title

LARGEST: Final = 4 * 1024 * 1024
"""Size of the largest file that is read, in bytes."""
_ASK: Final = "ask who judged the cloud for the certificate"

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Statement(Model):
    version: Literal[1] = 1

    def signed_text(self) -> bytes:
        """Return the text that is signed: JSON in UTF-8, keys in order, without spaces."""
        content = self.model_dump(mode="json", by_alias=True)
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the text that is signed: the name by which a statement is spoken of."""
        return f"sha256:{hashlib.sha256(self.signed_text()).hexdigest()}"


class Certificate(_Statement):
    """What is stated of a cloud."""

    cloud: Title
    """Name of the cloud, as agency files name it."""
    operator: Title
    kind: Literal["CGC", "AGC", "EGC"]
    scope: Title
    """The part of the cloud that was judged."""
    level: Level
    """Highest security level of the systems that it may carry."""
    start: Annotated[Date, Field(alias="from")]
    """First day on which it holds."""
    until: Date
    """Last day on which it holds."""
    requirements: Mapping[str, Annotated[int, Field(ge=0)]]
    """Number of requirements by verdict; together, all that apply."""
    catalogue: Digest
    """Digest of the catalogue of requirements that the cloud was judged by."""
    results: Digest
    """Digest of the results.json that it rests on."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.start:
            raise ValueError(f"until: {self.until} is before {self.start}")
        return self


class Revocation(Model):
    """One certificate that was taken back."""

    certificate: Digest
    cloud: Title
    on: Date
    reason: Title


class Revocations(_Statement):
    """Which certificates were taken back; a list is for its time, so that an old one cannot hide a revocation."""

    issued: Date
    until: Date
    """Last day on which the list is relied on."""
    revoked: tuple[Revocation, ...]


S = TypeVar("S", Certificate, Revocations)


class Signed(Model, Generic[S]):
    """A statement and its signature."""

    statement: S
    signature: str = ""
    """Detached CMS in base64; '' is not signed yet."""

    def text(self) -> str:
        """Return the file's content."""
        name = _NAMES[type(self.statement)]
        content = {name: self.statement.model_dump(mode="json", by_alias=True), "signature": self.signature}
        return json.dumps(content, ensure_ascii=False, indent=2) + "\n"

    def verify(self, path: Path, trust: Trust, at: dt.datetime | None = None) -> signatures.Signature:
        """Return who signed it. Raises KitError where the signature does not hold."""
        if not self.signature:
            raise KitError(f"{path}: is not signed", _ASK)
        try:
            raw = base64.b64decode(self.signature, validate=True)
        except binascii.Error as error:
            raise KitError(f"{path}: the signature is not base64", _ASK) from error
        try:
            return signatures.verify(self.statement.signed_text(), raw, trust, at=at)
        except KitError as error:
            raise KitError(f"{path}: {error.message}", _ASK) from error


_NAMES: Final = {Certificate: "certificate", Revocations: "revocations"}


def load(path: Path, kind: type[S]) -> Signed[S]:
    """Read a statement without looking at its signature. Raises KitError that names file and field."""
    hint = f"give the path of a file with {_NAMES[kind]}"
    try:
        if path.stat().st_size > LARGEST:
            raise KitError(f"{path}: larger than {LARGEST // 1024} KiB, so not a file of this kind", hint)
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KitError(f"{path}: {error.strerror or error}", hint) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not JSON
        raise KitError(f"{path}: not JSON", hint) from error
    if isinstance(content, dict):
        content = {"statement" if key == _NAMES[kind] else key: value for key, value in content.items()}
    try:
        return Signed[kind].model_validate(content)  # type: ignore[valid-type,return-value]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(_NAMES[kind] if part == "statement" else str(part) for part in first["loc"]) or "file"
        raise KitError(f"{path}: {place}: {first['msg']}", _ASK) from error


def end_of(day: dt.date) -> dt.datetime:
    """Return the last second of a day: what holds then held, and was there, on that day."""
    return dt.datetime.combine(day, dt.time(23, 59, 59), dt.UTC)


def read(path: Path, trust: Trust, revocations: Path, on: dt.date) -> Certificate:
    """Read a certificate that a trusted auditor signed and that was not taken back.

    Raises KitError where the file, its signature or the list of revocations cannot be relied on.
    """
    at = end_of(on)
    shown = load(path, Certificate)
    shown.verify(path, trust, at)
    taken_back = load(revocations, Revocations)
    taken_back.verify(revocations, trust, at)
    listed = taken_back.statement
    if not listed.issued <= on <= listed.until:
        raise KitError(
            f"{revocations}: this list of revocations is for {listed.issued} to {listed.until}, not for {on}",
            "fetch the register's list anew",
        )
    for item in listed.revoked:
        if item.certificate == shown.statement.digest:
            raise KitError(f"{path}: was taken back on {item.on}: {item.reason}", _ASK)
    return shown.statement


def check(certificate: Certificate, cloud: str, level: int, on: dt.date) -> None:
    """Refuse a certificate of another cloud, of too low a level, or that does not hold on a day. Raises KitError."""
    wrong = ""
    if certificate.cloud != cloud:
        wrong = f"is of {certificate.cloud!r}, and one of {cloud!r} is asked for"
    elif certificate.kind != "EGC":
        wrong = f"is of a {certificate.kind}, not of a commercial cloud (EGC)"
    elif certificate.level < level:
        wrong = f"is for level {certificate.level}, and one for level {level} is asked for"
    elif on < certificate.start:
        wrong = f"does not hold before {certificate.start}"
    elif on > certificate.until:
        wrong = f"ended on {certificate.until}"
    if wrong:
        raise KitError(f"the certificate of conformance {wrong}", "give one that holds, or another cloud")
