"""Waivers: one object, one rule, until a day; what expired or frees nothing is an error."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from core.errors import KitError
from modules.mistakes import FileError
from policies import waivers
from policies.waived_admission import ANNOTATION, in_force, stale, with_waivers

RULES = ("containers-restricted", "published-service-dual-stack")
DAY = dt.date(2026, 11, 22)
GOOD = {
    "rule": "published-service-dual-stack",
    "resource": "Service test/web",
    "reason": "The appliance behind it has no IPv6 before March",
    "owner": "Nguyễn Văn An",
    "approver": "Trần Thị Bình",
    "expires": "2026-12-31",
}


@dataclass(frozen=True)
class Found:
    """A finding, as far as waivers read it."""

    rule: Any
    place: str


def found(place: str = "Service test/web", rule: str = "published-service-dual-stack") -> Found:
    return Found(SimpleNamespace(id=rule), place)


def file(tmp_path: Path, *entries: dict[str, Any]) -> Path:
    path = tmp_path / "waivers.yaml"
    path.write_text(yaml.safe_dump({"waivers": list(entries)}, allow_unicode=True, sort_keys=False), "utf-8")
    return path


def read(tmp_path: Path, *entries: dict[str, Any]) -> tuple[waivers.Waiver, ...]:
    return waivers.read(file(tmp_path, *entries), RULES)


def test_file_is_read(tmp_path: Path) -> None:
    """Every field arrives, and the waiver says all of it in one line."""
    (waiver,) = read(tmp_path, GOOD)
    assert (waiver.kind, waiver.namespace, waiver.name, waiver.expires) == (
        "Service",
        "test",
        "web",
        dt.date(2026, 12, 31),
    )
    assert all(value in str(waiver) for value in GOOD.values())


@pytest.mark.parametrize(
    ("resource", "namespace", "name"),
    [("ClusterRole system:x", "", "system:x"), ("Namespace open", "open", "open"), ("Pod a/b.c-d", "a", "b.c-d")],
)
def test_resource_is_taken_apart(tmp_path: Path, resource: str, namespace: str, name: str) -> None:
    """A namespace lies in itself, as admission sees it; what has none is of the cluster."""
    (waiver,) = read(tmp_path, {**GOOD, "resource": resource})
    assert (waiver.namespace, waiver.name) == (namespace, name)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Each mistake has its line and what is allowed; good entries beside it are not named."""
    wrong = [
        {**GOOD, "rule": "published-service-dual-stak"},
        {**GOOD, "resource": "web", "reason": "", "expires": "soon"},
        {key: value for key, value in GOOD.items() if key != "approver"} | {"resource": "Service test/b", "until": "x"},
        {**GOOD, "resource": "Service test/c", "approver": GOOD["owner"]},
        {**GOOD, "resource": "Service test/d"},
        {**GOOD, "resource": "Service test/d"},
    ]
    with pytest.raises(FileError) as caught:
        read(tmp_path, *wrong)
    told = [(it.line, it.field) for it in caught.value.mistakes]
    assert told == [
        (2, "waivers[0].rule"),
        (9, "waivers[1].resource"),
        (10, "waivers[1].reason"),
        (13, "waivers[1].expires"),
        (14, "waivers[2].approver"),
        (19, "waivers[2].until"),
        (20, "waivers[3]"),
        (32, "waivers[5]"),
    ]
    assert "published-service-dual-stack" in caught.value.message
    assert "waives the same as line 26" in caught.value.message


@pytest.mark.parametrize("text", ["", "waivers: none\n", "[]\n", "a: [\n", "waivers: [1]\n", "other: []\n"])
def test_what_is_no_file_of_waivers_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever the file holds, the answer is a message with its path."""
    path = tmp_path / "waivers.yaml"
    path.write_text(text)
    with pytest.raises(KitError) as caught:
        waivers.read(path, RULES)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("resource", ["Pod a/b'", "Pod a/b\\", 'Pod a/b"', "Pod a/b || true", "Pod ../b", "Pod a/b\n"])
def test_nothing_enters_an_expression(tmp_path: Path, resource: str) -> None:
    """What a waiver names goes into CEL as it stands, so no name may hold what CEL would read."""
    with pytest.raises(FileError, match="resource"):
        read(tmp_path, {**GOOD, "resource": resource})


def test_waived_finding_is_counted_and_others_stay(tmp_path: Path) -> None:
    """It frees the object from this rule alone, and this object alone."""
    others = [found("Service test/other"), found(rule="containers-restricted"), found("Service web")]
    outcome = waivers.apply(read(tmp_path, GOOD), [found(), found(), *others], DAY)
    assert outcome.open == others
    assert [it.resource for it, _ in outcome.waived] == ["Service test/web"] * 2
    assert outcome.mistakes == []


@pytest.mark.parametrize(("day", "holds"), [(dt.date(2026, 12, 31), True), (dt.date(2027, 1, 1), False)])
def test_waiver_holds_to_the_end_of_its_day(tmp_path: Path, day: dt.date, *, holds: bool) -> None:
    """After it the violation is back, and the waiver itself is a mistake, with file and line."""
    outcome = waivers.apply(read(tmp_path, GOOD), [found()], day)
    assert (len(outcome.open), len(outcome.waived)) == ((0, 1) if holds else (1, 0))
    assert [str(it).partition(": ")[0] for it in outcome.mistakes] == ([] if holds else [f"{tmp_path}/waivers.yaml:2"])


def test_waiver_that_frees_nothing_is_a_mistake(tmp_path: Path) -> None:
    """It is one where its object was judged; a run that judges other objects cannot know."""
    given = read(tmp_path, GOOD)
    (mistake,) = waivers.apply(given, [], DAY).mistakes
    assert "nothing is found there any more" in str(mistake)
    assert waivers.apply(given, [], DAY, lambda it: it.namespace == "elsewhere").mistakes == []


def test_schema_asks_for_every_field() -> None:
    """An editor that has the schema asks for what the reader asks for."""
    entry = waivers.schema()["$defs"]["Waiver"]
    assert set(entry["required"]) == set(GOOD)
    assert entry["additionalProperties"] is False


POLICY = {
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "govcloud-published-service-dual-stack", "annotations": {"a": "b"}},
    "spec": {"validations": []},
}
BINDING = {"kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": POLICY["metadata"]["name"]}, "spec": {}}


def test_rendering_frees_the_object_until_its_day(tmp_path: Path) -> None:
    """The policy gets one condition and says until when; bindings and other policies stay as they are."""
    other = {**POLICY, "metadata": {"name": "govcloud-containers-restricted"}}
    changed, *rest = with_waivers([POLICY, BINDING, other], read(tmp_path, GOOD), DAY)
    assert rest == [BINDING, other]
    (condition,) = changed["spec"]["matchConditions"]
    assert "'web'" in condition["expression"]
    assert json.loads(changed["metadata"]["annotations"][ANNOTATION])[0]["expires"] == "2026-12-31"
    assert with_waivers([POLICY], read(tmp_path, GOOD), dt.date(2027, 1, 1)) == [POLICY]


def test_what_outlived_its_day_in_a_cluster_is_told(tmp_path: Path) -> None:
    """An old rendering, one that is not in the file, and one that hides what it frees are all told."""
    given = read(tmp_path, GOOD)
    policies = with_waivers([POLICY], given, DAY)
    assert list(stale(in_force(policies), given, DAY)) == []
    (late,) = stale(in_force(policies), given, dt.date(2027, 1, 1))
    assert "expired, and still waived" in late
    (unknown,) = stale(in_force(policies), [], DAY)
    assert "not so in the file" in unknown
    for note in ({}, {ANNOTATION: "["}, {ANNOTATION: '[{"resource": "x", "expires": "never"}]'}):
        hidden = {**policies[0], "metadata": {**POLICY["metadata"], "annotations": note}}
        assert list(stale(in_force([hidden]), given, DAY)) != []
    assert list(stale(in_force([POLICY]), given, DAY)) == []
