"""Agencies for the tests of what they get: few words, everything else filled in."""

from __future__ import annotations

from typing import Any

from modules.agency import Agency

KEY = {"code": "BTP", "effective": "2025-03-01"}
GRANT = {"by": KEY, "document": "1/QĐ-BTP", "date": "2026-01-01", "until": "2026-12-31"}
USE = {"service": "civil-status", "provider": KEY, "system": "s0", "grant": GRANT}


def agency(*systems: dict[str, Any], **more: Any) -> Agency:
    """Return a province with these systems, named s0, s1 and so on; of level 3 unless they say otherwise."""
    title = {"vi": "Một cửa", "en": "One stop"}
    person = {"email": "office@agency.example.gov.vn"}
    usual = {"title": title, "level": 3, "data": "important"}
    return Agency.model_validate(
        {
            "code": "22",
            "effective": "2025-07-01",
            "kind": "province",
            "short": "x",
            "name": title,
            "contacts": {"owner": person, "operator": person, "security": person},
            "systems": [{"name": f"s{number}", **usual, **system} for number, system in enumerate(systems)],
            **more,
        }
    )
