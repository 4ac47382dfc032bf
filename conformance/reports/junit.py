"""A run as JUnit XML, for the programs that show test results."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from conformance.results import Result, Run, Verdict

TAGS = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.MISSING: "error",
    Verdict.NOT_APPLICABLE: "skipped",
}


def render(run: Run) -> bytes:
    """Return one test case a result; MISSING counts as an error, as JUnit has no word for it."""
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
    told = {"checks": counts, "requirements": run.requirement_counts}
    for what, numbers in told.items():
        for verdict, count in numbers.items():
            ET.SubElement(properties, "property", name=f"{what}.{verdict}", value=str(count))
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
    if tag := TAGS.get(result.verdict):
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
