"""Reading a real cluster: in pages, with no more than rights to read, and saying what could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client, config
from typer.testing import CliRunner

from core.errors import KitError
from govcloud import policies_commands
from policies import live
from policies.rules import shipped
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("judging")]

PLACE = "test-audit"
RUNNER = CliRunner()
RULE = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}


@pytest.fixture(scope="module")
def cluster(testbed: Testbed) -> Iterator[Path]:
    """Give a cluster on which one namespace holds Services of one family."""
    core = client.CoreV1Api(config.new_client_from_config(str(testbed.kubeconfig())))
    core.create_namespace({"metadata": {"name": PLACE}})
    try:
        for number in range(5):
            body = {"metadata": {"name": f"web-{number}"}, "spec": {"ports": [{"port": 80}]}}
            core.create_namespaced_service(PLACE, body)
        yield testbed.kubeconfig()
    finally:
        core.delete_namespace(PLACE)


def as_account(kubeconfig: Path, folder: Path, name: str) -> Path:
    """Return a kubeconfig of a new service account."""
    core = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    core.create_namespaced_service_account(PLACE, {"metadata": {"name": name}})
    token = core.create_namespaced_service_account_token(name, PLACE, {"spec": {"expirationSeconds": 600}})
    content = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    content["users"][0]["user"] = {"token": token.status.token}
    path = folder / "account.kubeconfig"
    path.write_text(yaml.safe_dump(content))
    path.chmod(0o600)
    return path


def may_list_everything(kubeconfig: Path) -> bool:
    """Ask the API server, as the account, what it knows of its rights."""
    api = client.AuthorizationV1Api(config.new_client_from_config(str(kubeconfig)))
    attributes = {"verb": "list", "group": "*", "resource": "*"}
    review = api.create_self_subject_access_review({"spec": {"resourceAttributes": attributes}})
    return bool(review.status.allowed)


def run(*arguments: str) -> Any:
    return RUNNER.invoke(policies_commands.app, ["audit", "--level", "1", *arguments])


def test_pages_hold_everything(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages give what large ones do."""
    whole = live.Cluster(cluster).read(live.resources(shipped()), [PLACE], lambda *_: None)
    monkeypatch.setattr(live, "PAGE", 2)
    heard: list[int] = []
    parts = live.Cluster(cluster).read(
        [("v1", "Namespace", "namespaces"), ("v1", "Service", "services")],
        [PLACE],
        lambda _, count: heard.append(count),
    )
    assert max(heard) == 2
    services = {it["metadata"]["name"] for it in whole.manifests if it["kind"] == "Service"}
    assert services == {it["metadata"]["name"] for it in parts.manifests if it["kind"] == "Service"}
    assert services == {f"web-{number}" for number in range(5)}
    assert whole.refused == []


def test_command_finds_and_says_what_it_left_out(cluster: Path) -> None:
    """Only what was asked for is judged, and nobody can overlook that."""
    done = run("--kubeconfig", str(cluster), "--namespace", PLACE, "--format", "json")
    content = json.loads(done.stdout)
    found = {it["resource"] for it in content["findings"] if it["rule"] == "published-service-dual-stack"}
    assert found == {f"Service {PLACE}/web-{number}" for number in range(5)}
    assert "kube-system" in content["namespaces_not_judged"]
    assert f"ONLY 1 NAMESPACES WERE JUDGED: {PLACE}" in done.stderr
    assert done.exit_code >= 30


def test_rights_to_read_are_enough(cluster: Path, tmp_path: Path) -> None:
    """An account that may only get and list runs the whole audit."""
    rbac = client.RbacAuthorizationV1Api(config.new_client_from_config(str(cluster)))
    rbac.create_cluster_role({"metadata": {"name": PLACE}, "rules": [RULE]})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": PLACE}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": PLACE}
    try:
        binding = {"metadata": {"name": PLACE}, "roleRef": reference, "subjects": [subject]}
        rbac.create_cluster_role_binding(binding)
        account = as_account(cluster, tmp_path, "reader")
        eventually(lambda: may_list_everything(account), "the rights are in force")
        done = run("--kubeconfig", str(account), "--format", "json")
        assert json.loads(done.stdout)["errors"] == []
    finally:
        rbac.delete_cluster_role_binding(PLACE)
        rbac.delete_cluster_role(PLACE)


def test_what_may_not_be_read_is_no_pass(cluster: Path, tmp_path: Path) -> None:
    """An account without rights gets no verdict: each kind is named with the server's words."""
    done = run("--kubeconfig", str(as_account(cluster, tmp_path, "nobody")))
    assert done.exit_code == 1
    assert "error: not read, so not judged: services (v1): 403" in done.stdout


def test_context_is_chosen(cluster: Path) -> None:
    """A context that the kubeconfig does not have is named."""
    done = run("--kubeconfig", str(cluster), "--context", "nowhere")
    assert isinstance(done.exception, KitError)
    assert "nowhere" in done.exception.message
