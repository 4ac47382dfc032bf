"""The rules as Pulumi's policies, called as the engine calls them."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi_policy import Policy, proxy

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
    policy = pack["published-service-dual-stack"]
    (message,) = said(policy, Args("kubernetes:core/v1:Service", {"metadata": {"name": "web"}, "spec": {}}))
    assert "GVC-IP6-03" in message
    assert "set spec.ipFamilyPolicy to RequireDualStack" in message


def test_conforming_and_foreign_resources_pass(pack: dict[str, Policy]) -> None:
    """What conforms passes, and so does what is not of Kubernetes."""
    policy = pack["published-service-dual-stack"]
    assert said(policy, Args("kubernetes:core/v1:Service", {"spec": {"ipFamilyPolicy": "RequireDualStack"}})) == []
    assert said(policy, Args("random:index/randomPet:RandomPet", {})) == []


def test_unknown_is_told_to_the_engine(pack: dict[str, Policy]) -> None:
    """The engine shows what cannot be decided yet as a warning."""
    policy = pack["published-service-dual-stack"]
    props = {"spec": {"ipFamilyPolicy": proxy.UNKNOWN_STRING_VALUE}}
    with pytest.raises(UndecidedError) as caught:
        said(policy, Args("kubernetes:core/v1:Service", props))
    assert "cannot be decided until apply" in caught.value.message


def test_patch_of_an_object_is_not_passed_in_silence(pack: dict[str, Policy]) -> None:
    """A part of an object cannot be judged for the whole."""
    with pytest.raises(UndecidedError):
        said(pack["pod-no-escalation"], Args("kubernetes:apps/v1:DeploymentPatch", {"spec": {}}))


def test_stack_without_default_deny_is_refused(pack: dict[str, Policy]) -> None:
    """A namespace that comes without its policy is refused, whatever else the stack holds."""
    policy = pack["agency-namespace-default-deny"]
    space = Args("kubernetes:core/v1:Namespace", {"metadata": {"name": "space"}})
    (message,) = said(policy, StackArgs(space))
    assert "GVC-NET-01" in message
    deny = {"metadata": {"namespace": "space"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
    assert said(policy, StackArgs(space, Args("kubernetes:networking.k8s.io/v1:NetworkPolicy", deny))) == []
