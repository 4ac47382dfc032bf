"""How an agency's identity provider's tokens become groups at the API server."""

from __future__ import annotations

from typing import Any

import pytest
from cel_expr_python import cel  # type: ignore[import-untyped]

from modules import identity
from tests.modules.agencies import agency

ISSUER = "https://sso.x.example.gov.vn/realms/state"
GOOD = {"sub": "lan", "groups": ["operators"], "amr": ["pwd", "mfa"]}


def entry(**mfa: str) -> dict[str, Any]:
    made = identity.authenticator(agency({}, identity={"issuer": ISSUER, **({"mfa": mfa} if mfa else {})}))
    assert made is not None
    return made


def said(expression: str, claims: dict[str, Any]) -> Any:
    """Evaluate an expression as the API server does: over a token's claims."""
    environment = cel.NewEnv(variables={"claims": cel.Type.DYN})
    result = environment.compile(expression).eval(data={"claims": claims})
    return result.plain_value() if hasattr(result, "plain_value") else result.value()


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
    assert said(expression, {**GOOD, "groups": groups}) == expected


def test_token_without_groups_has_none() -> None:
    """A token without the claim gives a person no group."""
    assert said(entry()["claimMappings"]["groups"]["expression"], {"sub": "lan"}) == []


def test_names_are_of_the_agency() -> None:
    """No two agencies' people share a name."""
    assert said(entry()["claimMappings"]["username"]["expression"], GOOD) == "govcloud:agc:x-22-250701:lan"


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
    assert said(rule["expression"], {"sub": "lan", **claims}) is passes


def test_claim_may_have_any_name() -> None:
    """A claim that is no identifier, such as an address, is found too."""
    (rule,) = entry(claim="https://x.vn/factor", value="two-factor")["claimValidationRules"]
    assert said(rule["expression"], {"https://x.vn/factor": "two-factor"}) is True
    assert said(rule["expression"], {"https://x.vn/factor": "one"}) is False


def test_issuer_is_the_files() -> None:
    """The entry trusts the issuer of the file and no other; an agency without one has no entry."""
    assert entry()["issuer"] == {"url": ISSUER, "audiences": ["govcloud"]}
    assert identity.authenticator(agency({})) is None
