"""What is filled in for a program takes a violation away, is safe to do twice, and brings no new one."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modules import workloads
from policies.judge import judge
from policies.remediation import REMEDIES, dual_stack, remedied, seccomp
from policies.rules import FOLDER, Compiled, shipped
from policies.unknown import UNKNOWN

pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]

RULES = [rule for rule in shipped() if isinstance(rule, Compiled)]
FILES = sorted(file for rule in RULES for file in (FOLDER / rule.rule.id).glob("*/*.yaml"))
WORKLOAD = workloads.Workload(name="web", namespace="space", replicas=2, image="example/web:1")


def mended(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest after every remedy."""
    result = dict(manifest)
    for remedy in REMEDIES.values():
        result = remedied(result, remedy(result))
    return result


def found(manifest: Mapping[str, Any], level: int) -> set[str]:
    """Return what the rules of a level find in one object."""
    return {str(it) for rule in RULES if level in rule.rule.levels for it in judge(rule, manifest)}


def conforming() -> Iterator[dict[str, Any]]:
    """Return what the kit makes, and the same pod in every kind that runs one."""
    yield workloads.dual_stack_service(WORKLOAD)
    deployment = workloads.deployment(WORKLOAD)
    pod = deployment["spec"]["template"]
    meta = deployment["metadata"]
    yield deployment
    yield {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, **pod["metadata"]}, "spec": pod["spec"]}
    for kind in ("StatefulSet", "DaemonSet", "ReplicaSet"):
        yield {**deployment, "kind": kind}
    job = {"template": pod}
    yield {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": job}
    night = {"schedule": "0 0 * * *", "jobTemplate": {"spec": job}}
    yield {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": night}


CONFORMING = list(conforming())


def without(value: Any, field: str) -> Any:
    """Take a field out, wherever it stands."""
    if isinstance(value, dict):
        return {key: without(item, field) for key, item in value.items() if key != field}
    return [without(item, field) for item in value] if isinstance(value, list) else value


def test_objects_of_the_tests_conform() -> None:
    """The property below speaks of objects that pass every rule of a level: there are such of more than one kind."""
    assert {"Service", "Deployment"} <= {it["kind"] for it in CONFORMING if not found(it, 1)}


@settings(max_examples=200)
@given(st.sampled_from(CONFORMING), st.sampled_from(["seccompProfile", "securityContext", "ipFamilyPolicy"]), st.data())
def test_what_is_filled_in_passes_every_rule(manifest: dict[str, Any], field: str, data: st.DataObject) -> None:
    """An object that lacks nothing but what can be filled in passes all rules of its level afterwards."""
    level = data.draw(st.integers(1, 5))
    assume(not found(manifest, level))
    changed = without(manifest, field) if field != "securityContext" else copy.deepcopy(manifest)
    if data.draw(st.booleans()) and manifest["kind"] != "Service":
        pod = changed["spec"].get("jobTemplate", changed)["spec"].get("template", changed)["spec"]
        pod["initContainers"] = [{**pod["containers"][0], "name": "init"}]
    after = mended(changed)
    assert found(after, level) == set()
    assert mended(after) == after


@pytest.mark.parametrize("file", FILES, ids=lambda it: f"{it.parents[1].name}-{it.parent.name}-{it.stem}")
def test_remedies_find_an_end_and_bring_nothing_new(file: Path) -> None:
    """On every fixture: a second time changes nothing, and no rule finds what it did not find before."""
    for manifest in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        before = copy.deepcopy(manifest)
        after = mended(manifest)
        assert manifest == before
        assert mended(after) == after
        rules_before = {it.rule.id for rule in RULES for it in judge(rule, manifest)}
        rules_after = {it.rule.id for rule in RULES for it in judge(rule, after)}
        assert rules_after <= rules_before


@pytest.mark.parametrize("policy", ["SingleStack", "PreferDualStack", UNKNOWN])
def test_what_somebody_wrote_stays(policy: Any) -> None:
    """A value that is there is the author's to change; one that is not known yet may be right."""
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"ipFamilyPolicy": policy}}
    assert list(dual_stack(service)) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        {"securityContext": UNKNOWN},
        {"securityContext": {"seccompProfile": UNKNOWN}},
        {"os": {"name": "windows"}},
        UNKNOWN,
        None,
    ],
)
def test_seccomp_is_filled_in_only_where_it_is_absent(spec: Any) -> None:
    """Somebody's profile, an unknown one and a system without seccomp are left alone."""
    assert list(seccomp({"apiVersion": "v1", "kind": "Pod", "spec": spec})) == []
    assert list(seccomp({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}})) != []


def test_alias_gets_no_address_family() -> None:
    """An ExternalName has no address, and the API server refuses a policy on it."""
    assert list(dual_stack({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ExternalName"}})) == []
