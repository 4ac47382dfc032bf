"""The rules as Pulumi's policies, called as the engine calls them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pulumi.runtime import proto
from pulumi_policy import EnforcementLevel, Policy, policy, proxy
from pulumi_policy.secret import Secret, secrets_preserving_proxy

from core.errors import KitError
from core.paths import REPOSITORY
from modules import labels
from policies import packs, pulumi_once, waivers
from policies.pulumi_pack import UndecidedError, policies, waived
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
    return {policy.name: policy for policy in policies(packs.find("level-4"))}


def said(policy: Policy, args: Any) -> list[str]:
    messages: list[str] = []
    policy.validate(args, lambda message, _: messages.append(message))
    return messages


def test_every_rule_is_a_policy_with_its_enforcement() -> None:
    """Each rule refuses or advises as its file says, in every pack of a level."""
    asked = {about(it).id: about(it).enforcement for it in shipped()}
    for level in range(1, 6):
        made = policies(packs.find(f"level-{level}"))
        assert {it.name: it.enforcement_level.value for it in made} == asked
    assert set(asked.values()) == {EnforcementLevel.MANDATORY.value, EnforcementLevel.ADVISORY.value}


def test_every_pack_has_its_folder() -> None:
    """Each pack can be given to Pulumi by its folder, and each folder is a pack."""
    folders = {it.parent.name for it in (REPOSITORY / "policies").glob("*/PulumiPolicy.yaml")}
    assert folders == set(packs.PACKS)
    for name in folders:
        assert f'serve("{name}", provide)' in (REPOSITORY / "policies" / name / "__main__.py").read_text()
        assert policies(packs.find(name))


@pytest.mark.parametrize(("name", "area"), [("baseline", "GVC-WKL-"), ("ipv6", "GVC-IP6-")])
def test_pack_of_an_area_serves_it(name: str, area: str) -> None:
    """A pack of an area holds every rule that serves it, and no other."""
    held = {policy.name for policy in policies(packs.find(name))}
    serving = {about(it).id for it in shipped() if any(r.startswith(area) for r in about(it).requirements)}
    assert held == serving != set()


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


def workload(namespace: str, copies: int = 2) -> Args:
    metadata = {"name": "web", "namespace": namespace}
    return Args("kubernetes:apps/v1:Deployment", {"metadata": metadata, "spec": {"replicas": copies, "template": {}}})


def space(name: str, level: Any) -> Args:
    return Args("kubernetes:core/v1:Namespace", {"metadata": {"name": name, "labels": {labels.SECURITY_LEVEL: level}}})


@pytest.mark.parametrize(("level", "found"), [("3", []), ("4", ["GVC-ISO-07"]), ("5", ["GVC-ISO-07"])])
def test_namespace_raises_the_level(level: str, found: list[str]) -> None:
    """A rule of level 4 holds where the program itself labels a namespace so, whatever the level of the pack."""
    chosen = next(it for it in policies(packs.find("level-1")) if it.name == "copies-stand-apart")
    messages = said(chosen, StackArgs(space("space", level), workload("space"), workload("other")))
    assert [message[1:11] for message in messages] == found


def test_namespace_does_not_lower_the_level(pack: dict[str, Policy]) -> None:
    """A program cannot label itself out of the level that the pack was chosen for."""
    chosen = pack["copies-stand-apart"]
    assert len(said(chosen, StackArgs(space("space", "1"), workload("space")))) == 1


def test_unknown_level_is_undecided() -> None:
    """A rule that may or may not hold waits for the apply."""
    chosen = next(it for it in policies(packs.find("level-1")) if it.name == "copies-stand-apart")
    with pytest.raises(UndecidedError) as caught:
        said(chosen, StackArgs(space("space", proxy.UNKNOWN_STRING_VALUE), workload("space")))
    assert "the level of the namespace is not known yet" in caught.value.message


def single(name: str) -> Args:
    metadata = {"name": name, "namespace": "space"}
    return Args("kubernetes:core/v1:Service", {"metadata": metadata, "spec": {"ipFamilyPolicy": "SingleStack"}})


def waiver(name: str, expires: dt.date = dt.date(2099, 1, 1)) -> waivers.Waiver:
    return waivers.Waiver(
        rule="published-service-dual-stack",
        resource=f"Service space/{name}",
        reason="no IPv6 yet",
        owner="An",
        approver="Bình",
        expires=expires,
    )


def with_waivers(*given: waivers.Waiver) -> dict[str, Policy]:
    return {policy.name: policy for policy in policies(packs.find("level-1"), given)}


def test_waived_object_passes_and_is_printed() -> None:
    """It is shown at every run, as advice; the next object is refused as before."""
    made = with_waivers(waiver("web"))
    assert said(made["published-service-dual-stack"], single("web")) == []
    assert len(said(made["published-service-dual-stack"], single("other"))) == 1
    stack = StackArgs(space("space", "1"), single("web"))
    (shown,) = said(made["waivers-in-force"], stack)
    assert shown.startswith("1 of 1: waived until 2099-01-01: published-service-dual-stack for Service space/web")
    assert said(made["waivers-valid"], stack) == []
    levels = [made[name].enforcement_level for name in ("waivers-in-force", "waivers-valid")]
    assert levels == [EnforcementLevel.ADVISORY, EnforcementLevel.MANDATORY]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (waiver("web", dt.date(2020, 1, 1)), "expired on 2020-01-01"),
        (waiver("gone"), "nothing is found there any more"),
    ],
)
def test_waiver_that_does_not_hold_is_refused(given: waivers.Waiver, told: str) -> None:
    """An expired waiver, or one whose object is gone from a namespace of this program, stops the run."""
    (message,) = said(with_waivers(given)["waivers-valid"], StackArgs(space("space", "1"), single("web")))
    assert told in message


def test_waiver_of_another_program_is_left_alone() -> None:
    """One file serves many programs: what lies in namespaces that this one does not make is not its concern."""
    assert said(with_waivers(waiver("gone"))["waivers-valid"], StackArgs(space("elsewhere", "1"))) == []


@pytest.mark.parametrize(("path", "told"), [("waivers.yaml", "not an absolute path"), ("/nowhere/w.yaml", "/nowhere")])
def test_file_of_waivers_that_cannot_be_used_stops_the_pack(
    monkeypatch: pytest.MonkeyPatch, path: str, told: str
) -> None:
    """A pack does not start without the waivers that it was given."""
    monkeypatch.setenv(waivers.VARIABLE, path)
    with pytest.raises(KitError, match=told):
        waived()


def test_remediation_mends_what_the_engine_sent(pack: dict[str, Policy]) -> None:
    """Secrets and unknown values of the resource stay what they are; what conforms is not touched."""
    chosen = pack["published-service-dual-stack"]
    sent = {"metadata": {"name": Secret("web"), "uid": proxy.UNKNOWN_STRING_VALUE}, "spec": {"ports": [{"port": 80}]}}
    args = Args("kubernetes:core/v1:Service", {})
    args.props = secrets_preserving_proxy(sent)
    mended = chosen.remediate(args)
    assert mended["spec"] == {"ports": [{"port": 80}], "ipFamilyPolicy": "RequireDualStack"}
    assert mended["metadata"] == sent["metadata"]
    args.props = secrets_preserving_proxy(mended)
    assert chosen.remediate(args) is None
