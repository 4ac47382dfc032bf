"""`govcloud policies`, as a person calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from core.errors import KitError
from govcloud import policies_commands
from policies.admission_groups import RULES
from policies.rules import FOLDER, Compiled, shipped

RUNNER = CliRunner()
GOOD = FOLDER / "published-service-dual-stack" / "good" / "dual-stack.yaml"
BAD = FOLDER / "published-service-dual-stack" / "bad" / "prefer.yaml"


def test_list_shows_every_rule() -> None:
    """Each rule is listed."""
    shown = RUNNER.invoke(policies_commands.app, ["list"])
    assert shown.exit_code == 0
    assert all(file.parent.name[:12] in shown.output for file in FOLDER.glob("*/rule.yaml"))


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
def test_check_passes_and_refuses() -> None:
    """The exit code tells a script what the lines tell a person."""
    assert RUNNER.invoke(policies_commands.app, ["check", str(GOOD)]).exit_code == 0
    refused = RUNNER.invoke(policies_commands.app, ["check", str(GOOD), str(BAD)])
    assert refused.exit_code == 1
    assert "GVC-IP6-03" in refused.stdout


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
def test_check_reads_lists(tmp_path: Path) -> None:
    """Objects inside a List are judged one by one."""
    file = tmp_path / "list.yaml"
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(BAD.read_text())]}))
    assert RUNNER.invoke(policies_commands.app, ["check", str(file)]).exit_code == 1


@pytest.mark.toolchain
@pytest.mark.usefixtures("judging")
@pytest.mark.parametrize("text", ["a: [", "- a\n", "text\n", "a: 1\n"])
def test_check_refuses_what_is_no_manifest(tmp_path: Path, text: str) -> None:
    """A file without objects is named."""
    file = tmp_path / "file.yaml"
    file.write_text(text)
    outcome = RUNNER.invoke(policies_commands.app, ["check", str(file)])
    assert isinstance(outcome.exception, KitError)
    assert str(file) in outcome.exception.message


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
