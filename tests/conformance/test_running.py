"""A run from its begin to its end: in several processes, ended early, gone on with."""

from __future__ import annotations

import datetime as dt
import json
import signal
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance import outcomes, processes, unfinished
from conformance.processes import Standing, Work
from conformance.results import Verdict
from conformance.run import audit, resume
from core.errors import KitError
from govcloud.audit_commands import app
from tests.conformance.making import ended, verdicts, write_checks
from tests.conformance.runs import result


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
