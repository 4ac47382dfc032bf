"""When two ways to write an object mean the same, and what counts as drift."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.plugins.kubernetes_provider import normalize

scalars = st.integers(1, 9) | st.text(min_size=1, max_size=3) | st.just(value=True)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=4), inner, min_size=1),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("1Gi", str(2**30)),
        ("0.5Gi", str(2**29)),
        ("1e3", "1000"),
        ("1k", "1000"),
        (2, "2"),
        (".5", "0.5"),
    ],
)
def test_quantities_are_read(text: Any, number: str) -> None:
    """Each unit of the API stands for its number."""
    assert normalize.quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "1 Gi", "1gi", "abc", "-", True, None, "1Kib"])
def test_what_is_no_quantity_is_told(text: Any) -> None:
    """Other text is no number."""
    assert normalize.quantity(text) is None


@given(st.dictionaries(st.text(), trees), st.dictionaries(st.text(), trees))
def test_what_the_server_adds_is_no_drift(inputs: dict[str, Any], added: dict[str, Any]) -> None:
    """Members beside the program's own do not count, wherever the server put them."""
    live = {**added, **inputs}
    assert normalize.inputs_after(live, inputs) == inputs


def test_changed_value_is_drift() -> None:
    """A value that differs is taken from the live object."""
    assert normalize.inputs_after({"spec": {"replicas": 5}}, {"spec": {"replicas": 2}}) == {"spec": {"replicas": 5}}


def test_missing_value_is_drift_unless_it_says_nothing() -> None:
    """A value that is gone is left out; an empty one that the server does not keep stays."""
    found = normalize.inputs_after({"spec": {}}, {"spec": {"a": "x", "ingress": [], "flag": False}})
    assert found == {"spec": {"ingress": [], "flag": False}}


def test_same_quantity_is_no_drift() -> None:
    """The server's way to write a quantity does not count."""
    inputs = {"spec": {"hard": {"cpu": "1000m"}}}
    assert normalize.inputs_after({"spec": {"hard": {"cpu": "1"}}}, inputs) == inputs


def test_another_subject_of_a_binding_is_drift() -> None:
    """Somebody who was let in by hand is seen."""
    ours, intruder = {"kind": "User", "name": "us"}, {"kind": "User", "name": "intruder"}
    found = normalize.inputs_after({"subjects": [ours, intruder]}, {"subjects": [ours]})
    assert found == {"subjects": [ours, intruder]}


def test_another_verb_or_rule_is_drift() -> None:
    """A right that was added by hand is seen."""
    inputs = {"rules": [{"verbs": ["get"]}]}
    assert normalize.inputs_after({"rules": [{"verbs": ["get", "*"]}]}, inputs) != inputs
    assert normalize.inputs_after({"rules": [{"verbs": ["get"]}, {"verbs": ["*"]}]}, inputs) != inputs


def test_injected_container_is_no_drift_but_a_changed_image_is() -> None:
    """Containers are told apart by name, for admission may add some anywhere."""
    inputs = {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    sidecar = {"name": "proxy", "image": "proxy:1"}
    assert (
        normalize.inputs_after({"spec": {"containers": [sidecar, {"name": "web", "image": "web:1"}]}}, inputs) == inputs
    )
    found = normalize.inputs_after({"spec": {"containers": [sidecar, {"name": "web", "image": "web:2"}]}}, inputs)
    assert found["spec"]["containers"] == [{"name": "web", "image": "web:2"}]


def test_string_data_is_compared_with_what_the_secret_holds() -> None:
    """The text that made a Secret is followed in its data."""
    inputs = {"kind": "Secret", "stringData": {"a": "one", "b": "two"}}
    live = {"kind": "Secret", "data": {"a": base64.b64encode(b"one").decode(), "b": base64.b64encode(b"new").decode()}}
    assert normalize.inputs_after(live, inputs)["stringData"] == {"a": "one", "b": "new"}


def test_copy_of_old_inputs_is_not_kept() -> None:
    """Kubectl's annotation, which can hold a Secret's content, and the record of managers go into no state."""
    live = {"metadata": {"name": "x", "managedFields": [{}], "annotations": {normalize.LAST_APPLIED: "{}", "a": "b"}}}
    assert normalize.live_state(live) == {"metadata": {"name": "x", "annotations": {"a": "b"}}}


def test_import_takes_what_a_program_would_write() -> None:
    """Status and what only a server sets are no inputs."""
    live = {"kind": "X", "metadata": {"name": "x", "uid": "1", "generation": 2}, "spec": {"a": 1}, "status": {"b": 2}}
    assert normalize.inputs_from_live(live) == {"kind": "X", "metadata": {"name": "x"}, "spec": {"a": 1}}


def test_members_that_python_cannot_spell_are_mended() -> None:
    """The extensions of a definition's schema have dashes; other members keep their underscores."""
    schema = {
        "properties": {"a_b": {"x_kubernetes_list_type": "map", "x_kubernetes_list_map_keys": ["x_kubernetes_y"]}}
    }
    mended = {
        "properties": {"a_b": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["x_kubernetes_y"]}}
    }
    assert normalize.dashed(schema) == mended
