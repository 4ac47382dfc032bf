"""An agency's people at the API server: the groups that have rights, and how tokens name them."""

from __future__ import annotations

import json
from typing import Any, Final

from modules.agency import Agency

AUDIENCE: Final = "govcloud"
"""Name that a token has to be made out to."""
ROLES: Final = ("owners", "operators", "viewers", "auditors")
"""What the claim ``groups`` of a token may hold; all else is left out."""


def group(agency: Agency) -> str:
    """Return the start of the names of an agency's groups: no other agency's begin with it and a colon."""
    return group_of(agency.slug)


def group_of(slug: str) -> str:
    """Return the same for the agency with this slug."""
    return f"govcloud:agc:{slug}"


def authenticator(agency: Agency) -> dict[str, Any] | None:
    """Return the entry for an agency's own identity provider in the API server's AuthenticationConfiguration.

    It turns the groups of a token into groups of this agency alone, whatever the provider writes, and refuses every
    token that was got without a second factor. None where the agency has no provider of its own.
    """
    if agency.identity is None:
        return None
    start, mfa = json.dumps(f"{group(agency)}:"), agency.identity.mfa
    claim, value = f"claims[{json.dumps(mfa.claim)}]", json.dumps(mfa.value)
    known = f"claims.groups.filter(it, it in {json.dumps(ROLES)})"
    return {
        "issuer": {"url": agency.identity.issuer, "audiences": [AUDIENCE]},
        "claimMappings": {
            "username": {"expression": f"{start} + claims.sub"},
            "groups": {"expression": f"'groups' in claims ? {known}.map(it, {start} + it) : []"},
        },
        "claimValidationRules": [
            {
                "expression": f"{json.dumps(mfa.claim)} in claims && ({claim} == {value} || "
                f"(type({claim}) == list && {value} in {claim}))",
                "message": "sign in with a second factor",
            }
        ],
    }
