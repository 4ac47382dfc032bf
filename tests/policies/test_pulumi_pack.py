"""The packs, asked as Pulumi's engine asks them: over the wire."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import analyzer_pb2 as messages
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub, add_AnalyzerServicer_to_server

from core.errors import KitError
from core.paths import REPOSITORY
from modules import labels
from policies import packs, waivers
from policies import rules as reader
from policies.pulumi_analyzer import Analyzer
from policies.pulumi_pack import Policies, waived
from policies.pulumi_values import SECRET, SIGNATURE, UNKNOWN_TEXT
from policies.rules import about, shipped

pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]

LEVELS = messages.EnforcementLevel
DUAL = "published-service-dual-stack"
APART = "copies-stand-apart"
Diagnostics = list[messages.AnalyzeDiagnostic]


class Resource:
    """What the engine knows of a resource."""

    def __init__(self, resource_type: str, properties: dict[str, Any]) -> None:
        self.type = resource_type
        self.properties = properties
        self.urn = f"urn:pulumi:s::p::{resource_type}::{properties.get('metadata', {}).get('name')}"

    def into(self, message: Any) -> Any:
        """Fill it into one of the engine's messages."""
        message.type, message.urn, message.name = self.type, self.urn, "n"
        message.properties.update(self.properties)
        return message


class Asked:
    """A pack under its service."""

    def __init__(self, stub: AnalyzerStub) -> None:
        self.stub = stub

    def of(self, resource: Resource) -> Diagnostics:
        """Have a resource judged."""
        return list(self.stub.Analyze(resource.into(messages.AnalyzeRequest())).diagnostics)

    def of_stack(self, *resources: Resource) -> Diagnostics:
        """Have a stack judged."""
        request = messages.AnalyzeStackRequest()
        for it in resources:
            it.into(request.resources.add())
        return list(self.stub.AnalyzeStack(request).diagnostics)

    def remediated(self, resource: Resource) -> messages.RemediateResponse:
        """Have a resource mended."""
        return self.stub.Remediate(resource.into(messages.AnalyzeRequest()))

    def configure(self, **levels: str) -> None:
        """Set enforcement levels, by names with ``_`` for ``-``."""
        named = {name.replace("_", "-"): LEVELS.Value(level.upper()) for name, level in levels.items()}
        config = {name: messages.PolicyConfig(enforcementLevel=level) for name, level in named.items()}
        self.stub.Configure(messages.ConfigureAnalyzerRequest(policyConfig=config))


@contextmanager
def served(name: str, *given: waivers.Waiver) -> Iterator[Asked]:
    """Serve a pack on a port of this machine."""
    server = grpc.server(ThreadPoolExecutor(1))
    add_AnalyzerServicer_to_server(Analyzer(Policies(packs.find(name), given)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Asked(AnalyzerStub(channel))
    server.stop(0)


@pytest.fixture(scope="module")
def pack() -> Iterator[Asked]:
    """Give a pack that nobody configures."""
    with served("level-4") as asked:
        yield asked


@pytest.fixture
def own() -> Iterator[Asked]:
    """Give a pack to configure."""
    with served("level-1") as asked:
        yield asked


def by(policy: str, diagnostics: Iterable[messages.AnalyzeDiagnostic]) -> Diagnostics:
    return [it for it in diagnostics if it.policyName == policy]


def service(name: str = "web", **spec: Any) -> Resource:
    return Resource("kubernetes:core/v1:Service", {"metadata": {"name": name, "namespace": "space"}, "spec": spec})


def workload(namespace: str, copies: int = 2) -> Resource:
    metadata = {"name": "web", "namespace": namespace}
    spec = {"replicas": copies, "template": {}}
    return Resource("kubernetes:apps/v1:Deployment", {"metadata": metadata, "spec": spec})


def space(name: str, level: Any) -> Resource:
    metadata = {"name": name, "labels": {labels.SECURITY_LEVEL: level}}
    return Resource("kubernetes:core/v1:Namespace", {"metadata": metadata})


def test_every_rule_is_a_policy_with_its_enforcement() -> None:
    """Each rule refuses or advises as its file says, in every pack of a level; those of higher levels see the stack."""
    rules = {about(it).id: about(it) for it in shipped()}
    for level in range(1, 6):
        with served(f"level-{level}") as asked:
            told = asked.stub.GetAnalyzerInfo(Empty())
        assert (told.name, told.supportsConfig) == (f"government-cloud-level-{level}", True)
        for it in told.policies:
            rule = rules[it.name]
            assert (it.description, list(it.tags)) == (rule.title, list(rule.requirements))
            assert LEVELS.Name(it.enforcementLevel) == rule.enforcement.upper()
            assert messages.PolicySeverity.Name(it.severity) == f"POLICY_SEVERITY_{rule.severity.upper()}"
            if level not in rule.levels:
                assert it.policy_type == messages.POLICY_TYPE_STACK
        assert {it.name for it in told.policies} == set(rules)
        assert {it.policy_type for it in told.policies} == {messages.POLICY_TYPE_RESOURCE, messages.POLICY_TYPE_STACK}
    assert {rule.enforcement for rule in rules.values()} == {"mandatory", "advisory"}


def test_every_pack_has_its_folder() -> None:
    """Each pack can be given to Pulumi by its folder, and each folder is a pack."""
    folders = {it.parent.name for it in (REPOSITORY / "policies").glob("*/PulumiPolicy.yaml")}
    assert folders == set(packs.PACKS)
    for name in folders:
        assert f'serve("{name}")' in (REPOSITORY / "policies" / name / "__main__.py").read_text()
        assert Policies(packs.find(name)).by_name


@pytest.mark.parametrize(("name", "area"), [("baseline", "GVC-WKL-"), ("ipv6", "GVC-IP6-")])
def test_pack_of_an_area_serves_it(name: str, area: str) -> None:
    """A pack of an area holds every rule that serves it, and no other."""
    serving = {about(it).id for it in shipped() if any(r.startswith(area) for r in about(it).requirements)}
    assert set(Policies(packs.find(name)).by_name) == serving != set()


def test_violation_is_reported(pack: Asked) -> None:
    """A Service of one family is refused with the requirement, the place and the mend, and as severely as its rule."""
    (told,) = by(DUAL, pack.of(service()))
    assert "GVC-IP6-03" in told.message
    assert "Service space/web" in told.message
    assert "set spec.ipFamilyPolicy to RequireDualStack" in told.message
    assert told.message.startswith(f"{told.description}\n")
    assert told.policyPackName == "government-cloud-level-4"
    assert told.enforcementLevel == LEVELS.MANDATORY
    assert told.severity == messages.POLICY_SEVERITY_HIGH


def test_conforming_and_foreign_resources_pass(pack: Asked) -> None:
    """What conforms passes, and so does what is not of Kubernetes."""
    assert by(DUAL, pack.of(service(ipFamilyPolicy="RequireDualStack"))) == []
    assert pack.of(Resource("random:index/randomPet:RandomPet", {})) == []


def test_each_resource_is_judged_by_itself(pack: Asked) -> None:
    """What was found of one resource is not told of the next one."""
    answers = [bool(by(DUAL, pack.of(service(ipFamilyPolicy=it)))) for it in ("SingleStack", "RequireDualStack") * 2]
    assert answers == [True, False, True, False]


def test_unknown_is_told_as_a_warning(pack: Asked) -> None:
    """What cannot be decided yet is neither a pass nor a violation."""
    (told,) = by(DUAL, pack.of(service(ipFamilyPolicy=UNKNOWN_TEXT)))
    assert "cannot be decided until apply" in told.message
    assert told.enforcementLevel == LEVELS.ADVISORY


def test_patch_of_an_object_is_not_passed_in_silence(pack: Asked) -> None:
    """A part of an object cannot be judged for the whole."""
    told = pack.of(Resource("kubernetes:apps/v1:DeploymentPatch", {"spec": {}}))
    assert by("pod-no-escalation", told)
    assert {it.enforcementLevel for it in told} == {LEVELS.ADVISORY}


def test_stack_without_default_deny_is_refused(pack: Asked) -> None:
    """A namespace that comes without its policy is refused at its own URN, whatever else the stack holds."""
    home = Resource("kubernetes:core/v1:Namespace", {"metadata": {"name": "space"}})
    (told,) = by("agency-namespace-default-deny", pack.of_stack(home))
    assert "GVC-NET-01" in told.message
    assert told.urn == home.urn
    deny = {"metadata": {"namespace": "space"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
    policy = Resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", deny)
    assert by("agency-namespace-default-deny", pack.of_stack(home, policy)) == []


@pytest.mark.parametrize(("level", "found"), [("3", []), ("4", ["GVC-ISO-07"]), ("5", ["GVC-ISO-07"])])
def test_namespace_raises_the_level(own: Asked, level: str, found: list[str]) -> None:
    """A rule of level 4 holds where the program itself labels a namespace so, whatever the level of the pack."""
    told = by(APART, own.of_stack(space("space", level), workload("space"), workload("other")))
    assert [it.message.partition("\n")[2][1:11] for it in told] == found


def test_namespace_does_not_lower_the_level(pack: Asked) -> None:
    """A program cannot label itself out of the level that the pack was chosen for."""
    assert len(by(APART, pack.of_stack(space("space", "1"), workload("space")))) == 1


def test_unknown_level_is_undecided(own: Asked) -> None:
    """A rule that may or may not hold waits for the apply."""
    (told,) = by(APART, own.of_stack(space("space", UNKNOWN_TEXT), workload("space")))
    assert "the level of the namespace is not known yet" in told.message
    assert told.enforcementLevel == LEVELS.ADVISORY


def test_user_sets_the_enforcement_of_a_rule(own: Asked) -> None:
    """A rule advises, is silent, or refuses what it was asked to mend and could not; each by itself."""
    both = service(externalIPs=["192.0.2.1"])
    before = {it.policyName for it in own.of(both)}
    assert DUAL in before
    for level, told_as in (("advisory", [LEVELS.ADVISORY]), ("disabled", []), ("remediate", [LEVELS.MANDATORY])):
        own.configure(published_service_dual_stack=level)
        after = own.of(both)
        assert [it.enforcementLevel for it in by(DUAL, after)] == told_as
        assert {it.policyName for it in after} | {DUAL} == before


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"published-service-dual-stak": messages.PolicyConfig()}, f"did you mean {DUAL}?"),
        ({DUAL: {"properties": {"families": 2}}}, f"{DUAL} has no families"),
    ],
)
def test_mistakes_in_the_configuration_are_told(own: Asked, config: dict[str, Any], told: str) -> None:
    """A rule that there is not, or something to set that it does not have, stops the run; nothing is changed."""
    request = messages.ConfigureAnalyzerRequest(
        policyConfig={APART: messages.PolicyConfig(enforcementLevel="DISABLED")}
    )
    for name, entry in config.items():
        request.policyConfig[name].CopyFrom(
            entry if isinstance(entry, messages.PolicyConfig) else messages.PolicyConfig(**entry)
        )
    with pytest.raises(grpc.RpcError) as caught:
        own.stub.Configure(request)
    assert told in caught.value.details()
    assert by(APART, own.of_stack(space("space", "4"), workload("space")))


def test_engine_may_name_all_rules(own: Asked) -> None:
    """The engine passes the entry 'all' of a file on, beside what it means for each rule."""
    own.configure(all="disabled", **{DUAL: "disabled"})
    assert by(DUAL, own.of(service())) == []


def waiver(name: str, expires: dt.date = dt.date(2099, 1, 1)) -> waivers.Waiver:
    return waivers.Waiver(
        rule=DUAL,
        resource=f"Service space/{name}",
        reason="no IPv6 yet",
        owner="An",
        approver="Bình",
        expires=expires,
    )


def test_waived_object_passes_and_is_printed() -> None:
    """It is shown at every run, as advice; the next object is refused as before."""
    with served("level-1", waiver("web")) as asked:
        assert by(DUAL, asked.of(service("web"))) == []
        assert len(by(DUAL, asked.of(service("other")))) == 1
        told = asked.of_stack(space("space", "1"), service("web"))
    (shown,) = by("waivers-in-force", told)
    assert f"1 of 1: waived until 2099-01-01: {DUAL} for Service space/web" in shown.message
    assert shown.enforcementLevel == LEVELS.ADVISORY
    assert by("waivers-valid", told) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (waiver("web", dt.date(2020, 1, 1)), "expired on 2020-01-01"),
        (waiver("gone"), "nothing is found there any more"),
    ],
)
def test_waiver_that_does_not_hold_is_refused(given: waivers.Waiver, told: str) -> None:
    """An expired waiver, or one whose object is gone from a namespace of this program, stops the run."""
    with served("level-1", given) as asked:
        (refused,) = by("waivers-valid", asked.of_stack(space("space", "1"), service("web")))
    assert told in refused.message
    assert refused.enforcementLevel == LEVELS.MANDATORY


def test_waiver_of_another_program_is_left_alone() -> None:
    """One file serves many programs: what lies in namespaces that this one does not make is not its concern."""
    with served("level-1", waiver("gone")) as asked:
        assert by("waivers-valid", asked.of_stack(space("elsewhere", "1"))) == []


@pytest.mark.parametrize(("path", "told"), [("waivers.yaml", "not an absolute path"), ("/nowhere/w.yaml", "/nowhere")])
def test_file_of_waivers_that_cannot_be_used_stops_the_pack(
    monkeypatch: pytest.MonkeyPatch, path: str, told: str
) -> None:
    """A pack does not start without the waivers that it was given."""
    monkeypatch.setenv(waivers.VARIABLE, path)
    with pytest.raises(KitError, match=told):
        waived()


def test_nothing_is_mended_unasked(pack: Asked) -> None:
    """A program says itself what it makes, unless its owner wants otherwise."""
    assert pack.remediated(service()) == messages.RemediateResponse()


def test_remediation_mends_what_the_engine_sent(own: Asked) -> None:
    """Secrets and unknown values of the resource stay what they are; what conforms is not touched."""
    own.configure(published_service_dual_stack="remediate", pod_no_escalation="remediate")
    name, spec = ({SIGNATURE: SECRET, "value": it} for it in ("web", {"ports": [{"port": 80}]}))
    sent = {"metadata": {"name": name, "uid": UNKNOWN_TEXT}, "spec": spec}
    answer = own.remediated(Resource("kubernetes:core/v1:Service", sent))
    (mended,) = answer.remediations
    assert mended.policyName == DUAL
    properties = MessageToDict(mended.properties)
    assert properties["metadata"] == sent["metadata"]
    assert properties["spec"] == {**spec, "value": {"ports": [{"port": 80}], "ipFamilyPolicy": "RequireDualStack"}}
    assert [it.policy_name for it in answer.not_applicable] == ["pod-no-escalation"]
    assert not own.remediated(Resource("kubernetes:core/v1:Service", properties)).remediations


def test_pack_loads_no_sdk() -> None:
    """A pack starts before the program does: it loads the engine's protocol, and neither of Pulumi's SDKs."""
    look = "import sys, govcloud.policy_pack; print(*(it for it in sys.modules if it.startswith(('pulumi', 'rich'))))"
    done = subprocess.run([sys.executable, "-I", "-c", look], capture_output=True, text=True, check=True)
    loaded = [it for it in done.stdout.split() if not it.startswith("pulumi.runtime.proto.")]
    assert loaded == ["pulumi", "pulumi.runtime", "pulumi.runtime.proto"]


def test_rule_with_a_mistake_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first resource that the engine asks about is answered with what is wrong, for no rule is in force."""
    rules = tmp_path / "rules" / "broken"
    rules.mkdir(parents=True)
    good = REPOSITORY / "policies" / "rules" / DUAL / "rule.yaml"
    text = good.read_text(encoding="utf-8").replace(f"id: {DUAL}", "id: broken")
    (rules / "rule.yaml").write_text(text.replace("expression: ", "expression: nothing.at.all && ", 1))
    monkeypatch.setattr(reader, "FOLDER", tmp_path / "rules")
    reader.shipped.cache_clear()
    try:
        with served("level-1") as asked, pytest.raises(grpc.RpcError) as caught:
            asked.of(Resource("pulumi:pulumi:Stack", {}))
    finally:
        reader.shipped.cache_clear()
    assert f"{rules / 'rule.yaml'}:" in caught.value.details()
    assert "validations[0].expression" in caught.value.details()
