"""Values as they cross to the engine and back."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from toolchain.plugins.kubernetes_provider import diff, values
from toolchain.plugins.kubernetes_provider.values import UNKNOWN, Secret

looks_like_a_number = st.from_regex(r"[+-]?0?[0-9]{1,20}(\.[0-9]{1,3})?([eEkMG]i?[0-9]{0,2})?", fullmatch=True)
texts = (
    st.text() | looks_like_a_number | st.sampled_from(["true", "null", "~", "NaN", "0x1f", "1_000", "Đà Nẵng"])
).filter(lambda text: text not in values.UNKNOWN_TEXTS)
keys = st.text().filter(lambda text: text != values.SIGNATURE)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.booleans() | texts | numbers
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20)
properties = st.dictionaries(keys, trees, max_size=5)


@given(properties)
def test_values_survive_the_way_to_the_engine_and_back(tree: dict[str, Any]) -> None:
    """Text, numbers, flags, empty maps and lists come back as they went, whatever the text looks like."""
    assert values.from_struct(values.to_struct(tree)) == tree


@given(properties)
def test_whole_numbers_come_back_as_int(tree: dict[str, Any]) -> None:
    """A number without a fraction is an int, as the API wants, in every depth."""
    came = values.from_struct(values.to_struct(tree))

    def check(value: Any) -> None:
        if isinstance(value, float):
            assert value != int(value) or abs(value) >= values.WHOLE
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(inner)

    check(came)


@given(st.integers(-(2**63) + 2**11, 2**63 - 2**11))
def test_big_integer_reaches_the_api_as_one(number: int) -> None:
    """An integer above 2**53 is written without a fraction and an exponent, with the digits that the engine kept."""
    came = values.from_struct(values.to_struct({"n": number}))
    assert json.dumps(came) == f'{{"n": {int(float(number))}}}'
    assert values.whole(math.inf) == math.inf


@given(st.dictionaries(keys, trees | st.none(), max_size=5))
def test_what_crossed_once_crosses_unchanged(tree: dict[str, Any]) -> None:
    """Nulls, empty maps and numbers settle on the first way: what is compared later was converted alike."""
    once = values.from_struct(values.to_struct(tree))
    assert values.from_struct(values.to_struct(once)) == once
    assert diff.compare(once, values.from_struct(values.to_struct(tree)), ()).differences == []
    assert once.keys() == {key for key, value in tree.items() if value is not None}


def test_null_members_are_left_out() -> None:
    """A member that is null says nothing, as in the upstream provider."""
    struct = struct_pb2.Struct()
    struct.update({"a": None, "b": {"c": None, "d": 1}})
    assert values.from_struct(struct) == {"b": {"d": 1}}
    assert values.from_struct(values.to_struct({"a": None, "b": 1})) == {"b": 1}


def test_secrets_and_unknowns_cross() -> None:
    """A secret stays one and does not show itself; what is unknown stays so."""
    came = values.from_struct(values.to_struct({"a": Secret({"b": "xyz"}), "c": [UNKNOWN]}))
    assert isinstance(came["a"], Secret)
    assert came["a"].value == {"b": "xyz"}
    assert "xyz" not in repr(came)
    assert came["c"] == [UNKNOWN]
    assert values.has_unknown(came)
    assert values.plain(came)["a"] == {"b": "xyz"}


def test_output_value_is_read_by_its_parts() -> None:
    """An output value is known or not, secret or not, by its own members."""
    known = {values.SIGNATURE: values.OUTPUT_SIGNATURE, "value": "x", "secret": True}
    unknown = {values.SIGNATURE: values.OUTPUT_SIGNATURE}
    struct = struct_pb2.Struct()
    struct.update({"known": known, "unknown": unknown})
    came = values.from_struct(struct)
    assert isinstance(came["known"], Secret)
    assert came["unknown"] is UNKNOWN


def test_marks_follow_the_source() -> None:
    """What is secret in the inputs is secret in the outputs; a list with a secret is secret as a whole."""
    marked = values.mark_secrets(
        {"spec": {"a": "1", "b": ["x", "y"], "c": "free"}},
        {"spec": {"a": Secret("1"), "b": ["x", Secret("y")], "gone": Secret("z")}},
    )
    assert isinstance(marked["spec"]["a"], Secret)
    assert isinstance(marked["spec"]["b"], Secret)
    assert marked["spec"]["b"].value == ["x", "y"]
    assert marked["spec"]["c"] == "free"


def test_content_of_a_secret_is_always_marked() -> None:
    """The data of a Secret is secret even if its program did not say so; that of a custom kind is not."""
    core = values.mark_secrets(
        {"apiVersion": "v1", "kind": "Secret", "data": {"a": "eA=="}, "stringData": {"b": "y"}}, {}
    )
    other = values.mark_secrets({"apiVersion": "example.org/v1", "kind": "Secret", "data": {"a": "eA=="}}, {})
    assert isinstance(core["data"], Secret)
    assert isinstance(core["stringData"], Secret)
    assert other["data"] == {"a": "eA=="}


@given(
    st.text(min_size=3).filter(lambda text: text not in "«[secret]»") | st.integers(100), st.integers(0, 3), st.text()
)
def test_no_spelling_of_a_secret_is_shown(secret: str | int, spelling: int, rest: str) -> None:
    """A secret is removed from a message as it is, in base64, and as JSON and Go quote it."""
    text = str(secret)
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    for mark in "<>&":
        quoted = quoted.replace(mark, f"\\u{ord(mark):04x}")
    spelled = [text, base64.b64encode(text.encode()).decode(), json.dumps(text)[1:-1], quoted][spelling]
    said = values.redact(f"«{spelled}»{rest}", {"data": Secret({"a": [secret]})}, {})
    assert said.startswith("«[secret]»")


def test_messages_are_cleared_of_secrets() -> None:
    """A message of the API server that repeats a secret, as it is or in base64, is shown without it."""
    inputs = {"data": Secret({"password": "hunter22"}), "name": "open"}
    said = values.redact("invalid value hunter22 (aHVudGVyMjI=) of open", inputs)
    assert said == "invalid value [secret] ([secret]) of open"
