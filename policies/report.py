"""What was found in manifests, written for people, programs, code hosts (SARIF) and test reports (JUnit)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final
from xml.etree import ElementTree as ET

from policies.check import SEVERITIES, Checked, Place
from policies.judge import Finding
from policies.rules import Compiled, ObjectRule, StackRule

_SARIF_LEVELS: Final[Mapping[str, str]] = {"low": "note", "medium": "warning", "high": "error", "critical": "error"}
_SECURITY: Final[Mapping[str, str]] = {"low": "3.0", "medium": "5.0", "high": "8.0", "critical": "9.5"}
"""Scores by which code hosts sort findings, in the ranges of CVSS."""
_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(checked: Checked) -> str:
    """Write one line for each finding and each mistake."""
    lines = [f"{it.file}:{it.line}: error: {said}" for it, said in checked.mistakes]
    lines += [f"{it.file}:{it.line}: {_grade(found)}: {found.rule.id}: {found}" for it, found in checked.findings]
    return "\n".join(_one_line(line) for line in lines)


def summary(checked: Checked) -> str:
    """Say how much was judged and what came of it, in one line."""
    counts = Counter(_grade(found) for _, found in checked.findings)
    told = [f"{counts[grade]} {grade}" for grade in (*reversed(SEVERITIES), "advice", "undecided") if counts[grade]]
    if checked.mistakes:
        told.append(f"{len(checked.mistakes)} not readable")
    return f"{checked.objects} objects in {checked.files} files: {', '.join(told) or 'no rule is violated'}"


def as_json(checked: Checked) -> str:
    """Write findings and mistakes as one JSON document."""
    findings = [{**_where(it), **_about(found)} for it, found in checked.findings]
    mistakes = [{**_where(it), "message": said} for it, said in checked.mistakes]
    counts = {"files": checked.files, "objects": checked.objects}
    return json.dumps({**counts, "findings": findings, "errors": mistakes}, indent=2, ensure_ascii=False)


def sarif(checked: Checked, rules: Sequence[Compiled | StackRule]) -> str:
    """Write SARIF 2.1.0; what could not be read is told as notifications of the run."""
    known = [rule if isinstance(rule, StackRule) else rule.rule for rule in rules]
    number = {rule.id: index for index, rule in enumerate(known)}
    results = [
        {
            "ruleId": found.rule.id,
            "ruleIndex": number[found.rule.id],
            "level": _SARIF_LEVELS[found.rule.severity],
            "message": {"text": str(found)},
            "locations": [_location(it)],
        }
        for it, found in checked.findings
    ]
    notifications = [
        {"level": "error", "message": {"text": said}, "locations": [_location(it)]} for it, said in checked.mistakes
    ]
    invocation = {"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}
    driver = {
        "name": "govcloud",
        "version": version("government-cloud-kit"),
        "rules": [_sarif_rule(rule) for rule in known],
    }
    run = {"tool": {"driver": driver}, "invocations": [invocation], "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def junit(checked: Checked, rules: Sequence[Compiled | StackRule]) -> str:
    """Write JUnit's XML: a test case for each rule, which fails with its findings, and one for each mistake."""
    suite = ET.Element("testsuite", name="govcloud policies check")
    failures = 0
    for rule in rules:
        known = rule if isinstance(rule, StackRule) else rule.rule
        case = ET.SubElement(suite, "testcase", classname="policies", name=known.id)
        found = [(it, finding) for it, finding in checked.findings if finding.rule is known]
        if told := "\n".join(f"{it.file}:{it.line}: {finding}" for it, finding in found):
            counts = [it for _, it in found if _counts(it)]
            kind, label = ("failure", f"{len(counts)} found") if counts else ("skipped", f"{len(found)} to look at")
            failures += bool(counts)
            ET.SubElement(case, kind, message=label, type=known.severity).text = _xml(told)
    for it, said in checked.mistakes:
        case = ET.SubElement(suite, "testcase", classname="manifests", name=_xml(f"{it.file}:{it.line}"))
        ET.SubElement(case, "error", message=_xml(said))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", str(len(checked.mistakes)))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode")


def explanation(entry: Compiled | StackRule) -> str:
    """Write what a rule asks for, for a person at a terminal."""
    rule = entry if isinstance(entry, StackRule) else entry.rule
    parts = [entry] if isinstance(entry, StackRule) else entry.rule.validations
    judged = [] if isinstance(entry, StackRule) else [f"{kind.kind} ({kind.api_version})" for kind in entry.rule.kinds]
    levels = f"level{'s' if len(rule.levels) > 1 else ''} {', '.join(str(level) for level in rule.levels)}"
    lines = [rule.title, f"{rule.id}: {rule.enforcement}, {rule.severity}, {levels}", "", rule.description, ""]
    lines += [f"Judges: {', '.join(judged) or 'all objects of a stack together'}", ""]
    for part in parts:
        lines += [f"[{', '.join(part.requirements)}]", f"  allowed: {part.allowed}", f"  to mend: {part.mend}"]
    lines += ["", "From:", *(f"  {it.document}, {it.place}" for it in rule.references)]
    return "\n".join(lines)


def _sarif_rule(rule: ObjectRule | StackRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.description},
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
        "properties": {"tags": ["security", *rule.requirements], "security-severity": _SECURITY[rule.severity]},
    }


def _location(it: Place) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": it.file}, "region": {"startLine": it.line}}}


def _about(found: Finding) -> dict[str, Any]:
    return {
        "rule": found.rule.id,
        "requirements": found.requirements,
        "severity": found.rule.severity,
        "enforcement": found.rule.enforcement,
        "object": found.place,
        "found": found.found,
        "allowed": found.allowed,
        "mend": found.mend,
        "undecided": found.undecided,
    }


def _where(it: Place) -> dict[str, Any]:
    return {"file": it.file, "line": it.line}


def _counts(found: Finding) -> bool:
    return found.rule.enforcement == "mandatory" and not found.undecided


def _grade(found: Finding) -> str:
    if found.undecided:
        return "undecided"
    return found.rule.severity if found.rule.enforcement == "mandatory" else "advice"


def _one_line(line: str) -> str:
    """Keep what a manifest says from moving the cursor or starting a line of its own."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)


def _xml(said: str) -> str:
    return _NOT_IN_XML.sub("?", said)
