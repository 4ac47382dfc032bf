"""The reports: one model, the same counts, nothing that runs or loads."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from conformance import catalogue, report
from conformance.results import Evidence, Result, Run, Subject, Verdict, judge

CLOUD = "Đám mây Chính phủ <script>alert('x')</script> & bạn"


@pytest.fixture(scope="module")
def run() -> Run:
    subject = Subject(cloud=CLOUD, operator="Tỉnh Bắc Ninh", kind="EGC", level=3)
    verdicts = [Verdict.PASS, Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.MISSING, Verdict.NOT_APPLICABLE]
    results = tuple(
        Result(
            name=f"a.check[{index}]",
            title="A title",
            requirements=("GVC-NET-01", "GVC-IP6-04") if index else ("GVC-ISO-04",),
            verdict=verdict,
            reason="<img src=x onerror=alert(1)> \x01 Lỗi" if verdict is not Verdict.PASS else "",
            evidence=(Evidence(did="connect \x00", saw="<iframe>", at=0.1),),
            seconds=1.5,
        )
        for index, verdict in enumerate(verdicts)
    )
    now = datetime.now(UTC)
    return Run(
        kit="0.1.0",
        catalogue=catalogue.load().digest,
        subject=subject,
        started=now,
        finished=now + timedelta(seconds=9),
        results=results,
        requirements=tuple(judge(catalogue.load(), subject, results)),
    )


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_counts_are_the_same_in_all_reports(run: Run) -> None:
    """results.json, junit.xml and report.html count checks, and count them alike."""
    counts = {"FAIL": 1, "ERROR": 1, "MISSING": 1, "PASS": 2, "NOT_APPLICABLE": 1}
    assert json.loads(run.model_dump_json())["counts"] == counts
    suite = ET.fromstring(report.junit(run)).find("testsuite")  # noqa: S314  # our own text
    assert suite is not None
    assert {k: int(suite.get(k, "")) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": 6,
        "failures": 1,
        "errors": 2,
        "skipped": 1,
    }
    properties = {p.get("name"): p.get("value") for p in suite.findall("properties/property")}
    assert properties == {f"verdict.{verdict}": str(count) for verdict, count in counts.items()}
    assert len(suite.findall("testcase")) == 6
    shown = re.findall(r'<li class="[^"]*"><b>(\d+)</b>([A-Z ]+)</li>', report.html(run))
    assert {name.replace(" ", "_"): int(count) for count, name in shown} == counts


def test_the_model_survives_the_way_through_json(run: Run) -> None:
    """results.json holds the whole run."""
    assert Run.model_validate_json(run.model_dump_json()) == run


def test_what_a_cloud_says_cannot_run_in_the_page(run: Run) -> None:
    """Names, reasons and evidence are text, whatever they hold; the page loads nothing from elsewhere."""
    page = Page(report.html(run))
    assert not {"script", "img", "iframe", "link", "object"} & set(page.tags)
    assert all(link.startswith("#") for link in page.links)
    assert "<script>alert('x')</script>" in page.text
    assert "url(" not in report.html(run)
    assert "@import" not in report.html(run)


def test_names_keep_their_diacritics(run: Run) -> None:
    """Vietnamese is written as it is, in each report."""
    assert "Đám mây Chính phủ" in report.html(run)
    assert "Đám mây Chính phủ" in report.junit(run).decode()
    assert "Tỉnh Bắc Ninh" in run.model_dump_json()
    assert '<meta charset="utf-8">' in report.html(run)


def test_every_check_and_requirement_is_in_the_page(run: Run) -> None:
    """Also a check that this cloud need not meet, and every requirement that a person decides."""
    page = Page(report.html(run))
    for result in run.results:
        assert result.name in page.text
    for line in run.requirements:
        assert line.id in page.text
