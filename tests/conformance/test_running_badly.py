"""A run against clouds that answer badly, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance.results import Verdict
from conformance.run import FOLDER, audit
from govcloud.audit_commands import app
from tests.certificates import Certificate
from tests.conformance import servers
from tests.conformance.cloud_api import CloudApi
from tests.conformance.making import ended, write_checks
from tests.conformance.servers import Server

LEAVES = """
    from conformance import workloads

    @requirement("GVC-NET-01")
    def test_a_leaves(tenant_a, run_id, evidence):
        tenant_a.api.create(tenant_a.path("pods"), workloads.client(f"audit-{run_id}-client", "image", run=run_id))
        note(evidence, "left")

    @requirement("GVC-ISO-01")
    def test_b_waits(evidence):
        (HERE / "waiting").touch()
        wait_for("go", 60)
        note(evidence, "waits")
    """

Serve = Callable[[servers.Answer], Path]


@pytest.fixture
def cloud(
    certificate: Certificate, serve: Callable[..., Server], make_target: Callable[..., Path], tmp_path: Path
) -> Serve:
    """Serve a cloud on loopback, and return the target file of it."""
    return lambda answer: make_target(
        tmp_path, f"https://127.0.0.1:{serve(certificate.context(), answer).port}", certificate.authority
    )


@pytest.fixture
def with_fixtures(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from conformance.checks.conftest import *\n")


@pytest.mark.usefixtures("with_fixtures")
@pytest.mark.parametrize("ending", ["resume", "clean"])
def test_nothing_is_left_after_a_kill(tmp_path: Path, cloud: Serve, ending: str) -> None:
    """After kill -9 the leftovers are listed; going on, or cleaning, ends with none."""
    api = CloudApi()
    target = cloud(api)
    out, _ = ended(tmp_path, target, signal.SIGKILL, LEAVES)
    (left,) = api.objects
    listed = CliRunner().invoke(app, ["clean", "--target", str(target), "--dry-run"])
    assert left.rsplit("/", 1)[1] in listed.stdout
    assert set(api.objects) == {left}
    (tmp_path / "go").touch()
    words = ["resume", str(out)] if ending == "resume" else ["clean", "--target", str(target)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert api.objects == {}


@pytest.mark.usefixtures("with_fixtures")
def test_what_a_process_left_is_gone_before_the_next_begins(tmp_path: Path, cloud: Serve) -> None:
    """A check that takes its process down after it created something: that is removed, and nothing of others."""
    api = CloudApi()
    target = cloud(api)
    file = write_checks(
        tmp_path,
        "g",
        LEAVES.replace('note(evidence, "left")', "os.kill(os.getpid(), signal.SIGKILL)").replace(
            'wait_for("go", 60)', "pass"
        ),
    )
    run = audit(target, tmp_path / "out", checks=[file])
    assert [(result.verdict, result.reason) for result in run.results] == [
        (Verdict.ERROR, "its process ended (SIGKILL) before it gave a result"),
        (Verdict.PASS, ""),
    ]
    assert api.objects == {}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (servers.hang, "Remote end closed connection"),
        (servers.garbage, "127.0.0.1 port"),
        (servers.redirect, "with a redirect (302)"),
        (servers.as_json(403, {"message": "not you"}), "the credentials are not accepted: 403 not you"),
    ],
    ids=["hang", "garbage", "redirect", "refusal"],
)
def test_a_cloud_that_answers_badly_passes_nothing(
    tmp_path: Path, cloud: Serve, answer: servers.Answer, reason: str
) -> None:
    """Every check is an ERROR with the reason in one line, no PASS and no FAIL."""
    run = audit(cloud(answer), tmp_path / "out", checks=[FOLDER / "checks" / "test_guards.py"])
    assert {result.verdict for result in run.results} == {Verdict.ERROR}
    assert all(reason in result.reason for result in run.results)
    assert "Traceback" not in (tmp_path / "out" / "results.json").read_text()
    assert run.exit_code == 2


def test_a_cloud_with_another_certificate_passes_nothing(
    tmp_path: Path,
    serve: Callable[..., Server],
    certificate: Certificate,
    make_target: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A server that another authority signed is asked nothing, and nothing is believed of it."""
    server = serve(Certificate(tmp_path_factory.mktemp("other")).context(), CloudApi())
    target = make_target(tmp_path, f"https://127.0.0.1:{server.port}", certificate.authority)
    run = audit(target, tmp_path / "out", checks=[FOLDER / "checks" / "test_guards.py"])
    assert {result.verdict for result in run.results} == {Verdict.ERROR}
    assert all("certificate" in result.reason for result in run.results)


def test_too_few_rights_spoil_what_they_touch_alone(tmp_path: Path, cloud: Serve) -> None:
    """Without pods/create the checks that ask for pods are ERROR with the reason; a Service is still asked for."""
    api = CloudApi(denied={"create pods"})
    run = audit(cloud(api), tmp_path / "out", checks=[FOLDER / "checks" / "test_guards.py"])
    by = {result.name.removeprefix("guards."): result for result in run.results}
    assert by["privileged_pod_is_refused"].verdict is Verdict.ERROR
    assert "you may not create pods" in by["privileged_pod_is_refused"].reason
    assert by["node_port_is_refused"].verdict is Verdict.FAIL  # this API takes any Service
    assert Verdict.PASS not in {result.verdict for result in run.results}


def test_a_probe_image_that_cannot_start_is_an_error_soon(tmp_path: Path, cloud: Serve) -> None:
    """What waits for the pods is ERROR with the reason of the node; what needs no pod is decided."""

    def never_ready(item: dict[str, object]) -> None:
        waiting = {"reason": "ImagePullBackOff", "message": "no such image: nowhere/agnhost"}
        item["status"] = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]}

    api = CloudApi(decorate=never_ready)
    began = time.monotonic()
    run = audit(
        cloud(api),
        tmp_path / "out",
        checks=[FOLDER / "checks" / f"test_{name}.py" for name in ("isolation", "dual_stack")],
        only="deny or pods or require",
    )
    assert time.monotonic() - began < 45
    undecided = [result for result in run.results if result.verdict is Verdict.ERROR]
    assert len(undecided) >= 8
    assert {result.reason.partition(": ")[2] for result in undecided} == {
        "ImagePullBackOff: no such image: nowhere/agnhost"
    }
    assert {result.name for result in run.results if result.verdict is Verdict.PASS} >= {
        "dual_stack.service_may_require_both_families"
    }
    assert api.objects == {}


def test_pytest_makes_the_same_checks(tmp_path: Path, cloud: Serve) -> None:
    """``pytest conformance --target FILE`` needs nothing of the command, and tidies up itself."""
    api = CloudApi()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=line", "conformance", f"--target={cloud(api)}", "-k", "guards"],
        cwd=FOLDER.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr  # this API refuses nothing
    assert "a pod with privileged: true is not refused" in done.stdout
    assert api.objects == {}
