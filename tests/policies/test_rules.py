"""Every rule refuses its bad fixtures and passes its good ones; a rule file with a mistake is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import KitError
from core.paths import REPOSITORY
from policies.engine import engine
from policies.fixtures import Fixture, fixtures
from policies.judge import judge_all
from policies.rules import FOLDER, Compiled, StackRule, about, read, shipped
from policies.stack_rules import FUNCTIONS

RULES = {rule.id if isinstance(rule, StackRule) else rule.rule.id: rule for rule in shipped()}
FIXTURES = [fixture for rule in RULES.values() for fixture in fixtures(rule)]
DUAL = ("ipv4-only", "ipv6-only", "dual")


def judges(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that asks the engine."""
    return pytest.mark.toolchain(pytest.mark.usefixtures("judging")(test))


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


@judges
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda it: f"{it.rule}-{'good' if it.good else 'bad'}-{it.name}")
def test_fixture(fixture: Fixture) -> None:
    """A rule judges its fixture as the folder says, and says in words what it found."""
    findings = judge_all([RULES[fixture.rule]], fixture.objects)
    assert not any(finding.undecided or "cannot be judged" in finding.found for finding in findings)
    assert all(finding.found.isprintable() and "no such" not in finding.found for finding in findings)
    assert bool(findings) is not fixture.good, [str(finding) for finding in findings]


@pytest.mark.parametrize("name", RULES)
def test_rule_has_fixtures_for_every_kind(name: str) -> None:
    """Beside a rule stand a good and a bad object of each kind that it judges."""
    rule = RULES[name]
    kinds = {"Namespace"} if isinstance(rule, StackRule) else {kind for _, kind in rule.kinds}
    for good in (True, False):
        stand = (it for fixture in fixtures(rule) if fixture.good is good for it in fixture.objects)
        assert kinds <= {it["kind"] for it in stand}


@judges
@pytest.mark.parametrize("name", RULES)
def test_each_validation_was_seen_to_refuse(name: str) -> None:
    """No part of a rule is there in vain: some bad fixture fails each validation."""
    rule = RULES[name]
    bad = [fixture for fixture in fixtures(rule) if not fixture.good]
    findings = [finding for fixture in bad for finding in judge_all([rule], fixture.objects)]
    checks = [rule] if isinstance(rule, StackRule) else rule.rule.validations
    expected = [(it.requirements, it.allowed, it.mend) for it in checks]
    assert len(set(expected)) == len(expected), "two validations cannot be told apart"
    assert {(it.requirements, it.allowed, it.mend) for it in findings} == set(expected)


FAMILIES = [name for name, it in RULES.items() if about(it).requirements[0].startswith("GVC-IP6")]
FAMILIES.remove("pod-learns-both-addresses")  # it judges names of fields, in which no address stands


@pytest.mark.parametrize("name", FAMILIES)
def test_rule_on_families_has_fixtures_for_each(name: str) -> None:
    """What is judged for both families is tried with IPv4 alone, with IPv6 alone and with both."""
    names = {fixture.name for fixture in fixtures(RULES[name])}
    assert all(any(it.startswith(family) for it in names) for family in DUAL)


@pytest.mark.parametrize("name", [it for it in RULES if it.startswith(("pod-", "image-"))])
def test_rule_on_pods_judges_every_workload(name: str) -> None:
    """A rule about pods judges all nine kinds that hold or make them."""
    rule = RULES[name]
    assert isinstance(rule, Compiled)
    assert len(rule.kinds) == 9


@pytest.mark.parametrize("name", RULES)
def test_level_above_is_never_laxer(name: str) -> None:
    """What is refused at a level is refused at every level above it."""
    rule = RULES[name]
    levels = (rule if isinstance(rule, StackRule) else rule.rule).levels
    assert levels == tuple(range(levels[0], 6))


@pytest.mark.parametrize("name", RULES)
def test_requirements_are_in_the_catalogue(name: str) -> None:
    """A rule serves requirements that there are, at levels at which they bind or above."""
    catalogue = yaml.safe_load((REPOSITORY / "conformance" / "catalogue" / "catalogue.yaml").read_text("utf-8"))
    known = {entry["id"] for entry in catalogue}
    rule = RULES[name]
    assert set(rule.requirements if isinstance(rule, StackRule) else rule.rule.requirements) <= known


def test_every_stack_rule_has_its_function() -> None:
    """A rule over several objects names a function, and each function has its rule."""
    assert set(FUNCTIONS) == {name for name, rule in RULES.items() if isinstance(rule, StackRule)}


@judges
def test_finding_says_requirement_place_and_mend() -> None:
    """A person who reads a finding knows what is asked, where it fails, what was found and what to do."""
    file = FOLDER / "published-service-dual-stack" / "bad" / "ipv4-only.yaml"
    (finding,) = judge_all([RULES["published-service-dual-stack"]], documents(file))
    assert str(finding) == (
        "[GVC-IP6-03, GVC-IP6-01] Service one-stop/web: spec.ipFamilyPolicy is SingleStack; "
        "allowed: RequireDualStack. To mend: set spec.ipFamilyPolicy to RequireDualStack"
    )


@judges
def test_object_of_another_kind_is_left_alone() -> None:
    """A rule judges the kinds that it names."""
    manifest = {"apiVersion": "example/v1", "kind": "Service", "spec": {}}
    assert judge_all([RULES["published-service-dual-stack"]], [manifest]) == []


@judges
def test_object_that_cannot_be_judged_is_refused() -> None:
    """An expression that fails is a finding, as at admission, and never a pass."""
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [{"port": "http"}]}}
    (finding,) = judge_all([RULES["published-service-dual-stack"]], [manifest])
    assert "cannot be judged" in finding.found
    assert "ports.port" in finding.found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: A", "titel: A", "title"),
        ("severity: high", "severity: urgent", "severity"),
        ("GVC-IP6-03", "IP6-03", "requirements"),
        ("id: published-service-dual-stack", "id: another", "not the name of its folder"),
        ("kinds:", "kinds: [", "rule.yaml"),
        ("kinds:", "matches: workload\nkinds:", "matches: 'workload' is none of bindings"),
        ("levels: [1, 2,", "levels: [1,", "levels: .*give one level and all above it"),
    ],
)
def test_rule_file_with_a_mistake_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A mistake in a rule file is found when it is read, with the file and the field."""
    file = changed(tmp_path, old, new)
    with pytest.raises(KitError, match=said) as caught:
        read(file)
    assert str(file) in caught.value.message


@judges
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("has(object.spec.type) &&", "has(object.spec.type &&", "Syntax error: missing"),
        ("has(object.spec.type) &&", "isIPv4(object.spec.type) &&", "undeclared reference to 'isIPv4'"),
        ("has(object.spec.type) &&", "variables.none &&", "undefined field 'none'"),
        ("has(object.spec.type) &&", "subject.spec.type &&", "undeclared reference to 'subject'"),
        ("has(object.spec.type) &&", "[1, 'a'].size() == 2 &&", "expected type 'int' but found 'string'"),
        ("has(object.spec.type) &&", "object.spec.type.matches('(') &&", "invalid matches argument"),
        ("has(object.spec.type) &&", "authorizer.path('/') != null &&", "undeclared reference to 'authorizer'"),
        ("== 'RequireDualStack')", "== 'RequireDualStack') ? object.a : object.b", "must give bool, but gives dyn"),
    ],
)
def test_expression_that_admission_would_not_take_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A mistake in an expression is found when the rule is loaded, with file, line, field and the words in question."""
    file = changed(tmp_path, old, new)
    line = file.read_text(encoding="utf-8").split("expression:")[0].count("\n") + 1
    rule = read(file)
    assert isinstance(rule, Compiled)
    with pytest.raises(KitError, match=re.escape(said)) as caught:
        engine().load([rule])
    assert caught.value.message.startswith(f"{file}:{line}: validations[0].expression: ")
    assert "\n" not in caught.value.message


@judges
def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Who mends a rule file sees all that is wrong with its expressions."""
    file = changed(tmp_path, "has(object.spec.type) &&", "none &&")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("'spec.ipFamilyPolicy is ' +", "1 +"), encoding="utf-8")
    rule = read(file)
    assert isinstance(rule, Compiled)
    with pytest.raises(KitError, match=r"expression: .*; .*found: "):
        engine().load([rule])


@judges
def test_copy_of_a_rule_is_read(tmp_path: Path) -> None:
    """The mutations above fail for their mistake: the file without one is read and loaded."""
    rule = read(changed(tmp_path, "kinds:", "kinds:"))
    assert isinstance(rule, Compiled)
    engine().load([rule])


def changed(folder: Path, old: str, new: str) -> Path:
    """Write a copy of a rule's file with a change in it."""
    text = (FOLDER / "published-service-dual-stack" / "rule.yaml").read_text(encoding="utf-8")
    assert old in text
    file = folder / "published-service-dual-stack" / "rule.yaml"
    file.parent.mkdir()
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file
