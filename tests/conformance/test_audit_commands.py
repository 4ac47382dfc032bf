"""The command: what a person reads, and the exit code that a program reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance import run as runner
from govcloud.audit_commands import app


@pytest.fixture
def small_audit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Let the command run a small file of checks instead of those that need a cloud."""
    real = runner.audit

    def prepare(body: str) -> None:
        file = tmp_path / "test_small.py"
        file.write_text("from conformance.plugin import requirement\n" + body)
        monkeypatch.setattr(runner, "audit", lambda *a, **k: real(*a, **k, checks=[file]))

    return prepare


GOOD = """
@requirement("GVC-NET-01")
def test_good(evidence):
    evidence.add("look", "good")
"""
BAD = """
@requirement("GVC-NET-11")
def test_bad(evidence):
    assert False, "the port [fd00::1]:80 is open"
"""


def test_the_summary_says_what_was_found(
    written_target: tuple[Path, object], small_audit: Callable[[str], None], tmp_path: Path
) -> None:
    """Verdict, requirement and finding of each, the counts, and where the report is; exit code 1 for a failure."""
    small_audit(GOOD + BAD)
    done = CliRunner().invoke(app, ["run", "--target", str(written_target[0]), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1, done.output
    assert "the port [fd00::1]:80 is open" in " ".join(done.output.split())
    assert "2 checks: 1 FAIL, 1 PASS." in done.output
    assert "report.html" in done.output
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"results.json", "junit.xml", "oscal.json", "report.html"}
    assert "No certificate: only some checks were run" in done.output


def test_json_is_for_programs(
    written_target: tuple[Path, object], small_audit: Callable[[str], None], tmp_path: Path
) -> None:
    """With --json standard output holds results.json and nothing else; --level replaces the target's level."""
    small_audit(GOOD)
    words = ["run", "--target", str(written_target[0]), "--out", str(tmp_path / "out"), "--json", "--level", "4"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed["counts"]["PASS"] == 1
    assert printed["subject"]["level"] == 4


def test_some_checks_are_no_audit(
    written_target: tuple[Path, object], small_audit: Callable[[str], None], tmp_path: Path
) -> None:
    """With --only those that fit are made, and there is no certificate; a pattern that fits nothing is explained."""
    small_audit(GOOD + BAD)
    words = ["run", "--target", str(written_target[0]), "--out", str(tmp_path / "out"), "--only"]
    done = CliRunner().invoke(app, [*words, "good"])
    assert done.exit_code == 0, done.output
    assert "1 checks: 1 PASS." in done.output
    assert json.loads((tmp_path / "out" / "results.json").read_text())["extent"] == "filtered"
    assert not (tmp_path / "out" / "certificate.json").exists()
    for pattern in ("nothing", "and and"):
        done = CliRunner().invoke(app, [*words, pattern])
        assert done.exit_code == 2
        assert "the audit could not start" in done.stderr


def test_a_dry_run_names_what_is_checked_and_the_gaps(written_target: tuple[Path, object], tmp_path: Path) -> None:
    """Checks with their requirements, requirements without one with the reason; nothing is asked or written."""
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["run", "--target", str(written_target[0]), "--out", str(out), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "isolation.tenants" in done.output
    assert "the way to restore is not declared to the audit" in done.output
    said = r"\d+ checks of (\d+) of 79 requirements that apply; (\d+) are for a person to decide\."
    assert (counted := re.search(said, done.output))
    assert sum(map(int, counted.groups())) == 79
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [("cloud: x\n", "tenants: is missing"), ("[", "not YAML")],
)
def test_a_target_with_mistakes_is_explained(tmp_path: Path, text: str, message: str) -> None:
    """Exit code 2 and the field, not a traceback."""
    path = tmp_path / "target.yaml"
    path.write_text(text)
    done = CliRunner().invoke(app, ["run", "--target", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["prepare", "clean"])
def test_a_kubeconfig_that_is_not_there_is_explained(tmp_path: Path, command: str) -> None:
    """Exit code 2 and the path."""
    done = CliRunner().invoke(app, [command, "--kubeconfig", str(tmp_path / "absent")])
    assert done.exit_code == 2
    assert "absent: not a usable kubeconfig" in done.stderr.replace("\n", "")
