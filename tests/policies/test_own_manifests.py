"""What the kit itself makes conforms to its own rules, and would be refused without its guards."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from conformance import tenants
from conformance import workloads as probes
from conformance.results import Subject
from conformance.target import PROBE_IMAGE
from core.paths import REPOSITORY
from modules import agency_file, doors, guards, labels, spaces, workloads
from modules.components import shared_service
from modules.levels import LEVELS, Level
from policies.judge import Finding, judge_all
from policies.rules import Compiled, StackRule, about, at_level, shipped


def central() -> list[dict[str, Any]]:
    space = shared_service.space("exchange", 4)
    server = shared_service.workload("exchange", 4, workloads.DEFAULT_IMAGE)
    return [guards.namespace(space), *guards.guards(space), *shared_service.manifests(server, ["state", "internet"])]


def agency(name: str) -> list[dict[str, Any]]:
    unit = agency_file.load(REPOSITORY / "data" / "agencies" / f"{name}.yaml")
    made = []
    for system in unit.systems:
        for zone in system.places:
            space, server = spaces.space(unit, system, zone), spaces.workload(unit, system, zone)
            made += [guards.namespace(space), *guards.guards(space), *workloads.manifests(server, service=True)]
            made += [
                *doors.between_zones(unit, system, zone),
                *doors.between_systems(unit, server, system, zone, unit.systems),
            ]
    return made


pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]
AGENCIES = ("quang-ninh", "ha-long", "quang-ninh-hospital", "ha-noi", "bai-chay")
CLOUDS = {"central": central(), **{name: agency(name) for name in AGENCIES}}


def judged(objects: list[dict[str, Any]]) -> list[Finding]:
    """Judge each object at the level of its namespace; rules over several objects judge all of them."""
    level = {it["metadata"]["name"]: int(it["metadata"]["labels"][labels.SECURITY_LEVEL]) for it in spaces_of(objects)}
    found = judge_all([rule for rule in shipped() if isinstance(rule, StackRule)], objects)
    for it in objects:
        rules = at_level(level[it["metadata"].get("namespace", it["metadata"]["name"])])
        found += judge_all([rule for rule in rules if isinstance(rule, Compiled)], [it])
    return found


def spaces_of(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [it for it in objects if it["kind"] == "Namespace"]


@pytest.mark.parametrize("name", CLOUDS)
def test_clouds_conform(name: str) -> None:
    """No rule refuses anything in the clouds that the kit makes, and two warn of what their owner has to decide."""
    found = judged(CLOUDS[name])
    assert [str(it) for it in found if it.rule.enforcement == "mandatory"] == []
    assert {it.rule.id for it in found} <= {"namespace-log-store", "namespace-zone"}


@pytest.mark.parametrize("name", CLOUDS)
def test_cloud_without_its_guard_is_refused(name: str) -> None:
    """The same cloud without its default deny is refused, so the pass above means something."""
    open_ones = [it for it in CLOUDS[name] if it["metadata"]["name"] != "default-deny"]
    refused = [it for it in judged(open_ones) if it.rule.enforcement == "mandatory"]
    assert {it.requirements[0] for it in refused} == {"GVC-NET-01"}


RUN, NAMESPACE = "run", "govcloud-audit-a"
AUDITED: Any = {
    "server": probes.server("server", PROBE_IMAGE, run=RUN, account="probe"),
    "client": probes.client("client", PROBE_IMAGE, run=RUN, account="probe"),
    "pod": probes.pod("pod", PROBE_IMAGE, run=RUN, role="load", account="probe"),
    "service": probes.service("service", run=RUN, policy="RequireDualStack"),
    "way in": probes.allow_ingress(RUN, namespace=NAMESPACE),
    "way out": probes.allow_egress(RUN, namespace=NAMESPACE),
}


@pytest.mark.parametrize("level", LEVELS)
def test_what_an_audit_makes_conforms(level: Level) -> None:
    """A cloud under the rules takes the tenants of an audit and whatever the audit puts there to try it."""
    subject = Subject(cloud="cloud", operator="operator", kind="CGC", level=level)
    until = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    made = [*tenants.tenant_objects(NAMESPACE, subject, until), *tenants.reader_objects(subject)]
    made += [{**it, "metadata": {**it["metadata"], "namespace": NAMESPACE}} for it in AUDITED.values()]
    found = judge_all(at_level(level), made)
    assert [str(it) for it in found if it.rule.enforcement == "mandatory"] == []
    assert {it.rule.id for it in found} <= {"namespace-log-store"}


def test_a_way_to_one_address_is_open_below_level_4() -> None:
    """The way that proves the address of a machine's credentials shut is one that a tenant may have."""
    both = probes.to_addresses(["192.0.2.1", "2001:db8::1"], 80)
    way = probes.allow_egress(RUN, namespace=NAMESPACE, beyond=[both])
    way["metadata"]["namespace"] = NAMESPACE
    refused = {level: {it.rule.id for it in judge_all(at_level(level), [way])} for level in LEVELS}
    assert {level for level, rules in refused.items() if rules} == {4, 5}
    assert refused[4] == {"network-policy-by-identity"}


def test_level_profiles_meet_the_rules() -> None:
    """The figures that the kit gives by level are those that the rules ask for: no less passes."""
    rules = [it for it in shipped() if isinstance(it, Compiled) and about(it).id.startswith("namespace-")]
    for level, profile in LEVELS.items():
        given = {labels.LOG_MONTHS: profile.logs, f"{labels.BACKUP}-copies": profile.copies}
        for label, figure in given.items():
            asked = [it for it in rules if label in str(about(it)) and level in about(it).levels]
            for number, refused in ((figure, False), (figure - 1, True)):
                space = namespace(level, {label: str(number)})
                own = [it for rule in asked for it in judge_all([rule], [space]) if label in it.found]
                assert bool(own) is (refused and bool(asked)), (level, label, number)


def namespace(level: int, given: dict[str, str]) -> dict[str, Any]:
    facts = {labels.TIER: "agc", labels.SECURITY_LEVEL: str(level), **given}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "labels": facts}}
