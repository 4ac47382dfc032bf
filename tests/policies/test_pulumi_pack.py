"""The rules as Pulumi's policies, called as the engine calls them."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime import proto
from pulumi_policy import EnforcementLevel, Policy, policy, proxy

from policies import pulumi_once
from policies.pulumi_pack import UndecidedError, policies
from policies.rules import about, shipped

pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]


class Args:
    """The part of the engine's arguments that policies read."""

    def __init__(self, resource_type: str, props: dict[str, Any]) -> None:
        self.resource_type = resource_type
        self.props = proxy.unknown_checking_proxy(props)


class StackArgs:
    """The resources of a stack."""

    def __init__(self, *resources: Args) -> None:
        self.resources = resources


@pytest.fixture(scope="module")
def pack(judging: None) -> dict[str, Policy]:
    """Give the pack's policies by name."""
    return {policy.name: policy for policy in policies()}


def said(policy: Policy, args: Any) -> list[str]:
    messages: list[str] = []
    policy.validate(args, lambda message, _: messages.append(message))
    return messages


def test_rules_of_every_level_are_policies(pack: dict[str, Policy]) -> None:
    """The pack refuses by the mandatory rules that hold at every level, and warns by the advisory ones."""
    expected = {rule.id: rule.enforcement for rule in map(about, shipped()) if 1 in rule.levels}
    assert {name: policy.enforcement_level.value for name, policy in pack.items()} == expected
    assert set(expected.values()) == {"mandatory", "advisory"}


def test_violation_is_reported(pack: dict[str, Policy]) -> None:
    """A Service of one family is refused with the requirement, the place and the mend."""
    chosen = pack["published-service-dual-stack"]
    (message,) = said(chosen, Args("kubernetes:core/v1:Service", {"metadata": {"name": "web"}, "spec": {}}))
    assert "GVC-IP6-03" in message
    assert "set spec.ipFamilyPolicy to RequireDualStack" in message


def test_conforming_and_foreign_resources_pass(pack: dict[str, Policy]) -> None:
    """What conforms passes, and so does what is not of Kubernetes."""
    chosen = pack["published-service-dual-stack"]
    assert said(chosen, Args("kubernetes:core/v1:Service", {"spec": {"ipFamilyPolicy": "RequireDualStack"}})) == []
    assert said(chosen, Args("random:index/randomPet:RandomPet", {})) == []


def test_unknown_is_told_to_the_engine(pack: dict[str, Policy]) -> None:
    """The engine shows what cannot be decided yet as a warning."""
    chosen = pack["published-service-dual-stack"]
    props = {"spec": {"ipFamilyPolicy": proxy.UNKNOWN_STRING_VALUE}}
    with pytest.raises(UndecidedError) as caught:
        said(chosen, Args("kubernetes:core/v1:Service", props))
    assert "cannot be decided until apply" in caught.value.message


def test_patch_of_an_object_is_not_passed_in_silence(pack: dict[str, Policy]) -> None:
    """A part of an object cannot be judged for the whole."""
    with pytest.raises(UndecidedError):
        said(pack["pod-no-escalation"], Args("kubernetes:apps/v1:DeploymentPatch", {"spec": {}}))


def test_stack_without_default_deny_is_refused(pack: dict[str, Policy]) -> None:
    """A namespace that comes without its policy is refused, whatever else the stack holds."""
    chosen = pack["agency-namespace-default-deny"]
    space = Args("kubernetes:core/v1:Namespace", {"metadata": {"name": "space"}})
    (message,) = said(chosen, StackArgs(space))
    assert "GVC-NET-01" in message
    deny = {"metadata": {"namespace": "space"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
    assert said(chosen, StackArgs(space, Args("kubernetes:networking.k8s.io/v1:NetworkPolicy", deny))) == []


def analyze(servicer: Any, properties: dict[str, Any], resource_type: str = "kubernetes:core/v1:Service") -> list[str]:
    request = proto.AnalyzeRequest(type=resource_type, urn="urn:pulumi:s::p::t::n", name="n")
    request.properties.update(properties)
    answer = servicer.Analyze(request, None)
    return [it.message for it in answer.diagnostics]


def test_properties_are_turned_once_for_all_policies(pack: dict[str, Policy], monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's servicer says the same with and without remembering; the work is done once a resource."""
    level = EnforcementLevel.ADVISORY
    servicer = policy._PolicyAnalyzerServicer("pack", "1", list(pack.values()), level)
    cases = [{"spec": {}}, {"spec": {"ipFamilyPolicy": "RequireDualStack"}}, {"spec": proxy.UNKNOWN_OBJECT_VALUE}]
    before = [analyze(servicer, case) for case in cases]
    for name in ("json_format", "deserialize_properties"):
        monkeypatch.setattr(policy, name, getattr(policy, name))  # to have them back after the test
    pulumi_once.install()
    pulumi_once._remembered.cache_clear()
    assert [analyze(servicer, case) for case in cases] == before
    assert [bool(messages) for messages in before] == [True, False, True]
    assert pulumi_once._remembered.cache_info().misses == len(cases)
