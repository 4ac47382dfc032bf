"""Changes computed here."""

from __future__ import annotations

from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import client_side


@pytest.mark.parametrize(
    ("old", "live", "new", "patch"),
    [
        ({"a": 1}, {"a": 1, "theirs": 2}, {"a": 1}, {}),
        ({"a": 1}, {"a": 9}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 1}, {"b": None}),
        ({"a": 1, "b": 2}, {"a": 1}, {"a": 1}, {}),
        ({"m": {"x": 1, "y": 2}}, {"m": {"x": 1, "y": 2, "z": 3}}, {"m": {"x": 5}}, {"m": {"x": 5, "y": None}}),
        ({}, {"m": {"z": 3}}, {"m": {"x": 1}}, {"m": {"x": 1}}),
        ({"l": [1]}, {"l": [1, 2]}, {"l": [1]}, {"l": [1]}),
        ({}, {"limits": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}}, {}),
    ],
)
def test_patch_sets_what_is_asked_and_removes_what_was(
    old: dict[str, Any], live: dict[str, Any], new: dict[str, Any], patch: dict[str, Any]
) -> None:
    """Only what the program asks for is set and only what it asked for before is removed; what means the same stays."""
    assert client_side.patch(old, live, new) == patch


def test_label_joins_others() -> None:
    """The label that says who manages an object leaves the others."""
    found = client_side.labelled({"metadata": {"labels": {"a": "b"}}})
    assert found["metadata"]["labels"] == {"a": "b", "app.kubernetes.io/managed-by": "pulumi"}
    assert client_side.is_labelled(found)
    assert not client_side.is_labelled({"metadata": {"labels": {"a": "b"}}})


def test_fields_are_handed_over_together() -> None:
    """What the client-side manager owns joins what the other owns; others and the status are left alone."""

    def entry(manager: str, operation: str, fields: dict[str, Any], **rest: str) -> dict[str, Any]:
        return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **rest}

    kept = [
        entry("kubectl", "Update", {"f:data": {"f:x": {}}}),
        entry("pulumi-kubernetes", "Update", {"f:status": {}}, subresource="status"),
    ]
    ours = entry("pulumi-kubernetes", "Update", {"f:data": {"f:a": {}}})
    applied = entry("pulumi-kubernetes", "Apply", {"f:data": {"f:b": {}}})
    found = client_side.handed_over([ours, *kept, applied], "pulumi-kubernetes")
    assert found == [*kept, entry("pulumi-kubernetes", "Apply", {"f:data": {"f:b": {}, "f:a": {}}})]
    assert client_side.handed_over([*kept, applied], "pulumi-kubernetes") is None
