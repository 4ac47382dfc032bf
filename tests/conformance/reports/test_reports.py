"""The reports: one model, the same counts, nothing that runs or loads."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from trestle.oscal.assessment_results import AssessmentResults

from conformance import assembly, catalogue, reports
from conformance.assembly import Additions
from conformance.reports import junit, oscal, page, schema
from conformance.results import Evidence, Run, Subject, Verdict, Waiver
from core.paths import REPOSITORY
from tests.conformance.runs import NOW, SUBJECT, all_of, good_run, result, run_of

BAD = "<img src=x onerror=alert(1)> \x01 Lỗi"
CLOUD = "Đám mây Chính phủ <script>alert('x')</script> & bạn"


@pytest.fixture(scope="module")
def run() -> Run:
    """Return a run with every verdict in it, and names that want to be more than text."""
    subject = Subject(cloud=CLOUD, operator="Tỉnh Bắc Ninh {{ 7*7 }}", kind="EGC", level=3, scope="<b>vùng</b>")
    of = {"NET_01": Verdict.FAIL, "NET_11": Verdict.ERROR, "IAM_01": Verdict.MISSING, "CRY_01": Verdict.NOT_APPLICABLE}
    found = [
        item.model_copy(
            update={"reason": BAD if item.reason else "", "evidence": (Evidence(did=BAD, saw=BAD, at=0.1),)}
        )
        for item in all_of(subject=subject, NET_07=Verdict.FAIL, **of)
        if item.requirements[0] not in {"GVC-GOV-03", "GVC-IP6-09"}
    ]
    unasked = result(Verdict.NOT_APPLICABLE, "GVC-ISO-04", name="a.unasked", title="")
    waived = Waiver(requirement="GVC-NET-07", reason=BAD, approver=BAD, until=NOW.date())
    previous = run_of(all_of(subject=subject), subject)
    return run_of([*found, unasked], subject, Additions(waivers=[waived], previous=previous))


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def counted_in_page(text: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, block in re.findall(r'<ul class="counts" data-counts="(\w+)">(.*?)</ul>', text, re.DOTALL):
        numbers = re.findall(r'data-verdict="(\w+)" data-count="(\d+)"><b>(\d+)</b>', block)
        assert all(count == shown for _, count, shown in numbers)
        found[name] = {verdict: int(count) for verdict, count, _ in numbers}
    return found


def counted_in_junit(suite: ET.Element) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {"checks": {}, "requirements": {}}
    for item in suite.findall("properties/property"):
        what, _, verdict = item.get("name", "").partition(".")
        found[what][verdict] = int(item.get("value", ""))
    return found


def some(counts: dict[Any, int]) -> dict[str, int]:
    return {str(verdict): count for verdict, count in counts.items() if count}


def test_counts_are_the_same_in_all_reports(run: Run) -> None:
    """results.json, junit.xml, oscal.json and report.html count results and requirements, and count them alike."""
    checks, requirements = some(run.counts), some(run.requirement_counts)
    assert sum(requirements.values()) == len(run.requirements) == 79
    assert requirements["MANUAL"] == 2
    assert requirements["WAIVED"] == 1
    written = json.loads(run.model_dump_json())
    assert (some(written["counts"]), some(written["requirement_counts"])) == (checks, requirements)

    suite = ET.fromstring(junit.render(run)).find("testsuite")  # noqa: S314  # our own text
    assert suite is not None
    told = counted_in_junit(suite)
    assert (some(told["checks"]), some(told["requirements"])) == (checks, requirements)
    cases = suite.findall("testcase")
    assert len(cases) == len(run.results) == int(suite.get("tests", ""))
    assert len(suite.findall("testcase/failure")) == checks["FAIL"] == int(suite.get("failures", ""))
    undecided = checks["ERROR"] + checks["MISSING"]
    assert len(suite.findall("testcase/error")) == undecided == int(suite.get("errors", ""))
    assert len(suite.findall("testcase/skipped")) == checks["NOT_APPLICABLE"] == int(suite.get("skipped", ""))

    (assessed,) = json.loads(oscal.render(run))["assessment-results"]["results"]
    for items, expected in ((assessed["observations"], checks), (assessed["findings"], requirements)):
        verdicts = [item["props"][0]["value"] for item in items]
        assert {verdict: verdicts.count(verdict) for verdict in verdicts} == expected

    assert counted_in_page(page.render(run, None)) == {"results": checks, "requirements": requirements}


def test_a_certificate_counts_the_same(tmp_path: Path) -> None:
    """The certificate's counts are those of the run, and its digest is that of the file beside it."""
    run = good_run()
    reports.write(run, tmp_path)
    stated = json.loads((tmp_path / "certificate.json").read_text())["certificate"]
    assert stated["requirements"] == some(run.requirement_counts)
    from core.files import sha256

    assert stated["results"] == f"sha256:{sha256(tmp_path / 'results.json')}"
    shown = Page((tmp_path / "report.html").read_text())
    assert stated["until"] == "2027-05-24"
    assert "24/05/2027" in shown.text


def test_oscal_is_what_trestle_reads(run: Run, tmp_path: Path) -> None:
    """The community's own library reads it, and finds each requirement with its observations."""
    for name, each in (("bad", run), ("good", good_run()), ("empty", run_of([]))):
        path = tmp_path / f"{name}.json"
        path.write_bytes(oscal.render(each))
        read = AssessmentResults.oscal_read(path)
        assert read is not None
        (assessed,) = read.results
        assert len(assessed.findings or []) == len(each.requirements)
        assert len(assessed.observations or []) == len(each.results)


def test_results_fit_the_published_schema(run: Run) -> None:
    """The schema in data/ is that of the model, and results.json is as it says."""
    again = "govcloud audit schema > data/audit-results.schema.json"
    published = json.loads((REPOSITORY / "data" / "audit-results.schema.json").read_text(encoding="utf-8"))
    assert published == schema.schema(), again
    for each in (run, good_run()):
        jsonschema.validate(json.loads(reports.files(each)["results.json"]), published)
    wrong = {**json.loads(reports.files(run)["results.json"]), "schema_version": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, published)


def test_what_a_cloud_says_cannot_run_in_the_page(run: Run) -> None:
    """Names, reasons and evidence are text, whatever they hold; the page loads nothing from elsewhere."""
    text = page.render(run, None)
    shown = Page(text)
    assert not {"script", "img", "iframe", "link", "object", "b>"} & set(shown.tags) - {"b"}
    assert shown.tags.count("b") == len(some(run.counts)) + len(some(run.requirement_counts))
    assert all(value.startswith("#") for name, value in shown.attributes if name in {"src", "href"})
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    assert "<script>alert('x')</script>" in shown.text
    assert "{{ 7*7 }}" in shown.text
    assert "url(" not in text
    assert "@import" not in text


def test_names_keep_their_diacritics(run: Run) -> None:
    """Vietnamese is written as it is, in each report."""
    for name, content in reports.files(good_run(SUBJECT.model_copy(update={"cloud": CLOUD}))).items():
        assert "Đám mây Chính phủ" in content.decode(), name


def test_every_result_and_requirement_is_in_the_page(run: Run) -> None:
    """Also a check that this cloud need not meet, and every requirement that a person decides, in both languages."""
    shown = Page(page.render(run, None))
    for found in run.results:
        assert found.name in shown.text
    for line in run.requirements:
        for text in (line.id, line.title, line.title_vi, line.text, line.text_vi, *line.sources):
            assert text in shown.text


def test_texts_are_there_in_both_languages() -> None:
    """No text of the pages lacks a language, and no verdict lacks a word."""
    import yaml

    texts = yaml.safe_load((page.TEMPLATES / "texts.yaml").read_text(encoding="utf-8"))
    for key, found in texts.items():
        assert set(found) == set(page.LANGUAGES), key
        assert set(re.findall(r"{(\w+)}", found["en"])) == set(re.findall(r"{(\w+)}", found["vi"])), key
    assert {str(verdict) for verdict in Verdict} <= set(texts)


def test_the_same_run_gives_the_same_files(run: Run, tmp_path: Path) -> None:
    """Read back from results.json, a run makes every report again, byte for byte."""
    for each in (run, good_run()):
        reports.write(each, tmp_path)
        made = reports.files(assembly.read(tmp_path))
        assert made == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_reports_written_again_leave_no_signature_behind(tmp_path: Path) -> None:
    """A certificate and signatures of what the folder held before would speak of something else."""
    reports.write(good_run(), tmp_path)
    for name in ("manifest.json", "manifest.json.p7s"):
        (tmp_path / name).write_text("old")
    reports.write(run_of(all_of(NET_01=Verdict.FAIL)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "junit.xml", "oscal.json", "report.html"}


def test_what_a_person_decides_is_grouped_by_why() -> None:
    """What was not declared, is checked in part, has no check or rests on documents stands apart, in both languages."""
    found = [
        result(Verdict.MANUAL, "GVC-DAT-03", name="a.a", reason="the target file declares no <accounts>"),
        result(Verdict.MANUAL, "GVC-CAP-02", name="a.b", reason="the target file declares no <accounts>"),
        result(Verdict.PASS, "GVC-SUP-05", name="a.c"),
    ]
    run = run_of(found)
    groups = page.waiting(run.requirements)
    assert list(groups) == list(page.WAITING)
    (undeclared,) = groups["undeclared"].values()
    assert [line.id for line in undeclared] == ["GVC-DAT-03", "GVC-CAP-02"]
    assert [line.id for lines in groups["in-part"].values() for line in lines] == ["GVC-SUP-05"]
    manual = [line.id for line in run.requirements if line.verdict is Verdict.MANUAL]
    assert sorted(line.id for rows in groups.values() for lines in rows.values() for line in lines) == sorted(manual)
    text = page.render(run, None)
    for heading in ("Not declared to the audit: 2", "Chưa khai báo cho kiểm định: 2", "Checked in part: 1"):
        assert heading in text
    assert '<td><span lang="en" class="keep">the target file declares no &lt;accounts&gt;</span></td>' in text
    assert "Nothing is left to a person." in page.render(good_run(), None)


def test_what_the_kit_says_itself_is_said_in_both_languages() -> None:
    """Why there is no check, what checks leave to a person, what keeps a certificate back; findings stay English."""
    bad = result(Verdict.FAIL, "GVC-NET-01", name="a.b", reason="port 22 is open")
    run = run_of([result(Verdict.PASS, "GVC-SUP-05", name="a.a"), bad])
    text = page.render(run, None)
    known = catalogue.load()
    for one in ("GVC-SUP-05", "GVC-GOV-01"):
        assert f"{known.vietnamese[one].left}</span>" in text
    assert "các phép kiểm tra đều đạt, phần còn lại do người xét: việc hỗ trợ hệ điều hành" in text
    assert f'<span lang="vi">1 trên {len(run.requirements)} yêu cầu ở kết luận KHÔNG ĐẠT: GVC-NET-01</span>' in text
    assert '<p class="reason"><span lang="en" class="keep">port 22 is open</span></p>' in text


def test_english_findings_are_marked(run: Run) -> None:
    """Reasons, evidence and sources are in English whatever the page's language, and say so to a screen reader."""
    text = page.render(run, None)
    assert '<p class="reason keep" lang="en">' in text
    reasons = re.findall(r'<p class="reason">(<span[^>]*>)', text)
    assert set(reasons) == {'<span lang="en" class="keep">'}
    assert len(re.findall(r'<span lang="en" class="keep">[^<]*Decree', text)) > 20
