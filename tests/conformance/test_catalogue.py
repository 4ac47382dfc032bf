"""The catalogue, and the tie between its requirements and the checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from conformance import catalogue
from conformance.results import Check, Subject, Verdict, judge
from conformance.run import FOLDER, read_outcomes


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> list[Check]:
    """Every check in the code, as pytest collects them."""
    outcomes = tmp_path_factory.mktemp("collect") / "outcomes.jsonl"
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-c", str(FOLDER / "pytest.ini")]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, f"--outcomes={outcomes}", str(FOLDER / "checks")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return read_outcomes(outcomes)[0]


def test_every_requirement_is_whole() -> None:
    """Each requirement has an id of its own, a level, a kind of cloud, a source and a way to check it."""
    known = catalogue.load()
    assert len(known) == 90
    assert all(requirement.check for requirement in known.values())


def test_levels_and_kinds_decide_what_applies() -> None:
    """A requirement of levels 3 to 5 is not asked of a cloud at level 2; one of EGCs is not asked of a CGC."""
    known = catalogue.load()
    assert known["GVC-NET-01"].applies("CGC", 3)
    assert not known["GVC-NET-01"].applies("CGC", 2)
    assert known["GVC-IP6-08"].applies("EGC", 1)
    assert not known["GVC-IP6-08"].applies("CGC", 1)


def test_each_check_names_requirements_of_the_catalogue(checks: list[Check]) -> None:
    """No check serves a requirement that is not there, and each says in words what it shows."""
    known = catalogue.load()
    assert len(checks) >= 8
    for check in checks:
        assert check.requirements, check.name
        assert set(check.requirements) <= set(known), check.name
        assert check.title, check.name
    assert len({check.name for check in checks}) == len(checks)


def test_a_requirement_without_a_check_is_reported_as_such(checks: list[Check]) -> None:
    """Every requirement that applies is in the report; those that no check serves are left to a person, and say why."""
    known = catalogue.load()
    subject = Subject(cloud="c", operator="o", kind="EGC", level=3)
    lines = {line.id: line for line in judge(known, subject, [])}
    assert set(lines) == {requirement.id for requirement in known.applicable("EGC", 3)}
    assert {line.verdict for line in lines.values()} == {Verdict.MANUAL}
    assert all(line.reason for line in lines.values())
    served = {id_ for check in checks for id_ in check.requirements}
    assert len(set(lines) - served) > 0


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Ids are stable and never reused."""
    text = catalogue.FILE.read_text()
    twice = tmp_path / "twice.yaml"
    twice.write_text(text + text.replace("GVC-GOV-02", "GVC-GOV-98"))
    with pytest.raises(ValueError, match="twice"):
        catalogue.load(twice)


def test_a_requirement_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    """A slip in the catalogue is found when it is read."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(catalogue.FILE.read_text().replace("  title: Declared", "  titel: Declared"))
    with pytest.raises(ValidationError, match="titel"):
        catalogue.load(wrong)
