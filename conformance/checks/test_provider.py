"""What the operator's people may do with a tenant's data, by access reviews in the tenant's namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from conformance import rights
from conformance.declared import Provider, declared
from conformance.plugin import EvidenceBook, requirement
from conformance.probes import Tenant
from conformance.target import Target

REACHES: Mapping[str, tuple[str, ...]] = {
    "secrets": ("get", "list", "watch"),
    "persistentvolumeclaims": ("create", "patch", "delete"),
    "pods/exec": ("create", "get"),
    "pods/attach": ("create", "get"),
    "pods/portforward": ("create", "get"),
    "pods/ephemeralcontainers": ("update", "patch"),
}
"""Ways to a tenant's data through the API, by resource: what an account would have to be allowed."""


@pytest.fixture(scope="session")
def provider(audit_target: Target) -> Provider:
    """Return the accounts of the operator's people."""
    return declared(audit_target.provider, "accounts of the operator's people (provider)")


def accounts(provider: Provider) -> Iterator[tuple[str, str, list[str]]]:
    """Give each account as it is called in a report, with the user and the groups to ask for."""
    for user in provider.users:
        yield f"user {user}", user, [rights.EVERYBODY]
    for group in provider.groups:
        yield f"group {group}", "govcloud-audit", [group, rights.EVERYBODY]


@requirement("GVC-DAT-03")
@pytest.mark.parametrize("resource", REACHES)
def test_provider_keeps_out(tenant_a: Tenant, provider: Provider, resource: str, evidence: EvidenceBook) -> None:
    """The operator's people have no standing right to a tenant's secrets, volumes or running programs."""
    evidence.add(f"ask whether {tenant_a.user} may get pods", rights.must_tell_who_may(tenant_a))
    granted = []
    for called, user, groups in accounts(provider):
        verbs = [verb for verb in REACHES[resource] if rights.somebody_may(tenant_a, user, groups, verb, resource)]
        evidence.add(f"ask whether {called} may {', '.join(REACHES[resource])} {resource}", ", ".join(verbs) or "no")
        granted += [f"{called} may {', '.join(verbs)} {resource}"] if verbs else []
    assert not granted, f"in {tenant_a.namespace}, {'; '.join(granted)}"
