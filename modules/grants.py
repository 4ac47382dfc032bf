"""The grants on which an agency uses services of others."""

from __future__ import annotations

import datetime as dt

from core.errors import KitError
from modules.agency import Agency


def check(agency: Agency, on: dt.date) -> None:
    """Refuse an agency that uses a service without a grant that holds on this day. Raises KitError naming each."""
    wrong = [
        f"exchange.consumes[{number}].grant: {use.grant.document} for {use.service!r} {why}"
        for number, use in enumerate(agency.exchange.consumes)
        if (why := use.grant.obstacle(on))
    ]
    if wrong:
        raise KitError(
            "\n".join(f"{agency.slug}: {line}" for line in wrong),
            "put a grant that holds into the agency file, or take the service out: then the way to it is shut",
        )


def granted(agency: Agency, system: str) -> list[str]:
    """Return the services of others that a system uses, as ``SERVICE@KEY-OF-THE-PROVIDER``."""
    uses = (it for it in agency.exchange.consumes if it.system == system)
    return sorted({f"{it.service}@{it.provider}" for it in uses})
