"""What audits left behind is listed and removed, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance import cleaning, workloads
from conformance import target as targets
from conformance.cleaning import Leftover
from conformance.target import Target
from govcloud.audit_commands import app
from tests.certificates import Certificate
from tests.conformance.cloud_api import CloudApi
from tests.conformance.servers import Server

PODS = "/api/v1/namespaces/{}/pods"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
SECRETS = "/api/v1/namespaces/{}/secrets"
FOREIGN = PODS.format("one") + "/somebody-elses"


@pytest.fixture
def api() -> CloudApi:
    """Return a cloud in which runs left four things, and a pod that is none of the audit's."""
    kept = CloudApi()
    for path, manifest in (
        (PODS.format("one"), workloads.client("audit-x-client", "image", run="x")),
        (PODS.format("two"), workloads.client("audit-y-stranger", "image", run="y")),
        (POLICIES.format("one"), workloads.allow_egress("x", namespace="one")),
        (SECRETS.format("two"), {"metadata": {"name": workloads.STORED, "labels": workloads.labels("x")}}),
        (PODS.format("one"), {"metadata": {"name": "somebody-elses", "labels": {"app": "shop"}}}),
    ):
        kept.objects[f"{path}/{manifest['metadata']['name']}"] = manifest
    return kept


@pytest.fixture
def target_path(
    api: CloudApi,
    certificate: Certificate,
    serve: Callable[..., Server],
    make_target: Callable[..., Path],
    tmp_path: Path,
) -> Path:
    server = serve(certificate.context(), api)
    return make_target(tmp_path, f"https://127.0.0.1:{server.port}", certificate.authority)


@pytest.fixture
def target(target_path: Path) -> Target:
    return targets.load(target_path)


def test_what_is_left_is_found_by_its_label(target: Target) -> None:
    """Of all tenants, kinds and runs, with what says where it came from."""
    found = cleaning.find(target)
    assert {(item.owner, item.kind, item.name, item.run) for item in found.left} == {
        ("tenant a", "pods", "one/audit-x-client", "x"),
        ("tenant a", "networkpolicies", f"one/{workloads.EGRESS_POLICY}", "x"),
        ("tenant b", "secrets", f"two/{workloads.STORED}", "x"),
        ("tenant b", "pods", "two/audit-y-stranger", "y"),
    }
    assert found.unseen == ()


def test_one_run_is_swept_without_the_others(api: CloudApi, target: Target) -> None:
    """What another run has stays, and so does what is no audit's."""
    assert cleaning.sweep_all(target, "x") == []
    assert set(api.objects) == {FOREIGN, PODS.format("two") + "/audit-y-stranger"}


def test_what_would_not_go_is_named(api: CloudApi, target: Target) -> None:
    """A place that may not be looked at and a thing that may not be removed are lines; the rest goes."""
    api.denied = {"list services", "delete audit-x-client"}
    failed = cleaning.sweep_all(target)
    assert "tenant a: too few rights for the audit to GET /api/v1/namespaces/one/services" in failed[0]
    api.denied = {"delete audit-x-client"}
    (line,) = cleaning.sweep_all(target)
    assert line.startswith("pods one/audit-x-client: too few rights for the audit to DELETE")
    assert set(api.objects) == {FOREIGN, PODS.format("one") + "/audit-x-client"}


def test_what_was_removed_is_seen_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that takes its time is waited for; one that never ends is named."""
    looks = iter([True, True, False])
    slow = Leftover("tenant a", "pods", "one/slow", "x", "", remove=lambda: None, there=lambda: next(looks))
    assert cleaning.remove([slow]) == []
    assert list(looks) == []
    stuck = Leftover("tenant a", "pods", "one/stuck", "x", "", remove=lambda: None, there=lambda: True)
    monkeypatch.setattr(cleaning, "GONE_SECONDS", 0.0)
    assert cleaning.remove([stuck]) == ["pods one/stuck: still there after 0 s"]


def test_clean_shows_a_list_before_it_removes(api: CloudApi, target_path: Path) -> None:
    """A dry run lists and removes nothing; then all goes; then nothing is left."""
    before = dict(api.objects)
    words = ["clean", "--target", str(target_path)]
    done = CliRunner().invoke(app, [*words, "--dry-run", "--json"])
    assert done.exit_code == 0, done.output
    assert [item["name"] for item in json.loads(done.stdout)["left"]] == [
        f"one/{workloads.EGRESS_POLICY}",
        "one/audit-x-client",
        f"two/{workloads.STORED}",
        "two/audit-y-stranger",
    ]
    assert api.objects == before
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "audit-y-stranger" in done.stdout
    assert "4 removed." in done.stderr
    assert set(api.objects) == {FOREIGN}
    assert "Nothing of an audit is left." in CliRunner().invoke(app, words).stderr


def test_clean_says_what_stays(api: CloudApi, target_path: Path) -> None:
    """Exit code 2, and a line for each thing that may still be there."""
    api.denied = {"delete audit-x-client"}
    done = CliRunner().invoke(app, ["clean", "--target", str(target_path)])
    assert done.exit_code == 2
    assert "3 removed." in done.stderr
    assert "pods one/audit-x-client" in done.stderr


def test_clean_of_nothing_is_explained() -> None:
    """Without a target and without a kubeconfig there is nothing to do."""
    done = CliRunner().invoke(app, ["clean"])
    assert done.exit_code == 2
    assert "nothing says what to clean" in done.stderr
