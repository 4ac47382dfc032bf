"""Joined admission policies say what the single ones said."""

from __future__ import annotations

import re
from typing import Any

import pytest

from policies.admission import render
from policies.admission_groups import RULES, grouped
from policies.rules import Compiled, about, shipped

SINGLE = [document for rule in shipped() if isinstance(rule, Compiled) for document in render(rule)]
JOINED = grouped(SINGLE)
POLICIES = [it for it in JOINED if it["kind"] == "ValidatingAdmissionPolicy"]


def expanded(policy: dict[str, Any], text: str) -> str:
    """Put each variable's own expression in its place, so that names no longer matter."""
    texts: dict[str, str] = {}

    def known(match: re.Match[str]) -> str:
        return f"({texts[match[1]]})"

    for variable in policy["spec"]["variables"]:
        texts[variable["name"]] = re.sub(r"\bvariables\.(\w+)", known, variable["expression"])
    return re.sub(r"\bvariables\.(\w+)", known, text)


def judgements(documents: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return every validation with what it matches, where it holds and what it does, names of variables aside."""
    bindings = {it["spec"]["policyName"]: it["spec"] for it in documents if "policyName" in it["spec"]}
    found = []
    for it in documents:
        if it["kind"] == "ValidatingAdmissionPolicy":
            acts = {key: value for key, value in bindings[it["metadata"]["name"]].items() if key != "policyName"}
            for check in it["spec"]["validations"]:
                texts = [expanded(it, check[key]) for key in ("expression", "messageExpression")]
                found.append((str(it["spec"]["matchConstraints"]), str(acts), *texts, check["message"]))
    return sorted(found)


def test_no_judgement_is_lost_or_changed() -> None:
    """What single policies refuse, joined ones refuse, with the same words."""
    assert judgements(JOINED) == judgements(SINGLE)


def test_few_policies_judge_a_deployment() -> None:
    """The API server goes through a quarter of the policies at most."""

    def on_deployments(documents: list[dict[str, Any]]) -> int:
        rules = [it["spec"].get("matchConstraints", {}).get("resourceRules", []) for it in documents]
        return sum(any("deployments" in rule["resources"] for rule in own) for own in rules)

    assert on_deployments(JOINED) <= on_deployments(SINGLE) / 3


def test_names_are_unique_and_short_enough() -> None:
    """Each policy has a name of its own that the API server takes."""
    names = [it["metadata"]["name"] for it in POLICIES]
    assert len(set(names)) == len(names)
    assert all(len(it) <= 253 and re.fullmatch("[a-z0-9-]+", it) for it in names)


@pytest.mark.parametrize("rule", ["pod-seccomp", "image-digest"])
def test_policy_with_conditions_stays_alone(rule: str) -> None:
    """What is waived for one rule stays judged by the others."""
    documents = [{**it, "spec": dict(it["spec"])} for it in SINGLE]
    (own,) = (it for it in documents if it["metadata"]["name"] == f"govcloud-{rule}" and "validations" in it["spec"])
    own["spec"]["matchConditions"] = [{"name": "not-waived", "expression": "false"}]
    made = grouped(documents)
    alone = [it for it in made if it["spec"].get("matchConditions")]
    assert alone == [own]
    held = [it["metadata"]["annotations"].get(RULES, "") for it in made if it["kind"] == "ValidatingAdmissionPolicy"]
    assert not any(rule in it.split(",") for it in held)


def test_every_rule_is_named_in_what_it_says() -> None:
    """Who is refused knows by which rule, although the policy holds many."""
    for rule in (it for it in shipped() if isinstance(it, Compiled)):
        for document in render(rule):
            for check in document["spec"].get("validations", ()):
                assert check["message"].startswith(f"{about(rule).id} [")


def test_what_passes_builds_no_message() -> None:
    """The API server evaluates the message of every validation at every request, and shows those of what it refuses."""
    for policy in POLICIES:
        for check in policy["spec"]["validations"]:
            assert check["messageExpression"].startswith(f"({check['expression']}) ? '' : ")
