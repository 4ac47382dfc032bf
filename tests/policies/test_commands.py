"""`govcloud policies`, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from core.errors import KitError
from govcloud import policies_commands
from policies.admission_groups import RULES
from policies.rules import FOLDER, Compiled, StackRule, shipped

RUNNER = CliRunner()
GOOD = FOLDER / "published-service-dual-stack" / "good" / "dual-stack.yaml"
BAD = FOLDER / "published-service-dual-stack" / "bad" / "prefer.yaml"
SERVICE = "/".join(yaml.safe_load(BAD.read_text(encoding="utf-8"))["metadata"][it] for it in ("namespace", "name"))
CHECK = ["check", "--level", "3", str(BAD), "--waivers"]


def test_list_shows_every_rule() -> None:
    """Each rule is listed."""
    shown = RUNNER.invoke(policies_commands.app, ["list"])
    assert shown.exit_code == 0
    assert all(file.parent.name[:12] in shown.output for file in FOLDER.glob("*/rule.yaml"))


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
def test_check_passes_and_refuses() -> None:
    """The exit code tells a script what the lines tell a person; level and format are what is asked for."""
    assert RUNNER.invoke(policies_commands.app, ["check", "--level", "3", str(GOOD)]).exit_code == 0
    refused = RUNNER.invoke(policies_commands.app, ["check", "--level", "3", str(GOOD), str(BAD)])
    assert refused.exit_code == 30
    assert f"{BAD}:1: high: published-service-dual-stack: [GVC-IP6-03" in refused.stdout
    as_json = RUNNER.invoke(policies_commands.app, ["check", "--level", "3", "--format", "json", str(BAD)])
    assert json.loads(as_json.stdout)["findings"][0]["line"] == 1
    assert RUNNER.invoke(policies_commands.app, ["check", "--level", "6", str(GOOD)]).exit_code == 2


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
@pytest.mark.parametrize(
    ("manifest", "expires", "code"), [(BAD, "2099-12-31", 0), (BAD, "2020-01-01", 30), (GOOD, "2099-12-31", 1)]
)
def test_check_takes_waivers(tmp_path: Path, manifest: Path, expires: str, code: int) -> None:
    """A waived finding is printed and counted; a waiver that expired or frees nothing is told and is a fault."""
    file = tmp_path / "waivers.yaml"
    file.write_text(waiver(expires=expires, resource=f"Service {SERVICE}"), encoding="utf-8")
    outcome = RUNNER.invoke(policies_commands.app, ["check", "--level", "3", "--waivers", str(file), str(manifest)])
    assert outcome.exit_code == code
    if code == 0:
        assert f"{manifest}:1: waived until 2099-12-31: published-service-dual-stack" in outcome.stdout
        assert outcome.stderr == "1 objects: no rule is violated, 1 waived\n"
    else:
        assert f"{file}:2: error: waiver: published-service-dual-stack, Service {SERVICE}: " in outcome.stdout


def test_render_gives_a_policy_and_its_binding() -> None:
    """What is printed can be given to an API server: policies that refuse, each with its binding."""
    documents = list(yaml.safe_load_all(RUNNER.invoke(policies_commands.app, ["render"]).stdout))
    policies = {it["metadata"]["name"]: it for it in documents if it["kind"] == "ValidatingAdmissionPolicy"}
    bindings = {it["spec"]["policyName"]: it for it in documents if it["kind"] == "ValidatingAdmissionPolicyBinding"}
    rules = [it.rule.id for it in shipped() if isinstance(it, Compiled)]
    assert set(policies) == set(bindings)
    assert sorted(it for policy in policies.values() for it in held(policy)) == sorted(rules)
    assert all(it["spec"]["failurePolicy"] == "Fail" for it in policies.values())
    assert {action for it in bindings.values() for action in it["spec"]["validationActions"]} == {"Deny", "Warn"}


def held(policy: dict[str, Any]) -> list[str]:
    """Return the rules of a policy: those that its annotation names, or the one of its name."""
    name = policy["metadata"]["name"].removeprefix("govcloud-")
    return str(policy["metadata"]["annotations"].get(RULES, name)).split(",")


def test_render_leaves_out_rules_of_higher_levels() -> None:
    """A cluster of a low level gets no rule that holds only above it."""
    single = [it.rule for it in shipped() if isinstance(it, Compiled)]
    for level in (1, 3, 5):
        shown = yaml.safe_load_all(RUNNER.invoke(policies_commands.app, ["render", "--level", str(level)]).stdout)
        rules = [it for policy in shown if policy["kind"] == "ValidatingAdmissionPolicy" for it in held(policy)]
        assert sorted(rules) == sorted(it.id for it in single if it.levels[0] <= level)


@pytest.mark.parametrize("rule", shipped(), ids=lambda it: it.id if isinstance(it, StackRule) else it.rule.id)
def test_explain_says_what_a_rule_asks(rule: Compiled | StackRule) -> None:
    """Title, requirements, what is allowed and the mend of every rule are told."""
    known = rule if isinstance(rule, StackRule) else rule.rule
    told = RUNNER.invoke(policies_commands.app, ["explain", known.id]).stdout
    assert known.title in told
    assert all(requirement in told for requirement in known.requirements)
    assert "to mend" in told


def test_explain_of_a_rule_that_is_not_there() -> None:
    """A typing mistake is answered with what was meant."""
    outcome = RUNNER.invoke(policies_commands.app, ["explain", "pod-secomp"])
    assert isinstance(outcome.exception, KitError)
    assert outcome.exception.hint == "did you mean pod-seccomp?"


def waiver(**changed: str) -> str:
    fields = {
        "rule": "published-service-dual-stack",
        "resource": "Service test/web",
        "reason": "no IPv6 before March",
        "owner": "An",
        "approver": "Bình",
        "expires": "2099-12-31",
    }
    return yaml.safe_dump({"waivers": [fields | changed]}, allow_unicode=True)


def test_render_leaves_out_what_is_waived(tmp_path: Path) -> None:
    """The file of waivers drives admission too."""
    file = tmp_path / "waivers.yaml"
    file.write_text(waiver(), encoding="utf-8")
    shown = RUNNER.invoke(policies_commands.app, ["render", "--waivers", str(file)]).stdout
    freed = [it for it in yaml.safe_load_all(shown) if it["spec"].get("matchConditions")]
    assert [it["metadata"]["name"] for it in freed] == ["govcloud-published-service-dual-stack"]


@pytest.mark.parametrize(("expires", "code"), [("2099-12-31", 0), ("2020-01-01", 1)])
def test_waivers_are_shown_and_checked(tmp_path: Path, expires: str, code: int) -> None:
    """The command shows each waiver, and ends with a fault when one has expired."""
    file = tmp_path / "waivers.yaml"
    file.write_text(waiver(expires=expires), encoding="utf-8")
    shown = RUNNER.invoke(policies_commands.app, ["waivers", str(file), "--json"])
    assert shown.exit_code == code
    assert f'"expires": "{expires}"' in shown.stdout


def test_wrong_waivers_are_refused(tmp_path: Path) -> None:
    """A file with a mistake is named with its line, and nothing is rendered."""
    file = tmp_path / "waivers.yaml"
    file.write_text(waiver(rule="none"), encoding="utf-8")
    for arguments in (["waivers", str(file)], ["render", "--waivers", str(file)], [*CHECK, str(file)]):
        outcome = RUNNER.invoke(policies_commands.app, arguments)
        assert isinstance(outcome.exception, KitError)
        assert f"{file}:" in outcome.exception.message
        assert outcome.stdout == ""
