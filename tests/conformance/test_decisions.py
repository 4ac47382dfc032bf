"""Files of waivers and of judgements: what they give, and every mistake at once."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from conformance import catalogue, decisions
from conformance.assembly import Additions
from conformance.results import Verdict
from core.errors import KitError
from tests.conformance.runs import all_of, run_of

TODAY = dt.date(2026, 11, 22)
WAIVERS = """
waivers:
- requirement: GVC-NET-07
  reason: Thiết bị mới được lắp trong quý tới
  approver: Trần Thị B, Cục An ninh mạng
  until: 2027-03-31
"""
JUDGEMENTS = """
judgements:
- requirement: GVC-GOV-04
  verdict: PASS
  reason: the matrix names every requirement
  by: Nguyễn Văn A
  date: 2026-11-20
  documents: [matrix.pdf]
- requirement: GVC-INC-03
  verdict: FAIL
  reason: no report of a drill
  by: Nguyễn Văn A
  date: 2026-11-20
"""


def written(folder: Path, text: str) -> Path:
    (folder / "matrix.pdf").write_bytes(b"%PDF")
    path = folder / "decisions.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_waivers_are_read(tmp_path: Path) -> None:
    """Requirement, reason, approver and the last day."""
    (waiver,) = decisions.read_waivers(written(tmp_path, WAIVERS), catalogue.load())
    assert (waiver.requirement, waiver.until) == ("GVC-NET-07", dt.date(2027, 3, 31))
    assert waiver.approver == "Trần Thị B, Cục An ninh mạng"


def test_judgements_are_results_with_the_digests_of_their_documents(tmp_path: Path) -> None:
    """They stand beside the checks, say who judged when, and their lifetime runs from that day."""
    good, bad = decisions.read_judgements(written(tmp_path, JUDGEMENTS), catalogue.load(), TODAY)
    assert (good.name, good.verdict, good.by) == ("judgement.GVC-GOV-04", Verdict.PASS, "Nguyễn Văn A")
    assert f"sha256:{hashlib.sha256(b'%PDF').hexdigest()}" in [entry.saw for entry in good.evidence]
    assert bad.verdict is Verdict.FAIL
    without = [item for item in all_of() if not {"GVC-GOV-04", "GVC-INC-03"} & set(item.requirements)]
    lines = {line.id: line for line in run_of(without, added=Additions(judgements=[good, bad])).requirements}
    assert lines["GVC-GOV-04"].verdict is Verdict.PASS
    assert lines["GVC-GOV-04"].until == dt.date(2027, 11, 20)
    assert (lines["GVC-INC-03"].verdict, lines["GVC-INC-03"].reason) == (Verdict.FAIL, "no report of a drill")


def test_a_judgement_does_not_hide_what_a_check_found(tmp_path: Path) -> None:
    """Beside a check that failed, a paper that says otherwise changes nothing."""
    text = JUDGEMENTS.replace("GVC-GOV-04", "GVC-NET-01")
    good = decisions.read_judgements(written(tmp_path, text), catalogue.load(), TODAY)
    lines = {
        line.id: line for line in run_of(all_of(NET_01=Verdict.FAIL), added=Additions(judgements=good)).requirements
    }
    assert lines["GVC-NET-01"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WAIVERS + WAIVERS.split(":", 1)[1].replace("until: 2027-03-31", "until: soon"), "until"),
        (WAIVERS + "- requirement: GVC-NET-07\n  reason: r\n  approver: a\n  until: 2027-01-01\n", "there 2 times"),
        (WAIVERS.replace("GVC-NET-07", "GVC-NET-99"), "no requirement 'GVC-NET-99'"),
        (WAIVERS.replace("approver", "aprover"), "approver: is missing"),
        (WAIVERS.replace("Thiết bị mới được lắp trong quý tới", '""'), "reason"),
        ("waivers: [", "not YAML"),
        ("", "file"),
    ],
    ids=range(7),
)
def test_mistakes_in_waivers_are_named(tmp_path: Path, text: str, said: str) -> None:
    """File and field, in a line each."""
    with pytest.raises(KitError, match=said) as caught:
        decisions.read_waivers(written(tmp_path, text), catalogue.load())
    assert "decisions.yaml" in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[matrix.pdf]", "[other.pdf]", "other.pdf is not a file"),
        ("  documents: [matrix.pdf]\n", "", "a PASS rests on a document"),
        ("2026-11-20", "2026-11-23", "is still to come"),
        ("verdict: PASS", "verdict: WAIVED", "verdict"),
        ("GVC-INC-03", "GVC-GOV-04", "there 2 times"),
    ],
)
def test_mistakes_in_judgements_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A PASS needs its paper, and nobody judges tomorrow."""
    with pytest.raises(KitError, match=said):
        decisions.read_judgements(written(tmp_path, JUDGEMENTS.replace(old, new)), catalogue.load(), TODAY)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """So that a file is mended once."""
    text = JUDGEMENTS.replace("[matrix.pdf]", "[other.pdf]").replace("GVC-INC-03", "GVC-INC-99")
    with pytest.raises(KitError) as caught:
        decisions.read_judgements(written(tmp_path, text), catalogue.load(), TODAY)
    assert len(caught.value.message.splitlines()) == 2
