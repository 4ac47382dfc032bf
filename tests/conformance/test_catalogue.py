"""The catalogue, and the tie between its requirements and the checks."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from conformance import catalogue, outcomes
from conformance.results import Check, Subject, Verdict
from conformance.run import FOLDER
from conformance.verdicts import judge


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> list[Check]:
    """Every check in the code, as pytest collects them."""
    path = tmp_path_factory.mktemp("collect") / "outcomes.jsonl"
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-c", str(FOLDER / "pytest.ini")]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, f"--outcomes={path}", str(FOLDER / "checks")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return outcomes.read(path).plan


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


def test_every_requirement_has_a_check_or_a_reason(checks: list[Check]) -> None:
    """Each is served by a check, or the kit says why not, or documents alone decide it: one of the three, not two."""
    known = catalogue.load()
    served = {id_ for check in checks for id_ in check.requirements}
    papers = {requirement.id for requirement in known.values() if requirement.for_a_person}
    explained = set(known.unchecked)
    assert served | papers | explained == set(known), "write a check, or a line in unchecked.yaml"
    assert not explained & served, "has a check now: take its line out of unchecked.yaml"
    assert not explained & papers
    assert not papers & served
    assert set(known.partly) <= served, "has no check that could decide a part"
    assert all(len(reason) > 20 for reason in [*known.unchecked.values(), *known.partly.values()])


def test_every_requirement_is_there_in_vietnamese() -> None:
    """Title and text of each, and a name of each area; no translation of what is not there."""
    known = catalogue.load()
    assert set(known.vietnamese) == set(known)
    assert {requirement.area for requirement in known.values()} == set(known.areas)
    for wording in known.vietnamese.values():
        assert wording.title
        assert wording.text.endswith(".")
    assert {it for it, wording in known.vietnamese.items() if wording.left} == {*known.unchecked, *known.partly}


def test_every_requirement_has_a_lifetime() -> None:
    """At each level at which it is asked, between a month and a year; levels above never have a longer one."""
    known = catalogue.load()
    assert set(known.lifetimes.requirements) <= set(known)
    for requirement in known.values():
        days = [known.lifetime(requirement.id, level) for level in requirement.levels]
        assert all(28 <= it <= 366 for it in days), requirement.id
        assert days == sorted(days, reverse=True), requirement.id


def test_without_results_every_requirement_says_why(checks: list[Check]) -> None:
    """Every requirement that applies is in the report, MANUAL or MISSING, with the reason."""
    known = catalogue.load()
    subject = Subject(cloud="c", operator="o", kind="EGC", level=3)
    now = dt.datetime.now(dt.UTC)
    lines = {line.id: line for line in judge(known, subject, [], began=now, on=now.date())[0]}
    assert set(lines) == {requirement.id for requirement in known.applicable("EGC", 3)}
    assert all(line.reason for line in lines.values())
    served = {id_ for check in checks for id_ in check.requirements}
    assert {id_ for id_, line in lines.items() if line.verdict is Verdict.MISSING} == served & set(lines)


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
