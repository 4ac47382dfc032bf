"""What `govcloud agency apply|preview|status` say before they ask a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi.automation.events import EngineEvent, OpType, ResourcePreEvent, StepEventMetadata, StepEventStateMetadata
from typer.testing import CliRunner

from core.errors import KitError
from core.paths import REPOSITORY
from govcloud import agency_commands, agency_stacks, onboarding
from modules.onboarding import register
from modules.onboarding.register import Entry
from toolchain.automation import Step, _Heard

FILE = REPOSITORY / "data" / "agencies" / "quang-ninh.yaml"
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give an environment whose cluster does not answer, and an engine that is never started."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG, encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    (tmp_path / "bin" / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setenv("GOVCLOUD_RECORDS", str(tmp_path / "records"))


def refused(*words: str | Path) -> KitError:
    result = CliRunner().invoke(agency_commands.app, [str(word) for word in words])
    assert isinstance(result.exception, KitError), result.output
    return result.exception


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("apply",), "what is to be applied is not clear"),
        (("apply", "x.yaml", "--all", "folder"), "what is to be applied is not clear"),
        (("apply", FILE, "-c", "logs"), "--config logs: not of the form KEY=VALUE"),
        (("apply", FILE, "-c", "nothing=1"), "agc:nothing is not a key of this stack"),
        (("apply", FILE, "-c", "logs=nowhere"), "agc:logs 'nowhere' cannot be used"),
        (("apply", FILE, "--kubeconfig", "nothing"), "kubeconfig of the cluster: "),
        (("apply", "nothing.yaml"), "nothing.yaml: "),
        (("apply", "--all", "nothing"), "nothing: not a folder"),
        (("apply", REPOSITORY / "data" / "agencies" / "ha-long.yaml"), "22.2025-07-01 above it has not been applied"),
        (("preview", FILE), "/kubeconfig does not answer: "),
        (("apply", FILE), "/kubeconfig does not answer: "),
        (("status",), "which agency is not clear"),
        (("status", "22", "--all"), "which agency is not clear"),
        (("status", "22"), "22: no agency of this code, key or stack is known"),
    ],
    ids=lambda it: " ".join(getattr(word, "name", word) for word in it) if isinstance(it, tuple) else "",
)
def test_refusal_is_one_line_and_leaves_nothing(tmp_path: Path, words: tuple[str | Path, ...], said: str) -> None:
    """Each mistake is told in one line that says where, and no record is begun."""
    error = refused(*words)
    assert said in error.message
    assert "\n" not in error.message
    assert error.hint
    assert not (tmp_path / "records").exists()


def test_environment_without_a_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names no cluster learns how to."""
    monkeypatch.delenv("KUBECONFIG")
    with pytest.raises(KitError, match="kubeconfig of the cluster: none is named"):
        agency_stacks.environment()


def test_status_of_a_cluster_that_is_away(tmp_path: Path) -> None:
    """What is known is shown although the cluster does not answer, and that it does not is said."""
    facts = {"key": "22.2025-07-01", "stack": "quang-ninh-22-250701", "kind": "province", "cluster": "cgc-1"}
    where = {"file": str(FILE), "kubeconfig": str(tmp_path / "kubeconfig"), "state": "failed", "why": "no room"}
    register.write(tmp_path / "records", Entry.model_validate({**facts, **where}))
    for words in (["status", "22"], ["status", "--all"], ["status", str(FILE)]):
        result = CliRunner().invoke(agency_commands.app, words, catch_exceptions=False)
        assert result.exit_code == 0
        assert "quang-ninh-22-250701" in result.stdout
        assert "no room" in result.stdout
        assert "not applied yet" in result.stdout


def namespace(action: str, environment: str | None) -> Step:
    facts = {"govcloud.local/environment": environment} if environment else {}
    return Step(action, onboarding.NAMESPACE, "n", (), {"metadata": {"name": f"agc-{environment}", "labels": facts}})


@pytest.mark.parametrize("action", ["delete", "replace", "delete-replaced"])
@pytest.mark.parametrize("environment", ["production", None])
def test_lost_production_needs_two(action: str, environment: str | None) -> None:
    """A namespace that says nothing about its environment is taken for production."""
    steps = [namespace(action, environment), namespace("delete", "test")]
    with pytest.raises(KitError, match=f"x: deletes production: agc-{environment}, with all data in it"):
        onboarding.approvers("x", steps, ["An"])
    assert onboarding.approvers("x", steps, ["An", "Bình"]) == ("An", "Bình")


def test_what_loses_no_production_needs_nobody() -> None:
    """Trials may go, and other resources; what is made or changed needs no names."""
    others = [namespace("delete", "test"), namespace("create", "production"), namespace("update", "production")]
    role = Step("delete", "kubernetes:rbac.authorization.k8s.io/v1:Role", "r")
    assert onboarding.approvers("x", [*others, role], []) == ()


def test_steps_are_heard_with_what_changes() -> None:
    """A preview tells each change, what in it changes, and what stood there before; what stays is not told."""
    urn = "urn:pulumi:s::agc::kubernetes:core/v1:Namespace::agc-x"
    old = StepEventStateMetadata("t", urn, "agc-x", "", "", inputs={"metadata": {"name": "agc-x"}})
    heard = _Heard()
    for op in (OpType.SAME, OpType.UPDATE):
        metadata = StepEventMetadata(op, urn, onboarding.NAMESPACE, "", old, None, diffs=["metadata"])
        heard.add(EngineEvent(0, 0, resource_pre_event=ResourcePreEvent(metadata)))
    (step,) = heard.steps
    assert (step.action, step.type, step.name) == ("update", onboarding.NAMESPACE, "agc-x")
    assert (step.fields, step.old) == (("metadata",), {"metadata": {"name": "agc-x"}})
