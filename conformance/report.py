"""The reports of a run, all made from the one model: results.json, junit.xml and report.html."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import jinja2

from conformance.results import Result, Run, Verdict
from core.files import write_atomic

TEMPLATES = Path(__file__).parent / "templates"
JUNIT_TAGS = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.MISSING: "error",
    Verdict.NOT_APPLICABLE: "skipped",
}


def write(run: Run, folder: Path) -> None:
    """Write all reports of a run into a folder."""
    write_atomic(folder / "results.json", run.model_dump_json(indent=2) + "\n")
    write_atomic(folder / "junit.xml", junit(run))
    write_atomic(folder / "report.html", html(run))


def junit(run: Run) -> bytes:
    """Return the run as JUnit XML: one test case a check; MISSING counts as an error, as JUnit has no word for it."""
    counts = run.counts
    suite = ET.Element(
        "testsuite",
        name=run.subject.cloud,
        timestamp=run.started.isoformat(timespec="seconds"),
        time=f"{(run.finished - run.started).total_seconds():.2f}",
        tests=str(len(run.results)),
        failures=str(counts[Verdict.FAIL]),
        errors=str(counts[Verdict.ERROR] + counts[Verdict.MISSING]),
        skipped=str(counts[Verdict.NOT_APPLICABLE]),
    )
    properties = ET.SubElement(suite, "properties")
    for verdict, count in counts.items():
        ET.SubElement(properties, "property", name=f"verdict.{verdict}", value=str(count))
    for result in run.results:
        suite.append(_case(result))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(result: Result) -> ET.Element:
    group, _, name = result.name.partition(".")
    case = ET.Element("testcase", classname=group, name=_xml(name), time=f"{result.seconds:.2f}")
    properties = ET.SubElement(case, "properties")
    for requirement in result.requirements:
        ET.SubElement(properties, "property", name="requirement", value=requirement)
    if tag := JUNIT_TAGS.get(result.verdict):
        ET.SubElement(case, tag, type=result.verdict, message=_xml(result.reason))
    if result.evidence:
        lines = [f"{entry.at:6.2f} s  {entry.did}: {entry.saw}" for entry in result.evidence]
        ET.SubElement(case, "system-out").text = _xml("\n".join(lines))
    return case


def _xml(text: str) -> str:
    """Leave out the characters that XML 1.0 cannot hold."""
    return "".join(
        c for c in text if c in "\t\n" or (c >= " " and not 0xD800 <= ord(c) <= 0xDFFF and c not in "\ufffe\uffff")
    )


def html(run: Run) -> str:
    """Return the run as one page that stands alone: no script, and nothing loaded from elsewhere."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    checked = [line for line in run.requirements if line.verdict is not Verdict.MANUAL]
    by_name = {result.name: result for result in run.results}
    return environment.get_template("report.html.j2").render(
        run=run,
        checked=checked,
        by_hand=[line for line in run.requirements if line.verdict is Verdict.MANUAL],
        results_of={line.id: [by_name[name] for name in line.checks] for line in checked},
        unasked=[result for result in run.results if not any(result.name in line.checks for line in run.requirements)],
        seconds=(run.finished - run.started).total_seconds(),
    )
