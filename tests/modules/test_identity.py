"""How an agency's identity provider's tokens become groups at the API server."""

from __future__ import annotations

from typing import Any

import pytest

from modules import identity
from policies.engine import engine
from tests.modules.agencies import agency
from tests.policies.made import rule

pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]

ISSUER = "https://sso.x.example.gov.vn/realms/state"
GOOD = {"sub": "lan", "groups": ["operators"], "amr": ["pwd", "mfa"]}


def entry(**mfa: str) -> dict[str, Any]:
    made = identity.authenticator(agency({}, identity={"issuer": ISSUER, **({"mfa": mfa} if mfa else {})}))
    assert made is not None
    return made


def gives(expression: str, claims: dict[str, Any], *, expected: Any) -> bool:
    """Evaluate an expression as the API server does, over a token's claims, and tell if it gives what is expected."""
    manifest = {"apiVersion": "example.org/v1", "kind": "Thing", "claims": claims, "expected": expected}
    compared = rule(f"[object.claims].all(claims, ({expression}) == object.expected)")
    (answer,) = engine().judge([compared], [manifest])
    return not answer.verdicts


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["operators"], ["govcloud:agc:x-22-250701:operators"]),
        (
            ["owners", "auditors", "staff"],
            ["govcloud:agc:x-22-250701:owners", "govcloud:agc:x-22-250701:auditors"],
        ),
        (["system:masters", "govcloud:cgc:operators", "govcloud:agc:y-01-250701:operators"], []),
        ([], []),
    ],
)
def test_groups_are_of_the_agency_alone(groups: list[str], expected: list[str]) -> None:
    """Whatever the provider writes into a token, only the four groups of its own agency come of it."""
    expression = entry()["claimMappings"]["groups"]["expression"]
    assert gives(expression, {**GOOD, "groups": groups}, expected=expected)


def test_token_without_groups_has_none() -> None:
    """A token without the claim gives a person no group."""
    assert gives(entry()["claimMappings"]["groups"]["expression"], {"sub": "lan"}, expected=[])


def test_names_are_of_the_agency() -> None:
    """No two agencies' people share a name."""
    assert gives(entry()["claimMappings"]["username"]["expression"], GOOD, expected="govcloud:agc:x-22-250701:lan")


@pytest.mark.parametrize(
    ("claims", "passes"),
    [
        ({"amr": ["pwd", "mfa"]}, True),
        ({"amr": "mfa"}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": "pwd"}, False),
        ({"amr": "no-mfa"}, False),
        ({}, False),
    ],
)
def test_second_factor_is_asked_for(claims: dict[str, Any], passes: bool) -> None:  # noqa: FBT001
    """A token that does not show a second factor, alone or among others, is refused."""
    (rule,) = entry()["claimValidationRules"]
    assert gives(rule["expression"], {"sub": "lan", **claims}, expected=passes)


def test_claim_may_have_any_name() -> None:
    """A claim that is no identifier, such as an address, is found too."""
    (rule,) = entry(claim="https://x.vn/factor", value="two-factor")["claimValidationRules"]
    assert gives(rule["expression"], {"https://x.vn/factor": "two-factor"}, expected=True)
    assert gives(rule["expression"], {"https://x.vn/factor": "one"}, expected=False)


def test_issuer_is_the_files() -> None:
    """The entry trusts the issuer of the file and no other; an agency without one has no entry."""
    assert entry()["issuer"] == {"url": ISSUER, "audiences": ["govcloud"]}
    assert identity.authenticator(agency({})) is None
