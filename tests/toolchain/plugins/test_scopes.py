"""Which kinds are in namespaces."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from toolchain.plugins.kubernetes_provider.client import UnreachableError
from toolchain.plugins.kubernetes_provider.kinds import Kind
from toolchain.plugins.kubernetes_provider.scopes import Scopes


def nobody() -> NoReturn:
    """Stand for a cluster that is away."""
    raise UnreachableError("away")


@pytest.mark.parametrize(
    ("version", "kind", "namespaced"),
    [
        ("v1", "Namespace", False),
        ("v1", "ConfigMap", True),
        ("apps/v1", "Deployment", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", False),
        ("networking.k8s.io/v1", "NetworkPolicy", True),
        ("gateway.networking.k8s.io/v1", "GatewayClass", None),
    ],
)
def test_built_in_kinds_are_known_without_a_cluster(version: str, kind: str, namespaced: bool | None) -> None:  # noqa: FBT001
    """Built-in kinds need no question; of others nobody knows when the cluster is away."""
    assert Scopes().namespaced(Kind(version, kind), nobody) is namespaced


def test_definitions_of_the_program_are_known() -> None:
    """A kind that the program itself defines is known before its definition is made."""
    scopes = Scopes()
    definition: dict[str, Any] = {"spec": {"group": "e.org", "scope": "Cluster", "names": {"kind": "T"}}}
    scopes.learn(definition)
    scopes.learn({"spec": {"group": "e.org", "scope": "Namespaced", "names": {"kind": "U"}}})
    assert scopes.namespaced(Kind("e.org/v1", "T"), nobody) is False
    assert scopes.namespaced(Kind("e.org/v2", "U"), nobody) is True
