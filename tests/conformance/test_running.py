"""A run from its begin to its end, whatever happens to it: in several processes, ended early, gone on with."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from conformance import cleaning, outcomes, processes, tenants, unfinished
from conformance import target as targets
from conformance.processes import Standing, Work
from conformance.results import Run, Subject, Verdict
from conformance.run import FOLDER, audit, resume
from conformance.target import PROBE_IMAGE
from core.errors import KitError
from govcloud.audit_commands import app
from tests.certificates import Certificate
from tests.conformance import servers
from tests.conformance.cloud_api import CloudApi
from tests.conformance.runs import result
from tests.conformance.servers import Server
from tests.waiting import eventually

HEADER = """
import os, signal, time
from pathlib import Path
import pytest
from conformance.plugin import requirement, serial

HERE = Path(__file__).parent

def note(evidence, name):
    evidence.add("look", name)
    with (HERE / "made").open("a") as file:
        file.write(f"{name} ")

def wait_for(name, seconds=20):
    deadline = time.monotonic() + seconds
    while not (HERE / name).exists():
        assert time.monotonic() < deadline, f"{name} did not come"
        time.sleep(0.02)
"""


def write_checks(folder: Path, name: str, body: str) -> Path:
    file = folder / f"test_{name}.py"
    file.write_text(HEADER + textwrap.dedent(body))
    return file


def verdicts(run: Run) -> dict[str, Verdict]:
    return {result.name.partition(".")[2]: result.verdict for result in run.results}


# --- several processes ---


def test_groups_run_beside_each_other_and_the_checks_of_a_group_do_not(tmp_path: Path, target_file: Path) -> None:
    """Two files wait for each other and both pass; two checks that share a resource, in two files, never overlap."""
    one = """
        @requirement("GVC-NET-01")
        def test_one(evidence):
            (HERE / "one").touch()
            wait_for("two")
            note(evidence, "one")
        """
    exclusive = """
        @requirement("GVC-NET-01")
        @serial("disk")
        def test_{0}(evidence):
            (HERE / "disk").mkdir()
            time.sleep(0.3)
            (HERE / "disk").rmdir()
            note(evidence, "{0}")
        """
    other = one.replace("one", "x").replace("two", "one").replace("x", "two")
    files = [write_checks(tmp_path, "a", one + exclusive.format("three"))]
    files += [write_checks(tmp_path, "b", other + exclusive.format("four"))]
    work = Work(
        [f"--target={target_file}", *map(str, files)],
        tmp_path / "outcomes.jsonl",
        lanes=3,
        check_seconds=60,
        limit=60,
    )
    seen: list[Standing] = []
    found, _ = processes.run(work, seen.append)
    assert set(found.found) == {"a.one", "b.two", "a.three", "b.four"}
    assert {result.verdict for result in found.found.values()} == {Verdict.PASS}
    assert len(set(found.lane_of.values())) == 3
    assert (seen[-1].done, seen[-1].of, seen[-1].left) == (4, 4, None)


def test_a_check_that_holds_its_process_is_an_error_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target_file: Path
) -> None:
    """In a call into C that no signal ends, only the end of the process helps: ERROR, and the others are made."""
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)
    file = write_checks(
        tmp_path,
        "c",
        """
        import ctypes

        @requirement("GVC-NET-01")
        def test_a_stuck(evidence):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGINT})
            note(evidence, "stuck")
            ctypes.PyDLL(None).sleep(600)

        @requirement("GVC-NET-01")
        def test_b_slow(evidence):
            time.sleep(600)

        @requirement("GVC-NET-01")
        def test_c_good(evidence):
            note(evidence, "good")
        """,
    )
    run = audit(target_file, tmp_path / "out", checks=[file], check_seconds=1)
    assert {result.name: (result.verdict, result.reason) for result in run.results} == {
        "c.a_stuck": (Verdict.ERROR, "not decided within 1 s, and it could not be ended without its process"),
        "c.b_slow": (Verdict.ERROR, "not decided within 1 s"),
        "c.c_good": (Verdict.PASS, ""),
    }


def test_what_took_long_last_time_says_how_long_this_time(tmp_path: Path, target_file: Path) -> None:
    """The seconds of the run before, of the same cloud in the same folder, make the time left."""
    file = write_checks(
        tmp_path,
        "d",
        """
        @requirement("GVC-NET-01")
        @pytest.mark.parametrize("part", [1, 2])
        def test_slow(evidence, part):
            time.sleep(1)
            note(evidence, "slow")
        """,
    )
    first: list[Standing] = []
    second: list[Standing] = []
    audit(target_file, tmp_path / "out", checks=[file], progress=first.append)
    audit(target_file, tmp_path / "out", checks=[file], progress=second.append)
    assert {standing.left for standing in first if standing.of} <= {None, 0.0}
    lefts = [standing.left for standing in second if standing.of and standing.left is not None]
    assert 1.5 < lefts[0] < 3
    assert lefts == sorted(lefts, reverse=True)


# --- ended early ---

ENDED = """
    @requirement("GVC-NET-01")
    def test_a_first(evidence):
        note(evidence, "first")

    @requirement("GVC-NET-01")
    def test_b_undecided(evidence):
        note(evidence, "undecided")
        if not (HERE / "go").exists():
            raise RuntimeError("not this time")

    @requirement("GVC-ISO-01")
    def test_c_waits(evidence):
        (HERE / "waiting").touch()
        wait_for("go", 60)
        note(evidence, "waits")
    """


def ended(folder: Path, target: Path, how: signal.Signals, body: str = ENDED) -> tuple[Path, int]:
    """Begin a run in a process of its own, end that while the last check is under way, and return its folder."""
    file = write_checks(folder, "e", body)
    out = folder / "out"
    program = (
        "import signal; from pathlib import Path; from conformance.run import audit;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # ignored where the tests run in the background
        f"audit(Path({str(target)!r}), Path({str(out)!r}), checks=[Path({str(file)!r})])"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=FOLDER.parent, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not (folder / "waiting").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        kept = out / unfinished.FOLDER
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [kept, *kept.iterdir()]}
        assert modes == {"unfinished": 0o700, "run.json": 0o600, "outcomes.jsonl": 0o600, "lock": 0o600}
        process.send_signal(how)
        code = process.wait(30)
    return out, code


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_a_run_that_was_ended_goes_on(tmp_path: Path, target_file: Path, how: signal.Signals) -> None:
    """What was decided is not made again; what was not, is; the results say when the run began and when it went on."""
    out, code = ended(tmp_path, target_file, how)
    assert code != 0
    assert not (out / "results.json").exists()
    with unfinished.held(out):  # the process of the check has ended by now
        (tmp_path / "go").touch()
    began = dt.datetime.now(dt.UTC)
    run = resume(out)
    assert verdicts(run) == dict.fromkeys(("a_first", "b_undecided", "c_waits"), Verdict.PASS)
    assert (tmp_path / "made").read_text().split() == ["first", "undecided", "undecided", "waits"]
    (resumed,) = run.resumed
    assert run.started < began <= resumed < run.finished
    decided = {result.name: result.decided for result in run.results}
    first = decided["e.a_first"]
    assert first is not None
    assert run.started.replace(microsecond=0) <= first < began
    assert json.loads((out / "results.json").read_text())["resumed"] == [resumed.isoformat().replace("+00:00", "Z")]
    page = (out / "report.html").read_text().partition("Ended early")[2]
    assert f"{resumed:%d/%m/%Y %H:%M}" in page[:100]
    assert f"finished {run.finished:%d/%m/%Y %H:%M}" in page[:300]
    assert not (out / unfinished.FOLDER).exists()
    with pytest.raises(KitError, match="there is no unfinished run to go on with"):
        resume(out)


def test_a_killed_run_takes_its_processes_along(tmp_path: Path, target_file: Path) -> None:
    """The check that was under way does not go on alone, and the folder is free again."""
    out, _ = ended(tmp_path, target_file, signal.SIGKILL)
    with unfinished.held(out):
        (tmp_path / "go").touch()
        time.sleep(0.3)
    assert "waits" not in (tmp_path / "made").read_text()


def test_only_the_same_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target file or a kit that changed, or a run that is still under way, is one line and exit code 2."""
    target = tmp_path / "target.yaml"
    target.write_text("x: 1\n")
    out = tmp_path / "out"
    order = unfinished.Order(
        target=target,
        target_digest=unfinished.sha256(target),
        kit_digest=unfinished.kit_digest(),
        level=None,
        only="",
        checks=(),
        files={},
        started=dt.datetime.now(dt.UTC),
    )
    unfinished.begin(out, order)

    def refusal() -> str:
        done = CliRunner().invoke(app, ["resume", str(out)])
        assert done.exit_code == 2, done.output
        return done.stderr.splitlines()[0]

    monkeypatch.setattr(unfinished, "LOCK_SECONDS", 0.1)
    with unfinished.held(out):
        assert refusal() == f"{out}: an audit is under way in this folder"
    with monkeypatch.context() as patched:
        patched.setattr(unfinished, "kit_digest", lambda: "another")
        assert refusal() == f"{out}: the run was begun by another version of the kit or its catalogue"
    target.write_text("x: 2\n")
    assert refusal() == f"{out}: the target file {target} is not what it was when the run began"
    (out / unfinished.FOLDER / unfinished.RUN).write_text("{}")
    assert "is not what a run of this kit keeps" in refusal()


def test_results_that_count_no_more_are_made_again(tmp_path: Path) -> None:
    """Of an earlier part, what is undecided or too old is not taken over."""
    now = dt.datetime.now(dt.UTC)
    old, late = now - unfinished.COUNTS_FOR - dt.timedelta(minutes=1), now - dt.timedelta(hours=1)
    given = [
        result(Verdict.PASS, name="a.good", decided=late),
        result(Verdict.FAIL, name="a.bad", decided=late),
        result(Verdict.MANUAL, name="a.manual", decided=late),
        result(Verdict.ERROR, name="a.error", decided=late),
        result(Verdict.PASS, name="a.old", decided=old),
        result(Verdict.PASS, name="a.timeless", decided=None),
    ]
    order = unfinished.Order(
        target=tmp_path / "t", target_digest="", kit_digest="", level=None, only="", checks=(), files={}, started=late
    )
    unfinished.begin(tmp_path, order)
    outcomes.rewrite(unfinished.place(tmp_path), given)
    assert unfinished.go_on(tmp_path, order, now).resumed == (now,)
    assert set(outcomes.read(unfinished.place(tmp_path)).found) == {"a.good", "a.bad", "a.manual"}


def test_a_run_that_cannot_start_leaves_nothing(tmp_path: Path, target_file: Path) -> None:
    """No folder, no state: as it was before."""
    file = write_checks(tmp_path, "f", "import nowhere\n")
    with pytest.raises(KitError, match="could not start"):
        audit(target_file, tmp_path / "out", checks=[file])
    assert not (tmp_path / "out").exists()


# --- clouds that answer badly, and leftovers ---

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


# --- on a real cluster ---


@pytest.fixture(scope="module")
def real(testbed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepare two tenants on the tests' testbed, and return the target file."""
    kubeconfig = testbed.kubeconfig(testbed.topology.clusters[0].name)
    subject = Subject(cloud="Testbed", operator="Government Cloud Kit", kind="CGC", level=3)
    yield tenants.prepare(kubeconfig, tmp_path_factory.mktemp("audit"), subject, PROBE_IMAGE)
    tenants.clean(kubeconfig)


@pytest.mark.cluster
def test_a_whole_run_is_killed_and_goes_on_and_leaves_nothing(real: Path, tmp_path: Path) -> None:
    """After kill -9 in the middle the doctor is content, leftovers are listed, and the resumed run decides all."""
    command = [sys.executable, "-m", "govcloud.main", "audit", "run", "--target", str(real), "--out", str(tmp_path)]
    path = unfinished.place(tmp_path)
    with subprocess.Popen(command, cwd=FOLDER.parent, stderr=subprocess.DEVNULL) as process:
        eventually(
            lambda: process.poll() is not None or any(it.startswith("isolation.") for it in outcomes.read(path).found),
            "a check of isolation is decided",
            300,
        )
        assert process.poll() is None
        lanes = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in (process.pid, *map(int, lanes)):
            with contextlib.suppress(ProcessLookupError):  # a lane that went with the first of them
                os.kill(pid, signal.SIGKILL)
    assert lanes
    with unfinished.held(tmp_path):
        left = cleaning.find(targets.load(real))
    assert {item.kind for item in left.left} >= {"pods"}
    assert left.unseen == ()
    before = {name: result.decided for name, result in outcomes.read(path).found.items() if result.verdict == "PASS"}
    run = resume(tmp_path)
    assert {
        result.name: result.reason for result in run.results if result.verdict in {"FAIL", "ERROR", "MISSING"}
    } == {}
    again = {result.name: result.decided for result in run.results}
    assert {name: again[name] for name in before} == before
    assert run.extent == "whole"
    assert cleaning.find(targets.load(real)).left == ()
    assert CliRunner().invoke(app, ["doctor", "--target", str(real)]).exit_code == 0


@pytest.mark.cluster
def test_a_probe_image_that_no_node_has_is_an_error(real: Path, tmp_path: Path) -> None:
    """The nodes' own reason is told within a minute, and nothing is left."""
    content = yaml.safe_load(real.read_text())
    target = real.with_name("no-image.yaml")
    target.write_text(yaml.safe_dump({**content, "probe_image": "govcloud.local/nothing:v0"}))
    run = audit(target, tmp_path, checks=[FOLDER / "checks" / "test_isolation.py"])
    assert {result.verdict for result in run.results} == {Verdict.ERROR}
    assert all("did not get ready: " in result.reason for result in run.results)
    assert cleaning.find(targets.load(target)).left == ()
