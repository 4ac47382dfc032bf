"""The file of outcomes: nothing that was decided is lost, whoever is killed while writing."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from conformance import outcomes
from conformance.results import Result, Verdict
from tests.conformance.runs import result


def written(found: Result) -> object:
    return found.model_dump(mode="json")


def test_half_a_line_spoils_no_other(tmp_path: Path) -> None:
    """After a process that was killed while it wrote, the next line is whole."""
    path = tmp_path / "outcomes.jsonl"
    outcomes.append(path, "result", written(result(Verdict.PASS, name="a.one")))
    with path.open("a") as file:
        file.write('{"result": {"name": "a.ha')
    outcomes.append(path, "result", written(result(Verdict.FAIL, name="a.two")))
    assert set(outcomes.read(path).found) == {"a.one", "a.two"}


def test_what_is_read_grows_with_the_file(tmp_path: Path) -> None:
    """A check is under way from its begin to its result; a line that is not whole yet is read later."""
    path = tmp_path / "outcomes.jsonl"
    follower = outcomes.Outcomes(path)
    follower.update()
    outcomes.append(path, "begun", "a.one")
    follower.update()
    assert set(follower.running) == {"a.one"}
    line = json.dumps({"result": written(result(Verdict.PASS, name="a.one"))})
    with path.open("a") as file:
        file.write(line)
        file.flush()
        follower.update()
        assert not follower.found
        file.write("\n")
    follower.update()
    assert set(follower.found) == {"a.one"}
    assert not follower.running
    assert follower.last == "a.one"


def test_the_file_is_private(tmp_path: Path) -> None:
    """Whoever makes it, nobody else may read it."""
    outcomes.append(tmp_path / "a", "begun", "x")
    outcomes.rewrite(tmp_path / "b", [])
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"} == {0o600}


def test_an_earlier_run_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    """What is missing or is no results.json gives no seconds, and no error."""
    (tmp_path / "bad").write_text('{"results": [{"name": 1}]}')
    assert outcomes.usual_seconds(tmp_path / "absent") == {}
    assert outcomes.usual_seconds(tmp_path / "bad") == {}
