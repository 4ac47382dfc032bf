"""Detached signatures (CMS, RFC 5652) with X.509 certificates, verified offline.

Trust is what the caller names: authorities, and the name of the signer that they vouch for. The machine's own list of
authorities is never asked, and nothing is fetched.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import KitError

LARGEST = 256 * 1024
"""Size of the largest signature or list of authorities that is read, in bytes."""
KEY_USAGES = frozenset({"digital_signature", "non_repudiation"})
"""One of these a signing certificate must carry, if it carries any (RFC 5280, 4.2.1.3)."""


@dataclass(frozen=True)
class Trust:
    """Whose signatures count: those of ``signer`` (a common name) under one of these authorities."""

    authorities: tuple[bytes, ...]
    """Certificates in DER."""
    signer: str
    """'' is anyone for whom the authorities vouch."""


@dataclass(frozen=True)
class Signature:
    """A signature that holds."""

    signer: str
    """Common name in the signing certificate."""
    subject: str
    """The whole name in the signing certificate."""
    until: dt.datetime
    """When the signing certificate ends, and with it the signature."""


def read_trust(path: Path, signer: str) -> Trust:
    """Read authorities, one or more certificates in PEM. Raises KitError where the file holds none."""
    from cryptography import x509  # noqa: PLC0415  # a tenth of a second, for signatures alone
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    hint = "give a file with the certificates (PEM) of the authorities that you trust"
    try:
        text = path.read_bytes()
        if len(text) > LARGEST:
            raise KitError(f"{path}: larger than {LARGEST // 1024} KiB, so not a list of authorities", hint)
        found = x509.load_pem_x509_certificates(text)
    except OSError as error:
        raise KitError(f"{path}: cannot be read: {error.strerror or error}", hint) from error
    except ValueError as error:
        raise KitError(f"{path}: holds no certificates in PEM", hint) from error
    return Trust(tuple(certificate.public_bytes(Encoding.DER) for certificate in found), signer)


def verify(content: bytes, signature: bytes, trust: Trust, *, at: dt.datetime | None = None) -> Signature:
    """Return who signed ``content``. Raises KitError with the reason where the signature does not hold.

    ``at`` is the moment at which certificates must hold, now if not given.
    """
    from asn1crypto import cms, x509  # noqa: PLC0415  # with what validates, a second that only signatures cost

    moment = at or dt.datetime.now(dt.UTC)
    if len(signature) > LARGEST:
        raise KitError(f"the signature is larger than {LARGEST // 1024} KiB")
    try:
        info = cms.ContentInfo.load(signature, strict=True)
        with ThreadPoolExecutor(1) as pool:  # a thread of its own: a Pulumi program is inside an event loop already
            status = pool.submit(asyncio.run, _validate(content, info["content"], trust, moment)).result()
        _check_form(info, signature, status)
    except (ValueError, TypeError, KeyError, AttributeError, LookupError, NotImplementedError) as error:
        raise KitError("the signature is not a whole, detached CMS signature") from error
    signing: x509.Certificate = status.signing_cert
    until = signing.not_valid_after
    names = signing.subject.native
    found = Signature(str(names.get("common_name", "")), signing.subject.human_friendly, until)
    if reason := _fault(status, found, trust, moment, signing.not_valid_before):
        raise KitError(reason)
    return found


async def _validate(content: bytes, data: Any, trust: Trust, moment: dt.datetime) -> Any:
    from asn1crypto import x509  # noqa: PLC0415
    from pyhanko.sign.validation.generic_cms import async_validate_detached_cms  # noqa: PLC0415
    from pyhanko.sign.validation.settings import KeyUsageConstraints  # noqa: PLC0415
    from pyhanko_certvalidator import ValidationContext  # noqa: PLC0415

    for library in ("pyhanko", "pyhanko_certvalidator"):  # they log with tracebacks what we tell in a line
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(der) for der in trust.authorities],
        moment=moment,
        allow_fetching=False,
        revocation_mode="soft-fail",
    )
    return await async_validate_detached_cms(
        content,
        data,
        signer_validation_context=context,
        key_usage_settings=KeyUsageConstraints(key_usage=KEY_USAGES, match_all_key_usages=False),
    )


def _check_form(info: Any, raw: bytes, status: Any) -> None:
    """Refuse bytes that the validation does not look at, so that no byte can be changed unseen. Raises ValueError."""
    data = info["content"]
    (signer,) = data["signer_infos"]
    digests = [item["algorithm"].native for item in data["digest_algorithms"]]
    if digests != [signer["digest_algorithm"]["algorithm"].native]:
        raise ValueError("the digests named twice differ")
    if (data["version"].native, signer["version"].native) != ("v1", "v1"):
        raise ValueError("another version than a detached signature has")
    named = signer["sid"].chosen
    if named["issuer"].dump() != status.signing_cert.issuer.dump():  # names are compared without regard to case
        raise ValueError("the signing certificate's issuer is written in two ways")
    if data["encap_content_info"]["content"].native is not None or signer["unsigned_attrs"].native:
        raise ValueError("more than a detached signature")
    if data["crls"].native or info.dump(force=True) != raw:
        raise ValueError("not in the one form (DER)")
    inside = {certificate.chosen.dump() for certificate in data["certificates"]}
    if status.validation_path and not inside <= {certificate.dump() for certificate in status.validation_path}:
        raise ValueError("certificates that vouch for nothing")


def _fault(status: Any, found: Signature, trust: Trust, moment: dt.datetime, start: dt.datetime) -> str:
    """Say why a signature does not count, '' if it does."""
    whose = f"the signing certificate of {found.subject}"
    faults = (
        (not status.intact, "the content is not what was signed"),
        (not status.valid, "the signature was not made with the key of its signing certificate"),
        (moment > found.until, f"{whose} ended on {found.until:%Y-%m-%d}"),
        (moment < start, f"{whose} does not hold before {start:%Y-%m-%d}"),
        (not status.trusted, f"no trusted authority vouches for {whose}"),
        (
            bool(trust.signer) and found.signer != trust.signer,
            f"signed by {found.signer!r}, and only the signature of {trust.signer!r} counts",
        ),
    )
    return next((reason for wrong, reason in faults if wrong), "")
