"""The engine judges as the API server: the object as it would see it, and three-valued where values are unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import KitError
from policies.engine import PROGRAM, Engine, Judged, engine
from policies.rules import Compiled
from policies.unknown import UNKNOWN
from tests.policies.made import rule

pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]


def ask(made: Compiled, manifest: dict[str, Any]) -> Judged:
    (answer,) = engine().judge([made], [manifest])
    return answer


def said(expression: str, manifest: dict[str, Any], **variables: str) -> str:
    """Return pass, refused, undecided or error."""
    answer = ask(rule(expression, **variables), manifest)
    assert not answer.error
    if not answer.verdicts:
        return "pass"
    (verdict,) = answer.verdicts
    return "undecided" if verdict.unknown else "error" if verdict.error else "refused"


def thing(spec: Any, kind: str = "Thing", api: str = "example.org/v1") -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def pod(**container: Any) -> dict[str, Any]:
    return thing({"containers": [{"name": "c", **container}]}, "Pod", "v1")


@pytest.mark.parametrize(
    ("expression", "spec", "expected"),
    [
        ("has(object.spec.a)", {"a": UNKNOWN}, "undecided"),
        ("has(object.spec.a.b)", {"a": UNKNOWN}, "undecided"),
        ("!has(object.spec.a)", {"a": UNKNOWN}, "undecided"),
        ("has(object.spec.b)", {"a": UNKNOWN}, "refused"),
        ("has(object.spec.b)", {"a": UNKNOWN, "b": 1}, "pass"),
        ("object.spec.a == 1", {"a": UNKNOWN}, "undecided"),
        ("object.spec.a == 1 || object.spec.b == 1", {"a": UNKNOWN, "b": 1}, "pass"),
        ("object.spec.a == 1 && object.spec.b == 1", {"a": UNKNOWN, "b": 2}, "refused"),
        ("'x' in object.spec.a", {"a": ["y", UNKNOWN]}, "undecided"),
        ("'x' in object.spec.a", {"a": {"x": UNKNOWN}}, "undecided"),
        ("'x' in object.spec.a", {"a": {"x": 1, "y": UNKNOWN}}, "pass"),
        ("object.spec.a == {'x': '1'}", {"a": {"x": UNKNOWN}}, "undecided"),
        ("{'x': '1'} == object.spec.a", {"a": {"x": UNKNOWN}}, "undecided"),
        ("object.spec.a != {'x': '1'}", {"a": {"x": UNKNOWN}}, "undecided"),
        ("[{'x': '1'}] == object.spec.a", {"a": [{"x": UNKNOWN}]}, "undecided"),
        ("object.spec.a.all(c, c.x == 1)", {"a": [{"x": 1}, {"x": UNKNOWN}]}, "undecided"),
        ("object.spec.a.all(c, c.x == 1)", {"a": [{"x": 2}, {"x": UNKNOWN}]}, "refused"),
        ("object.spec.a.exists(c, c.x == 1)", {"a": [{"x": 1}, {"x": UNKNOWN}]}, "pass"),
        ("object.spec.a.filter(c, c.x == 1).size() == 0", {"a": [{"x": UNKNOWN}]}, "undecided"),
        ("object.spec.a.filter(c, c.y == 1).size() == 1", {"a": [{"x": UNKNOWN, "y": 1}]}, "pass"),
        ("size(object.spec.a) == 1", {"a": [{"x": UNKNOWN}]}, "pass"),
        ("size(object.spec.a) == 1", {"a": [UNKNOWN]}, "undecided"),
        ("size(object.spec.a) == 1", {"a": {"x": UNKNOWN}}, "undecided"),
        ("object.spec.a.map(c, c.x).join(',') == ''", {"a": [{"x": UNKNOWN}]}, "undecided"),
        ("object.spec.?a.hasValue()", {"a": UNKNOWN}, "undecided"),
        ("object.spec.?a.orValue(1) == 1", {"a": UNKNOWN}, "undecided"),
        ("object.spec.?b.orValue(1) == 1", {"a": UNKNOWN}, "pass"),
        ("isIP(object.spec.a)", {"a": UNKNOWN}, "undecided"),
        ("quantity(object.spec.a).isLessThan(quantity('1'))", {"a": UNKNOWN}, "undecided"),
        ("object.spec.a.startsWith('x')", {"a": UNKNOWN}, "undecided"),
        ("(object.spec.b ? object.spec.a : 1) == 1", {"a": UNKNOWN, "b": True}, "undecided"),
        ("(object.spec.b ? object.spec.a : 1) == 1", {"a": UNKNOWN, "b": False}, "pass"),
        ("object.spec.a == 1", UNKNOWN, "undecided"),
        ("namespaceObject.metadata.name == 'x'", {}, "undecided"),
        ("request.userInfo.username == 'x'", {}, "undecided"),
        ("request.operation == 'CREATE'", {}, "pass"),
        ("oldObject == null", {}, "pass"),
        ("object.spec.a == 1", {}, "error"),
    ],
)
def test_unknown_values_never_pass_in_silence(expression: str, spec: Any, expected: str) -> None:
    """An answer is given where every value gives the same; else it waits for the apply."""
    assert said(expression, thing(spec)) == expected
    assert said("variables.answer", thing(spec), answer=expression) == expected


@pytest.mark.parametrize(
    ("expression", "manifest", "expected"),
    [
        ("object.spec.type == 'ClusterIP'", thing({"ports": [{"port": 1}]}, "Service", "v1"), "pass"),
        ("object.spec.ports[0].protocol == 'TCP'", thing({"ports": [{"port": 1}]}, "Service", "v1"), "pass"),
        ("object.spec.ports[0].port == 80", thing({"ports": [{"port": 80.0}]}, "Service", "v1"), "pass"),
        ("object.spec.ipFamilyPolicy == 'SingleStack'", thing({}, "Service", "v1"), "pass"),
        (
            "object.spec.ipFamilies == ['IPv6', 'IPv4']",
            thing({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]}, "Service", "v1"),
            "pass",
        ),
        ("object.spec.containers[0].imagePullPolicy == 'Always'", pod(image="a"), "pass"),
        ("has(object.spec.hostNetwork)", thing({"containers": [], "hostNetwork": False}, "Pod", "v1"), "refused"),
        ("has(object.metadata.nothing)", {**pod(), "metadata": {"nothing": 1}}, "refused"),
        ("has(object.spec.containers[0].securityContext)", pod(securityContext=None), "refused"),
        ("object.spec.serviceAccount == 'a'", thing({"serviceAccountName": "a"}, "Pod", "v1"), "pass"),
        (
            "object.spec.containers[0].resources.limits.cpu == '1'",
            pod(resources={"limits": {"cpu": "1000m"}}),
            "pass",
        ),
        ("object.spec.policyTypes == ['Ingress']", thing({}, "NetworkPolicy", "networking.k8s.io/v1"), "pass"),
        ("object.data.a == 'YQ=='", {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "a"}}, "pass"),
        ("has(object.spec.a)", thing({"a": None}), "refused"),
    ],
)
def test_object_is_judged_as_the_api_server_sees_it(expression: str, manifest: dict[str, Any], expected: str) -> None:
    """Defaults are set, quantities normalised, nulls and unknown fields dropped, before a rule sees the object."""
    assert said(expression, manifest) == expected


@pytest.mark.parametrize(
    ("expression", "manifest"),
    [
        ("object.spec.containers[0].imagePullPolicy == 'Always'", pod(image=UNKNOWN)),
        (
            "'Egress' in object.spec.policyTypes",
            thing({"egress": UNKNOWN}, "NetworkPolicy", "networking.k8s.io/v1"),
        ),
        ("has(object.spec.volumes[0].emptyDir)", thing({"volumes": [{"name": "v", "hostPath": UNKNOWN}]}, "Pod", "v1")),
        (
            "has(object.spec.containers[0].ports[0].hostPort)",
            thing(
                {"hostNetwork": UNKNOWN, "containers": [{"name": "c", "ports": [{"containerPort": 1}]}]}, "Pod", "v1"
            ),
        ),
        ("has(object.spec.containers[0].resources.requests)", pod(resources={"limits": UNKNOWN})),
        ("object.data.a == ''", {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": UNKNOWN}}),
    ],
)
def test_default_that_hangs_on_an_unknown_value_is_unknown(expression: str, manifest: dict[str, Any]) -> None:
    """What Kubernetes would set from a value is not known before that value is."""
    assert said(expression, manifest) == "undecided"


def test_object_of_the_wrong_type_is_an_error() -> None:
    """What the API server could not decode is never passed; the field is named."""
    answer = ask(rule("true"), pod(image=["a"]))
    assert "containers.image" in answer.error


def test_cost_is_limited_as_at_admission() -> None:
    """A rule that costs more than admission allows is an error here too."""
    many = "object.spec.a"
    expression = f"{many}.all(a, {many}.all(b, {many}.all(c, {many}.all(d, a + b + c + d >= 0))))"
    answer = ask(rule(expression), thing({"a": list(range(100))}))
    assert "limit" in answer.verdicts[0].error


def costly(number: int) -> str:
    """Give an expression that costs more than a twentieth of what admission allows a rule, on 300,000 letters."""
    return f"!object.spec.a.matches('^{'b' * 100}{number}')"


def test_variables_that_rules_share_cost_each_of_them() -> None:
    """A value that another rule has found out already counts as if this rule had; within one rule it counts once."""
    each = {f"v{number}": costly(number) for number in range(20)}
    every = rule(" && ".join(f"variables.{name}" for name in each), **each)
    again = rule(" && ".join(f"variables.{name}" for name in reversed(each)), **each)
    one = rule("variables.v0", v0=each["v0"])
    readers = {f"r{number}": f"variables.v0 || {number} < 0" for number in range(20)}
    once = rule(" && ".join(f"variables.{name}" for name in readers), v0=each["v0"], **readers)
    known = rule(" && ".join(f"variables.{name}" for name in reversed(readers)), v0=each["v0"], **readers)
    (answer,) = engine().judge([every, again, one, once, known], [thing({"a": "a" * 300_000})])
    assert [verdict.rule for verdict in answer.verdicts] == [every, again]
    assert all("more than admission allows" in verdict.error for verdict in answer.verdicts)


@pytest.mark.parametrize("spec", [{"a": 1, "b": 2}, {"a": 1, "b": 2, "c": UNKNOWN}], ids=["known", "unknown"])
def test_variables_of_the_same_words_are_told_apart_by_what_they_read(spec: dict[str, Any]) -> None:
    """Rules may give one name to different things; a variable that reads the name differs then too."""
    expression = "variables.twice == 2"
    first = rule(expression, it="object.spec.a", twice="variables.it + variables.it")
    second = rule(expression, it="object.spec.b", twice="variables.it + variables.it")
    (answer,) = engine().judge([first, second], [thing(spec)])
    assert [(verdict.rule, verdict.found) for verdict in answer.verdicts] == [(second, "found")]


def test_mistake_in_a_variable_of_the_same_words_is_told(tmp_path: Path) -> None:
    """A variable that is fine in one rule is a mistake in another, which lacks what it reads."""
    twice = "variables.it + 1"
    engine().load([rule("variables.twice == 2", it="1", twice=twice)])
    mistaken = rule("variables.twice == 2", twice=twice)
    mistaken.file = tmp_path / "rule.yaml"
    mistaken.file.write_text(f"variables: [{{name: twice, expression: {twice}}}]")
    with pytest.raises(KitError, match="variable twice: undefined field 'it'"):
        engine().load([mistaken])


def test_what_was_found_may_be_unknown() -> None:
    """A rule that is broken whatever the unknown value is says so, though it cannot name the value."""
    answer = ask(rule("object.spec.a == 1 && false", "'it is ' + string(object.spec.a)"), thing({"a": UNKNOWN}))
    assert answer.verdicts[0].found == "something that is not known before the apply"


def test_many_objects_are_answered_in_their_order() -> None:
    """More objects than one question holds come back in order."""
    answers = engine().judge([rule("object.spec.a < 500")], [thing({"a": number}) for number in range(1000)])
    assert [bool(answer.verdicts) for answer in answers] == [False] * 500 + [True] * 500


def test_engine_that_is_not_built_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no engine is told how to build it."""
    with pytest.raises(KitError, match="govcloud toolchain build policy-judge"):
        Engine(tmp_path / "none")
    engine.cache_clear()
    monkeypatch.delenv(PROGRAM)
    with pytest.raises(KitError, match=PROGRAM):
        engine()


def test_engine_that_ends_is_an_error(tmp_path: Path) -> None:
    """A program that dies does not hang who asks it, nor pass anything."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(KitError, match="ended with code 3"):
        list(Engine(program).judge([rule("true")], [json.loads("{}")]))
