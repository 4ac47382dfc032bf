"""The list of certificates that were taken back: made, added to and renewed by whoever keeps the register."""

from __future__ import annotations

import base64
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.signing import keys
from core.errors import KitError
from core.files import write_atomic
from core.signatures import Trust
from modules.certificate import Certificate, Revocation, Revocations, Signed, end_of, load

if TYPE_CHECKING:
    from pyhanko.sign.signers import Signer

FILE = "revocations.json"
DAYS = 30
"""For how many days a list is relied on: how late, at worst, a revocation is noticed."""


def write(
    folder: Path, signer: Signer, trust: Trust, today: dt.date, *, revoke: Path | None = None, reason: str = ""
) -> Revocations:
    """Write the list of a register's folder for the next 30 days, with one more certificate if ``revoke`` names one.

    Raises KitError where the list that is there, or the certificate, was not signed by whom one trusts.
    """
    path = folder / FILE
    revoked: tuple[Revocation, ...] = ()
    if path.exists():
        old = load(path, Revocations)
        # a list whose signer's certificate has ended since may be renewed: what counts is that it was ours
        old.verify(path, trust, end_of(old.statement.issued))
        revoked = old.statement.revoked
    if revoke:
        shown = load(revoke, Certificate)
        shown.verify(revoke, trust)
        if any(item.certificate == shown.statement.digest for item in revoked):
            raise KitError(f"{revoke}: was taken back already", "nothing needs to be done")
        made = Revocation(certificate=shown.statement.digest, cloud=shown.statement.cloud, on=today, reason=reason)
        revoked = (*revoked, made)
    statement = Revocations(issued=today, until=today + dt.timedelta(days=DAYS), revoked=revoked)
    signature = base64.b64encode(keys.sign(statement.signed_text(), signer)).decode()
    write_atomic(path, Signed[Revocations](statement=statement, signature=signature).text())
    return statement
