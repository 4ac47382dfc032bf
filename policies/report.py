"""A judgement as text, JSON, SARIF 2.1.0 and JUnit: for people, programs, code scanners and pipelines."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final, Literal
from xml.etree import ElementTree as ET

from policies.judge import Finding, Line
from policies.judgement import SEVERITIES, Judgement, counts, grade
from policies.packs import Entry
from policies.rules import ObjectRule, StackRule, about
from policies.waivers import Waiver

Format = Literal["text", "json", "sarif", "junit"]

_SARIF_LEVELS: Final[Mapping[str, str]] = {"low": "note", "medium": "warning", "high": "error", "critical": "error"}
_SECURITY: Final[Mapping[str, str]] = {"low": "3.0", "medium": "5.0", "high": "8.0", "critical": "9.5"}
"""Scores by which code hosts sort findings, in the ranges of CVSS."""
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(form: Format, rules: Sequence[Entry], judged: Judgement) -> str:
    """Return what was found by these rules in one of the forms."""
    match form:
        case "text":
            return _text(judged)
        case "json":
            return json.dumps(_plain(judged), indent=2, ensure_ascii=False)
        case "sarif":
            return json.dumps(_sarif(rules, judged), indent=2, ensure_ascii=False)
        case "junit":
            return _junit(rules, judged)


def summary(judged: Judgement) -> str:
    """Say how much was judged and what came of it, in one line."""
    grades = Counter(map(grade, judged.findings))
    told = [f"{grades[it]} {it}" for it in (*reversed(SEVERITIES), "advice", "undecided") if grades[it]]
    told = told or ["no rule is violated"]
    told += [f"{len(judged.waived)} waived"] if judged.waived else []
    told += [f"{len(judged.faults)} not readable, or wrong waivers"] if judged.faults else []
    return f"{judged.facts['objects']} objects: {', '.join(told)}"


def _text(judged: Judgement) -> str:
    lines = [_placed(it.at, f"{grade(it)}: {it.rule.id}: {it}") for it in judged.findings]
    lines += [_placed(it.at, str(waiver)) for waiver, it in judged.waived]
    lines += [_placed(it.at, f"error: {it.said}") for it in judged.faults]
    for name, value in judged.facts.items():
        told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        lines += [f"{name.replace('_', ' ')}: {told}"] if told else []
    return "\n".join(map(_one_line, lines))


def _plain(judged: Judgement) -> dict[str, Any]:
    return {
        **judged.facts,
        "counts": {"findings": len(judged.findings), "waived": len(judged.waived), "errors": len(judged.faults)},
        "findings": [_finding(it) for it in judged.findings],
        "waived": [
            {**_finding(it), "waiver": waiver.model_dump(mode="json", exclude={"rule", "resource"})}
            for waiver, it in judged.waived
        ],
        "errors": [{**_where(it.at), "message": it.said} for it in judged.faults],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        **_where(finding.at),
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


def _where(at: Line | None) -> dict[str, Any]:
    return {"file": at and at.file, "line": at and at.number}


def _sarif(rules: Sequence[Entry], judged: Judgement) -> dict[str, Any]:
    """Write findings as results; what could not be read, and wrong waivers, as notifications of the run."""
    known = [about(it) for it in rules]
    number = {rule.id: index for index, rule in enumerate(known)}
    found = [(it, None) for it in judged.findings] + [(it, waiver) for waiver, it in judged.waived]
    driver = {
        "name": "govcloud",
        "version": version("government-cloud-kit"),
        "rules": [_sarif_rule(rule) for rule in known],
    }
    notes = [
        {"level": "error", "message": {"text": it.said}, **({"locations": [_physical(it.at)]} if it.at else {})}
        for it in judged.faults
    ]
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not notes, "toolExecutionNotifications": notes}],
        "results": [_result(it, waiver, number[it.rule.id]) for it, waiver in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_rule(rule: ObjectRule | StackRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.description},
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
        "properties": {"tags": ["security", *rule.requirements], "security-severity": _SECURITY[rule.severity]},
    }


def _result(finding: Finding, waiver: Waiver | None, number: int) -> dict[str, Any]:
    logical = {"logicalLocations": [{"fullyQualifiedName": finding.place, "kind": "resource"}]}
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": number,
        "kind": "review" if finding.undecided else "fail",
        "level": "none" if finding.undecided else _SARIF_LEVELS[finding.rule.severity],
        "message": {"text": str(finding)},
        "locations": [{**(_physical(finding.at) if finding.at else {}), **logical}],
    }
    if waiver is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": str(waiver)}]
    return result


def _physical(at: Line) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": at.file}, "region": {"startLine": at.number}}}


def _junit(rules: Sequence[Entry], judged: Judgement) -> str:
    """Each rule is a suite; each finding is a case that fails, or is skipped where it is waived or refuses nothing."""
    root = ET.Element("testsuites", name="govcloud policies")
    told: dict[str, list[tuple[Finding, str, str]]] = {}
    for it in judged.findings:
        told.setdefault(it.rule.id, []).append((it, "failure" if counts(it) else "skipped", str(it)))
    for waiver, it in judged.waived:
        told.setdefault(it.rule.id, []).append((it, "skipped", str(waiver)))
    for rule in map(about, rules):
        cases = [(_placed(it.at, it.place), outcome, said) for it, outcome, said in told.get(rule.id, ())]
        _suite(root, rule.id, cases or [(rule.title, "", "")])
    if judged.faults:
        _suite(root, "errors", [(_placed(it.at, it.said), "error", it.said) for it in judged.faults])
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _suite(root: ET.Element, name: str, cases: Sequence[tuple[str, str, str]]) -> None:
    """Add a suite of cases, each with its name, what came of it ('' when it passed), and why."""
    of = Counter(outcome for _, outcome, _ in cases)
    numbers = {"tests": len(cases), "failures": of["failure"], "errors": of["error"], "skipped": of["skipped"]}
    suite = ET.SubElement(root, "testsuite", {"name": name, **{key: str(value) for key, value in numbers.items()}})
    for title, outcome, said in cases:
        case = ET.SubElement(suite, "testcase", classname=name, name=_xml(title))
        if outcome:
            ET.SubElement(case, outcome, message=_xml(said))


def _placed(at: Line | None, said: str) -> str:
    return f"{at}: {said}" if at else said


def _one_line(line: str) -> str:
    """Keep what an object says from moving the cursor or starting a line of its own."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)


def _xml(text: str) -> str:
    """Leave out what XML cannot hold; the rest is escaped when it is written."""
    return _NOT_XML.sub("�", text)
