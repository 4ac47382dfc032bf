"""From pytest's outcomes to verdicts, on small checks of the tests' own."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from conformance.plugin import EvidenceBook
from conformance.results import Result, Run, Verdict
from conformance.run import audit
from core.errors import KitError

HEADER = """
import time
import pytest
from conformance.plugin import requirement
from conformance.declared import NotDeclaredError
from core.errors import KitError
"""

OUTCOMES = """
@requirement("GVC-NET-01")
def test_good(evidence):
    \"\"\"A good thing is shown.

    More words.
    \"\"\"
    evidence.add("look", "Authorization: Bearer abc.def and eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln end")

@requirement("GVC-NET-01", "GVC-IP6-04")
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_half(evidence, family):
    evidence.add("look", family)
    assert family == "ipv4", f"{family} passes"

@requirement("GVC-ISO-01")
def test_silent():
    pass

@requirement("GVC-ISO-01")
def test_kit_error():
    raise KitError("the API server is away", "wait")

@requirement("GVC-ISO-01")
def test_undeclared():
    raise NotDeclaredError("object store")

@requirement("GVC-ISO-01")
def test_bug(evidence):
    return {}["key"]

@requirement("GVC-ISO-01")
def test_skipped():
    pytest.skip("there is no such thing here")

@pytest.fixture
def broken():
    assert False, "the ground is missing"

@requirement("GVC-ISO-01")
def test_on_broken_ground(broken):
    pass

@pytest.fixture
def sticky():
    yield
    raise KitError("could not tidy up")

@requirement("GVC-ISO-01")
def test_untidy(evidence, sticky):
    evidence.add("look", "good")

@requirement("GVC-IP6-08")
def test_of_a_provider(evidence):
    evidence.add("look", "good")

@requirement("GVC-ISO-04")
def test_of_level_five(evidence):
    evidence.add("look", "good")
"""


def run_checks(folder: Path, target_file: Path, body: str, limit: float = 60) -> Run:
    file = folder / "test_sample.py"
    file.write_text(HEADER + textwrap.dedent(body))
    return audit(target_file, folder / "out", checks=[file], limit=limit)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, target_file: Path) -> dict[str, Result]:
    run = run_checks(tmp_path_factory.mktemp("sample"), target_file, OUTCOMES)
    return {result.name.removeprefix("sample."): result for result in run.results}


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("good", Verdict.PASS, ""),
        ("half[ipv4]", Verdict.PASS, ""),
        ("half[ipv6]", Verdict.FAIL, "ipv6 passes"),
        ("silent", Verdict.ERROR, "the check ended well and showed nothing, which proves nothing"),
        ("kit_error", Verdict.ERROR, "the API server is away"),
        ("undeclared", Verdict.MANUAL, "the target file declares no object store"),
        ("bug", Verdict.ERROR, "KeyError: 'key'"),
        ("skipped", Verdict.NOT_APPLICABLE, "there is no such thing here"),
        ("on_broken_ground", Verdict.ERROR, "AssertionError: the ground is missing"),
        ("untidy", Verdict.ERROR, "could not tidy up"),
        ("of_a_provider", Verdict.PASS, ""),
        ("of_level_five", Verdict.NOT_APPLICABLE, "not asked of this cloud (EGC, level 3)"),
    ],
)
def test_an_outcome_becomes_a_verdict(results: dict[str, Result], name: str, verdict: Verdict, reason: str) -> None:
    """A failed assertion is a finding; anything else that goes wrong leaves the matter undecided."""
    assert (results[name].verdict, results[name].reason) == (verdict, reason)


def test_a_result_says_what_was_shown_for_which_requirement(results: dict[str, Result]) -> None:
    """Title from the docstring, requirements from the mark, evidence without credentials."""
    good = results["good"]
    assert good.title == "A good thing is shown"
    assert results["half[ipv4]"].requirements == ("GVC-NET-01", "GVC-IP6-04")
    (entry,) = good.evidence
    assert entry.saw == "Authorization: [removed] and [removed] end"


def test_a_check_that_takes_its_process_down_is_an_error(tmp_path: Path, target_file: Path) -> None:
    """The results before it count, it is an ERROR itself, and those after it are made."""
    run = run_checks(
        tmp_path,
        target_file,
        """
        import os

        @requirement("GVC-NET-01")
        def test_one(evidence):
            evidence.add("look", "good")

        @requirement("GVC-NET-01")
        def test_two(evidence):
            os._exit(3)

        @requirement("GVC-ISO-01")
        def test_three(evidence):
            evidence.add("look", "good")
        """,
    )
    assert {result.name.removeprefix("sample."): (result.verdict, result.reason) for result in run.results} == {
        "one": (Verdict.PASS, ""),
        "two": (Verdict.ERROR, "its process ended (exit code 3) before it gave a result"),
        "three": (Verdict.PASS, ""),
    }
    assert run.exit_code == 2


def test_a_run_is_limited_in_time(tmp_path: Path, target_file: Path) -> None:
    """A check that hangs is ended with the run, and is MISSING."""
    body = """
        @requirement("GVC-NET-01")
        def test_endless(evidence):
            time.sleep(600)
        """
    run = run_checks(tmp_path, target_file, body, limit=1)
    assert [result.verdict for result in run.results] == [Verdict.MISSING]


@pytest.mark.parametrize(
    ("mark", "message"),
    [("@requirement('GVC-XXX-99')", "GVC-XXX-99, which the catalogue does not have"), ("", "names no requirement")],
)
def test_a_check_without_a_requirement_stops_the_run(
    tmp_path: Path, target_file: Path, mark: str, message: str
) -> None:
    """No check runs that serves nothing in the catalogue."""
    with pytest.raises(KitError, match=message):
        run_checks(tmp_path, target_file, f"{mark}\ndef test_lost(evidence):\n    pass\n")


def test_evidence_is_kept_short() -> None:
    """A long answer is cut, so that reports stay small."""
    book = EvidenceBook()
    book.add("read", "x" * 10_000)
    assert len(book.entries[0].saw) == 500


def test_what_no_file_can_hold_is_replaced() -> None:
    """Half a character, as JSON may carry it, does not end the run."""
    book = EvidenceBook()
    book.add("read \ud800", "a\udfffb")
    assert (book.entries[0].did, book.entries[0].saw) == ("read ?", "a?b")
