"""Values that a preview does not know never let a rule pass in silence."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi_policy import deserialize, proxy

from policies.fixtures import fixtures
from policies.judge import judge_all, judge_stack
from policies.pulumi_values import manifest_of
from policies.rules import StackRule, shipped
from policies.unknown import UNKNOWN, parted, unknown_paths

RULES = {rule.id if isinstance(rule, StackRule) else rule.rule.id: rule for rule in shipped()}
SERVICE = {"ports": [{"port": 80}], "ipFamilyPolicy": "RequireDualStack"}


def service(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {**SERVICE, **spec}}


def bad(rule: str, name: str) -> dict[str, Any]:
    (found,) = (it for it in fixtures(RULES[rule]) if it.name == name and not it.good)
    return found.objects[0]


def findings(manifest: dict[str, Any], rule: str = "published-service-dual-stack") -> list[tuple[bool, str]]:
    return [(finding.undecided, str(finding)) for finding in judge_all([RULES[rule]], [manifest])]


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
@pytest.mark.parametrize(
    ("field", "spec"),
    [
        ("ipFamilyPolicy", {"ipFamilyPolicy": UNKNOWN}),
        ("type", {"type": UNKNOWN, "ipFamilyPolicy": "SingleStack"}),
    ],
)
def test_unknown_that_decides_is_undecided(field: str, spec: dict[str, Any]) -> None:
    """A rule whose answer hangs on the unknown value says so, and names it."""
    ((undecided, text),) = findings(service(**spec))
    assert undecided
    assert "cannot be decided until apply" in text
    assert f"spec.{field}" in text


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
def test_unknown_above_what_decides_is_undecided() -> None:
    """An unknown whole hides its parts."""
    ((undecided, _),) = findings({**service(), "spec": UNKNOWN})
    assert undecided


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
def test_unknown_that_decides_nothing_is_no_obstacle() -> None:
    """Where every value gives the same answer, the rule judges at once: it passes or refuses."""
    assert findings(service(clusterIP=UNKNOWN)) == []
    assert findings(service(type=UNKNOWN)) == []
    ((undecided, text),) = findings(service(clusterIP=UNKNOWN, ipFamilyPolicy="SingleStack"))
    assert not undecided
    assert "SingleStack" in text


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
def test_unknown_in_one_container_leaves_the_other_rules_judged() -> None:
    """What is known to be wrong is refused although something else is unknown."""
    manifest = bad("pod-capabilities", "one-added")
    manifest["spec"]["containers"][0]["securityContext"]["capabilities"]["drop"] = UNKNOWN
    assert [undecided for undecided, _ in findings(manifest, "pod-capabilities")] == [True, False]
    ((undecided, text),) = findings(bad("pod-host-namespaces", "host-pid"), "pod-host-namespaces")
    assert not undecided
    assert "GVC-WKL-01" in text


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
def test_image_of_a_container_may_be_unknown() -> None:
    """The image is often known late, and only the rules about images read it."""
    manifest = bad("pod-privileged", "init-container")
    manifest["spec"]["containers"][0]["image"] = UNKNOWN
    assert findings(manifest, "pod-seccomp") == findings(bad("pod-privileged", "init-container"), "pod-seccomp")
    ((undecided, text),) = findings(manifest, "image-digest")
    assert undecided
    assert "image" in text


def test_list_with_an_unknown_member_is_unknown() -> None:
    """Nobody knows how many members such a list will have; whole numbers come as integers."""
    manifest = {"a": [1.0, UNKNOWN], "b": [{"c": UNKNOWN}, 2.5], "d": UNKNOWN}
    assert parted(manifest) == ({"a": None, "b": [{"c": None}, 2.5], "d": None}, [("a",), ("b", 0, "c"), ("d",)])


def namespace(name: Any, policy: Any) -> list[dict[str, Any]]:
    metadata = {"name": "deny", "namespace": "space"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": policy},
    ]


DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize(
    ("name", "policy", "expected"),
    [
        ("space", DENY, []),
        ("space", UNKNOWN, [True]),
        ("space", {**DENY, "egress": UNKNOWN}, [True]),
        ("space", {**DENY, "podSelector": {"matchLabels": {"app": UNKNOWN}}}, [True]),
        (UNKNOWN, DENY, [True]),
        ("other", UNKNOWN, [False]),
    ],
)
def test_default_deny_with_unknowns(name: Any, policy: Any, expected: list[bool]) -> None:
    """A namespace whose policy is unknown is neither passed nor refused; a policy elsewhere does not count."""
    rule = RULES["agency-namespace-default-deny"]
    assert isinstance(rule, StackRule)
    assert [finding.undecided for finding in judge_stack(rule, namespace(name, policy))] == expected


def sent(properties: dict[str, Any]) -> Struct:
    message = Struct()
    message.update(properties)
    return message


@pytest.mark.parametrize(
    "text", sorted(value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_")), ids=lambda it: it[:8]
)
def test_values_come_from_the_engine_with_unknowns_marked(text: str) -> None:
    """What the engine sends becomes the manifest, with the unknown at its place, whatever the SDK calls it."""
    properties = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], "type": text}}
    manifest = manifest_of("kubernetes:core/v1:Service", sent(properties))
    assert (manifest["apiVersion"], manifest["kind"]) == ("v1", "Service")
    assert manifest["spec"]["ports"] == [{"port": 80}]
    assert list(unknown_paths(manifest)) == [("spec", "type")]
    assert manifest_of("kubernetes:apps/v1:Deployment", Struct())["apiVersion"] == "apps/v1"


def test_secrets_are_read() -> None:
    """A secret is judged by its value, a map or a list of maps as well as a text; so is an unknown one."""
    secret = {deserialize.SPECIAL_SIG_KEY: deserialize.SPECIAL_SECRET_SIG}
    spec = {"ports": [{**secret, "value": {"port": 80}}], "type": {**secret, "value": proxy.UNKNOWN_STRING_VALUE}}
    manifest = manifest_of("kubernetes:core/v1:Service", sent({"spec": {**secret, "value": spec}}))
    assert manifest["spec"] == {"ports": [{"port": 80}], "type": UNKNOWN}
