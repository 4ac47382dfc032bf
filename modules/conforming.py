"""The certificate of conformance that a stack asks for before anything is put on a commercial cloud."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from core.errors import KitError
from core.signatures import Trust, read_trust
from modules import certificate
from modules.certificate import Certificate
from modules.settings import ConformingSettings


def certified(settings: ConformingSettings, path: Path, cloud: str, level: int, on: dt.date) -> Certificate:
    """Return the certificate that lets systems of a level onto a cloud on a day.

    Raises KitError where it ended, was taken back or forged, is of another cloud or for a lower level, or where the
    settings do not say whom to believe.
    """
    trust, revocations = _trusted(settings)
    shown = certificate.read(path, trust, revocations, on)
    certificate.check(shown, cloud, level, on)
    return shown


def _trusted(settings: ConformingSettings) -> tuple[Trust, Path]:
    """Return whose certificates of conformance count, and the list of those taken back; without both, none counts."""
    given = {
        "certificate-authority": settings.certificate_authority,
        "certificate-signer": settings.certificate_signer,
        "certificate-revocations": settings.certificate_revocations,
    }
    if absent := [key for key, value in given.items() if not value]:
        raise KitError(
            f"no certificate of conformance is relied on without {', '.join(absent)}",
            f"pulumi config set {absent[0]} VALUE",
        )
    trust = read_trust(Path(str(settings.certificate_authority)), settings.certificate_signer)
    return trust, Path(str(settings.certificate_revocations))
