"""The operator's accounts and a tenant's data: what access reviews say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.checks import test_provider as checks
from conformance.declared import Provider
from conformance.plugin import EvidenceBook
from conformance.probes import Tenant
from core.errors import KitError

PROVIDER = Provider(users=("an", "binh"), groups=("operators",))


class Reviews:
    """Stands for an API server that grants what it is told to, by the first of user and group that it knows."""

    def __init__(self, granted: Mapping[str, set[str]]) -> None:
        self.granted = granted

    def create(self, path: str, review: Mapping[str, Any]) -> dict[str, Any]:
        assert path == "/apis/authorization.k8s.io/v1/namespaces/one/localsubjectaccessreviews"
        spec = review["spec"]
        asked = spec["resourceAttributes"]
        what = f"{asked['verb']} {asked['resource']}/{asked['subresource']}".rstrip("/")
        return {
            "status": {"allowed": any(what in self.granted.get(who, ()) for who in [spec["user"], *spec["groups"]])}
        }


def make(granted: Mapping[str, set[str]], resource: str) -> EvidenceBook:
    """Make the check for one resource, and return its evidence."""
    tenant: Any = Tenant("a", Reviews(granted), ("one",), "tenant")  # type: ignore[arg-type]
    book = EvidenceBook()
    checks.test_provider_keeps_out(tenant, PROVIDER, resource, book)
    return book


@pytest.mark.parametrize("resource", checks.REACHES)
def test_accounts_without_rights_pass(resource: str) -> None:
    """Each account is asked for, after it was seen that reviews do say yes."""
    book = make({"tenant": {"get pods"}}, resource)
    assert [it.saw for it in book.entries] == ["yes: reviews tell who may", "no", "no", "no"]


@pytest.mark.parametrize(
    ("who", "what", "resource", "said"),
    [
        ("binh", "get secrets", "secrets", "user binh may get secrets"),
        ("operators", "create pods/exec", "pods/exec", "group operators may create pods/exec"),
        ("system:authenticated", "create pods/attach", "pods/attach", "user an may create pods/attach; user binh may"),
    ],
)
def test_an_account_that_reaches_in_is_found(who: str, what: str, resource: str, said: str) -> None:
    """A user, a group, or a right that everybody has: each is named with what it may do."""
    with pytest.raises(AssertionError, match=said):
        make({"tenant": {"get pods"}, who: {what}}, resource)


def test_a_denial_counts_only_after_an_allow() -> None:
    """Where reviews deny what the tenant may in truth do, nothing is decided."""
    with pytest.raises(KitError, match="a denial means nothing"):
        make({}, "secrets")
