"""A cluster as it was read, judged: what is told, what is told once, what ends the run with a fault."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from core.errors import KitError
from modules import labels
from policies import live
from policies.audit import audit
from policies.fixtures import fixtures
from policies.judgement import Judgement
from policies.packs import PACKS
from policies.report import Format, summary, write
from policies.rules import FOLDER, about, shipped
from policies.waivers import Waiver

pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]

DAY = dt.date(2026, 11, 22)
RULES = shipped()
WAIVED = Waiver(
    rule="published-service-dual-stack",
    resource="Service space/web",
    reason="no IPv6 <yet> & here",
    owner="An",
    approver="Bình",
    expires=dt.date(2026, 12, 31),
)


def space(name: str = "space", level: str = "") -> dict[str, Any]:
    marks = {labels.SECURITY_LEVEL: level} if level else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}}


def single(name: str = "web") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "space"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ipFamilyPolicy": "SingleStack"}}


def family_only() -> list[Any]:
    return [it for it in RULES if about(it).id == "published-service-dual-stack"]


def judged(*manifests: dict[str, Any], waivers: tuple[Waiver, ...] = (), rules: Any = None, **found: Any) -> Judgement:
    snapshot = live.Snapshot(manifests=list(manifests), **found)
    chosen = family_only() if rules is None else rules
    return audit(chosen, 1, snapshot, waivers, DAY, filtered=False)


def owned(kind: str, name: str, uid: str, owner: str = "", *, good: bool = False) -> dict[str, Any]:
    """Return a workload with a violation (or none), made by the object with the uid ``owner``."""
    rule = next(it for it in RULES if about(it).id == "pod-no-escalation")
    standing = (it.objects[0] for it in fixtures(rule) if it.good is good)
    found = copy.deepcopy(next(it for it in standing if it["kind"] == kind))
    found["metadata"] = {"name": name, "namespace": "space", "uid": uid}
    if owner:
        found["metadata"]["ownerReferences"] = [{"kind": "x", "name": "x", "uid": owner, "controller": True}]
    return found


def of_pods(*manifests: dict[str, Any]) -> Judgement:
    return judged(*manifests, rules=[it for it in RULES if about(it).id == "pod-no-escalation"])


def test_what_a_workload_makes_is_told_once() -> None:
    """A bad Deployment is one thing to mend, not three."""
    found = of_pods(
        owned("Deployment", "web", "1"), owned("ReplicaSet", "web-1", "2", "1"), owned("Pod", "web-1-a", "3", "2")
    )
    assert {it.place for it in found.findings} == {"Deployment space/web"}
    assert found.facts["found_again_in_what_a_workload_makes"] == 2


@pytest.mark.parametrize("maker", [[], [owned("Deployment", "web", "1", good=True)]])
def test_owner_hides_nothing(maker: list[dict[str, Any]]) -> None:
    """An owner that conforms, or that is not there, does not speak for a pod: anybody can write one into it."""
    found = of_pods(*maker, owned("Pod", "web-1-a", "3", "1"))
    assert {it.place for it in found.findings} == {"Pod space/web-1-a"}
    assert found.facts["found_again_in_what_a_workload_makes"] == 0


def test_level_of_a_namespace_counts() -> None:
    """A rule of level 4 is asked for where the namespace is of level 4, in a cluster that is judged at level 1."""
    rules = [it for it in RULES if about(it).id == "copies-stand-apart"]
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "space"}}
    web["spec"] = {"replicas": 2, "template": {}}
    for level, count in (("", 0), ("3", 0), ("4", 1)):
        assert len(judged(space(level=level), web, rules=rules).findings) == count


def test_exit_code_says_the_worst() -> None:
    """10 to 40 by severity as in a check of files; 1 for what could not be decided; 0 for all well."""
    assert judged(space()).exit_code == 0
    assert judged(space(), single()).exit_code == 30
    severity = next(it.rule.severity for it in of_pods(owned("Pod", "web", "1")).findings)
    assert of_pods(owned("Pod", "web", "1")).exit_code == {"high": 30, "critical": 40}[severity]
    assert judged(space(), refused=["secrets (v1): 403"]).exit_code == 1
    assert judged(space(), single(), waivers=(WAIVED,)).exit_code == 0
    assert judged(space(), waivers=(WAIVED,)).exit_code == 1


def test_advice_is_shown_and_does_not_count() -> None:
    """An advisory rule ends nothing with a fault."""
    rules = [it for it in RULES if about(it).id == "quotas-fit-nodes"]
    objects = list(yaml.safe_load_all((FOLDER / "quotas-fit-nodes" / "bad" / "memory.yaml").read_text()))
    found = judged(*objects, rules=rules)
    assert len(found.findings) == 1
    assert found.exit_code == 0


def test_waiver_left_in_the_cluster_is_a_fault() -> None:
    """What the API server grants beyond the file is told."""
    note = json.dumps([{"resource": "Service space/web", "expires": "2026-01-01"}])
    metadata = {"name": f"govcloud-{WAIVED.rule}", "annotations": {f"{labels.PREFIX}/waivers": note}}
    found = judged(space(), policies=[{"metadata": metadata, "spec": {}}])
    (fault,) = found.faults
    assert fault.said == f"waiver: {WAIVED.rule} for Service space/web: expired, and still waived at admission"
    assert found.exit_code == 1


def test_waivers_of_other_namespaces_are_no_concern_of_a_part() -> None:
    """Where only some namespaces are judged, a waiver for another is not called useless."""
    snapshot = live.Snapshot(manifests=[space("other")])
    assert audit(family_only(), 1, snapshot, [WAIVED], DAY, filtered=True).exit_code == 0
    assert audit(family_only(), 1, snapshot, [WAIVED], DAY, filtered=False).exit_code == 1


def chosen(*only: str) -> live.Snapshot:
    own = {**single("kubernetes"), "metadata": {"name": "kubernetes", "namespace": "default"}}
    there = [space(name) for name in ("default", "kube-system", "space")]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "all"}}
    snapshot = live.Snapshot(manifests=[*there, single(), own, role])
    live._choose(snapshot, set(only))
    return snapshot


def test_namespaces_of_kubernetes_are_named_and_not_judged() -> None:
    """All others are, with what belongs to no namespace; the API server's own Service is left out."""
    snapshot = chosen()
    assert (snapshot.namespaces, snapshot.skipped) == (["default", "space"], ["kube-system"])
    assert [it["metadata"]["name"] for it in snapshot.manifests] == ["default", "space", "web", "all"]


def test_only_the_namespaces_that_were_asked_for_are_judged() -> None:
    """The rest is named; one that is not there stops the run, lest nothing be taken for a pass."""
    assert chosen("default").skipped == ["kube-system", "space"]
    with pytest.raises(KitError, match="no such namespace: spcae"):
        chosen("spcae")


def test_everything_that_rules_match_is_read() -> None:
    """Each kind of each rule is asked for once."""
    wanted = live.resources(RULES)
    assert len(set(wanted)) == len(wanted)
    for entry in PACKS["level-5"].rules(RULES):
        kinds = getattr(entry, "kinds", ())
        assert set(kinds) <= {(api, kind) for api, kind, _ in wanted}


STRANGE = "web\x1b[2J\n<b>"


def both() -> Judgement:
    return judged(space(), single(), single(STRANGE), waivers=(WAIVED,))


def outcome_in(form: Format) -> str:
    return write(form, family_only(), both())


def test_text_counts_and_cannot_move_the_cursor() -> None:
    """One line for each finding and each waiver in force; what an object says stays on its line."""
    lines = outcome_in("text").splitlines()
    assert lines[0].startswith("high: published-service-dual-stack: [GVC-IP6-03")
    assert lines[1].startswith("waived until 2026-12-31: published-service-dual-stack for Service space/web: no IPv6")
    assert lines[2:5] == ["level: 1", "rules: 1", "objects: 3"]
    assert summary(both()) == "3 objects: 1 high, 1 waived"
    assert "\x1b" not in lines[0]


def test_json_counts_findings_and_waivers() -> None:
    """Programs read what was found, what is waived and by whom, and how many of each."""
    content = json.loads(outcome_in("json"))
    assert content["counts"] == {"findings": 1, "waived": 1, "errors": 0}
    assert content["waived"][0]["waiver"]["approver"] == "Bình"
    (found,) = content["findings"]
    assert (found["resource"], found["file"], found["line"]) == (f"Service space/{STRANGE}", None, None)
    assert set(content["waived"][0]) == {*found, "waiver"}


def test_sarif_suppresses_what_is_waived() -> None:
    """A code scanner sees the waived finding as suppressed, with the reason."""
    (run,) = json.loads(outcome_in("sarif"))["runs"]
    fresh, waived = run["results"]
    assert "suppressions" not in fresh
    assert waived["suppressions"][0]["justification"] == str(WAIVED)
    assert {it["ruleId"] for it in run["results"]} <= {it["id"] for it in run["tool"]["driver"]["rules"]}


def test_junit_is_xml_whatever_objects_say() -> None:
    """A pipeline sees a failure, a skipped case with the waiver, and text that cannot break the file."""
    root = ET.fromstring(outcome_in("junit"))  # noqa: S314 - our own text
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "1")
    (skipped,) = suite.iter("skipped")
    assert skipped.get("message") == str(WAIVED)
