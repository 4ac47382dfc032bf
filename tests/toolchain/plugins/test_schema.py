"""The schema that is read from the installed SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import schema


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return schema.describe()


def references(value: Any) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if name == "$ref" and isinstance(inner, str):
            yield inner
        elif isinstance(inner, (dict, list)):
            yield from references(inner)


def test_every_type_that_is_named_is_described(described: dict[str, Any]) -> None:
    """The generators refuse a schema with a reference that leads nowhere."""
    known = {f"#/types/{token}" for token in described["types"]} | {"pulumi.json#/Any"}
    assert set(references(described)) <= known


def test_resources_and_fields_have_the_names_of_the_api(described: dict[str, Any]) -> None:
    """Groups keep their full names, and are found under their short ones in the SDK; fields are as in manifests."""
    role = described["resources"]["kubernetes:rbac.authorization.k8s.io/v1:Role"]["inputProperties"]
    assert role["apiVersion"]["const"] == "rbac.authorization.k8s.io/v1"
    assert described["language"]["python"]["moduleNameOverrides"]["rbac.authorization.k8s.io/v1"] == "rbac/v1"
    port = described["types"]["kubernetes:core/v1:ServicePort"]["properties"]
    assert port["targetPort"] == {"oneOf": [{"type": "integer"}, {"type": "string"}]}
    assert described["types"]["kubernetes:core/v1:ServiceSpec"]["properties"]["clusterIPs"]["type"] == "array"
