"""Findings as text, JSON, SARIF 2.1.0 and JUnit: for people, programs, code scanners and pipelines."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, Literal
from xml.etree import ElementTree as ET

from policies.judge import Finding
from policies.packs import Entry
from policies.rules import about
from policies.waivers import Outcome, Waiver

Format = Literal["text", "json", "sarif", "junit"]

_SARIF_LEVELS: Final = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(form: Format, rules: Sequence[Entry], outcome: Outcome[Finding], facts: dict[str, Any]) -> str:
    """Return what was found by these rules in one of the forms; ``facts`` say what was judged, and how."""
    match form:
        case "text":
            return _text(outcome, facts)
        case "json":
            return json.dumps(_plain(outcome, facts), indent=2, ensure_ascii=False, default=str)
        case "sarif":
            return json.dumps(_sarif(rules, outcome), indent=2, ensure_ascii=False)
        case "junit":
            return _junit(rules, outcome)


def _text(outcome: Outcome[Finding], facts: dict[str, Any]) -> str:
    lines = [f"{finding.rule.severity}: {finding.rule.id}: {finding}" for finding in outcome.open]
    lines += dict.fromkeys(str(waiver) for waiver, _ in outcome.waived)
    lines += [f"waiver: {mistake}" for mistake in outcome.mistakes]
    for name, value in facts.items():
        if isinstance(value, list) and value:
            lines.append(f"{name.replace('_', ' ')}: {', '.join(map(str, value))}")
        elif value is not None and not isinstance(value, list):
            lines.append(f"{name.replace('_', ' ')}: {value}")
    return "\n".join(map(_one_line, lines))


def _plain(outcome: Outcome[Finding], facts: dict[str, Any]) -> dict[str, Any]:
    return {
        **facts,
        "counts": {
            "open": len(outcome.open),
            "waived": len(outcome.waived),
            "waivers in force": len({waiver for waiver, _ in outcome.waived}),
            "wrong waivers": len(outcome.mistakes),
        },
        "findings": [_finding(it) for it in outcome.open],
        "waived": [
            {**_finding(it), "waiver": waiver.model_dump(mode="json", exclude={"rule", "resource"})}
            for waiver, it in outcome.waived
        ],
        "waiver_mistakes": [str(it) for it in outcome.mistakes],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "severity": finding.rule.severity,
        "enforcement": finding.rule.enforcement,
        "requirements": list(finding.requirements),
        "resource": finding.place,
        "found": finding.found,
        "allowed": finding.allowed,
        "mend": finding.mend,
        "undecided": finding.undecided,
    }


def _sarif(rules: Sequence[Entry], outcome: Outcome[Finding]) -> dict[str, Any]:
    described = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.description},
            "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
            "properties": {"tags": list(rule.requirements)},
        }
        for rule in map(about, rules)
    ]
    results = [_result(it, None) for it in outcome.open] + [_result(it, waiver) for waiver, it in outcome.waived]
    notes = [{"level": "error", "message": {"text": str(it)}} for it in outcome.mistakes]
    tool = {"driver": {"name": "govcloud policies", "rules": described}}
    run = {
        "tool": tool,
        "results": results,
        "invocations": [{"executionSuccessful": not notes, "toolExecutionNotifications": notes}],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(finding: Finding, waiver: Waiver | None) -> dict[str, Any]:
    place = {"logicalLocations": [{"fullyQualifiedName": finding.place, "kind": "resource"}]}
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "kind": "review" if finding.undecided else "fail",
        "level": "none" if finding.undecided else _SARIF_LEVELS[finding.rule.severity],
        "message": {"text": str(finding)},
        "locations": [place],
    }
    if waiver is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": str(waiver)}]
    return result


def _junit(rules: Sequence[Entry], outcome: Outcome[Finding]) -> str:
    """Each rule is a suite; each finding is a case that fails, a waived one is skipped."""
    root = ET.Element("testsuites", name="govcloud policies")
    for rule in map(about, rules):
        failed = [it for it in outcome.open if it.rule.id == rule.id]
        waived = [(waiver, it) for waiver, it in outcome.waived if it.rule.id == rule.id]
        passed = not failed and not waived
        tests = str(len(failed) + len(waived) + passed)
        suite = ET.SubElement(
            root, "testsuite", name=rule.id, tests=tests, failures=str(len(failed)), skipped=str(len(waived))
        )
        for finding in failed:
            case = ET.SubElement(suite, "testcase", classname=rule.id, name=_xml(finding.place))
            ET.SubElement(case, "failure", type=rule.severity, message=_xml(str(finding)))
        for waiver, finding in waived:
            case = ET.SubElement(suite, "testcase", classname=rule.id, name=_xml(finding.place))
            ET.SubElement(case, "skipped", message=_xml(str(waiver)))
        if passed:
            ET.SubElement(suite, "testcase", classname=rule.id, name=_xml(rule.title))
    if outcome.mistakes:
        count = str(len(outcome.mistakes))
        suite = ET.SubElement(root, "testsuite", name="waivers", tests=count, failures=count)
        for mistake in outcome.mistakes:
            case = ET.SubElement(suite, "testcase", classname="waivers", name=_xml(mistake.field))
            ET.SubElement(case, "failure", type="waiver", message=_xml(str(mistake)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _one_line(line: str) -> str:
    """Keep what an object says from moving the cursor or starting a line of its own."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)


def _xml(text: str) -> str:
    """Leave out what XML cannot hold; the rest is escaped when it is written."""
    return _NOT_XML.sub("�", text)
