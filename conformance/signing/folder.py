"""Signing and verifying the folder of a run, without any network."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conformance import assembly, reports
from conformance.reports import CERTIFICATE, MANIFEST, RESULTS, SIGNATURE
from conformance.results import Run
from conformance.signing import keys, manifest
from core import signatures
from core.errors import KitError
from core.files import write_atomic
from core.signatures import Signature, Trust
from modules import certificate
from modules.certificate import Certificate

if TYPE_CHECKING:
    from pyhanko.sign.signers import Signer


@dataclass(frozen=True)
class Verified:
    """A folder whose signature holds."""

    run: Run
    signature: Signature
    certificate: Certificate | None
    files: int


def sign(folder: Path, signer: Signer) -> Certificate | None:
    """Sign the folder of a run: its certificate, if it yields one, and a manifest of all files.

    Raises KitError, with the folder as it was, where a report is not what results.json says.
    """
    run = assembly.read(folder)
    made = reports.files(run)
    _check_reports(folder, made)
    changed: dict[str, bytes] = {}
    statement = None
    if CERTIFICATE in made:
        unsigned = certificate.load(folder / CERTIFICATE, Certificate)
        statement = unsigned.statement
        signature = base64.b64encode(keys.sign(statement.signed_text(), signer)).decode()
        changed[CERTIFICATE] = unsigned.model_copy(update={"signature": signature}).text().encode()
    listed = manifest.build(folder, changed).text()
    changed |= {MANIFEST: listed, SIGNATURE: keys.sign(listed, signer)}
    for name, content in changed.items():
        write_atomic(folder / name, content)
    return statement


def _check_reports(folder: Path, made: dict[str, bytes]) -> None:
    """Refuse a report that the model does not make: what is signed must say the same in every file."""
    lines = []
    for name, content in made.items():
        path = folder / name
        if not path.is_file():
            lines.append(f"{path}: is missing")
        elif name == CERTIFICATE:
            expected = hashlib.sha256(content).hexdigest()
            unsigned = certificate.load(path, Certificate).model_copy(update={"signature": ""})
            if hashlib.sha256(unsigned.text().encode()).hexdigest() != expected:
                lines.append(f"{path}: is not the certificate that {RESULTS} yields")
        elif path.read_bytes() != content:
            lines.append(f"{path}: is not what {RESULTS} says, or was written by another version of the kit")
    if CERTIFICATE not in made and (folder / CERTIFICATE).exists():
        lines.append(f"{folder / CERTIFICATE}: {RESULTS} yields no certificate")
    if lines:
        raise KitError("\n".join(lines), f"govcloud audit report {folder} writes them again")


def verify(folder: Path, trust: Trust, *, at: dt.datetime | None = None) -> Verified:
    """Return what a folder holds, if its signature holds and every file is as it was signed.

    Raises KitError that says what does not hold. Whether the certificate has ended or was taken back is not looked at.
    """
    listed, signature = _read(folder / MANIFEST), _read(folder / SIGNATURE)
    try:
        found = signatures.verify(listed, signature, trust, at=at)
    except KitError as error:
        raise KitError(f"{folder / MANIFEST}: {error.message}", error.hint or "do not rely on this folder") from error
    signed = manifest.parse(listed, folder / MANIFEST)
    manifest.compare(signed, manifest.build(folder), folder)
    if RESULTS not in signed.files:
        raise KitError(f"{folder}: holds no {RESULTS}", "this is not the folder of a run")
    shown = None
    if CERTIFICATE in signed.files:
        held = certificate.load(folder / CERTIFICATE, Certificate)
        held.verify(folder / CERTIFICATE, trust, at)
        shown = held.statement
        if shown.results != f"sha256:{signed.files[RESULTS]}":
            raise KitError(f"{folder / CERTIFICATE}: is of another run", "do not rely on this folder")
    return Verified(assembly.read(folder), found, shown, len(signed.files))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > assembly.LARGEST:
            raise KitError(f"{path}: is too large to be one of a run's files", "do not rely on this folder")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise KitError(f"{path}: is not there: the folder is not signed", "govcloud audit sign signs it") from error
    except OSError as error:
        raise KitError(f"{path}: cannot be read: {error.strerror or error}", "give the folder of a run") from error
