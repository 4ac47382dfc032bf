"""A run as OSCAL assessment results (NIST), for the programs that gather them from many assessors.

A result is an observation, a requirement a finding. OSCAL knows two states, so a requirement that is not decided is
``not-satisfied`` with the reason ``other``; its verdict is a property.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from conformance.results import RequirementLine, Result, Run, Verdict

VERSION = "1.2.1"
"""Version of OSCAL."""
NAMESPACE = "https://government-cloud-kit.local/oscal"
"""A name for the properties, not a place to fetch."""
_ROOT = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)
STATES = {
    Verdict.PASS: ("satisfied", "pass"),
    Verdict.NOT_APPLICABLE: ("satisfied", "other"),
    Verdict.FAIL: ("not-satisfied", "fail"),
}
_NOTHING = "(nothing)"


def render(run: Run) -> bytes:
    """Return the run as JSON; identifiers follow from the content, so the same run gives the same text."""
    key = f"{run.subject.cloud}\0{run.started.isoformat()}\0{run.judged.isoformat()}"
    names = {result.name: _id(key, result.name) for result in run.results}
    plan = _id(key, "plan")
    counts = {"checks": run.counts, "requirements": run.requirement_counts}
    content = {
        "uuid": _id(key, "document"),
        "metadata": {
            "title": _line(f"Audit of {run.subject.cloud}"),
            "last-modified": run.judged.isoformat(),
            "version": str(run.schema_version),
            "oscal-version": VERSION,
        },
        "import-ap": {"href": f"#{plan}"},
        "results": [
            {
                "uuid": _id(key, "result"),
                "title": _line(f"{run.subject.cloud}, level {run.subject.level}"),
                "description": _line(f"{run.subject.kind} of {run.subject.operator}: {run.subject.scope}"),
                "start": run.started.isoformat(),
                "end": run.finished.isoformat(),
                "props": [
                    _property("extent", run.extent),
                    _property("verdict", run.verdict),
                    *(
                        _property(f"{what}.{verdict}", str(count))
                        for what, numbers in counts.items()
                        for verdict, count in numbers.items()
                    ),
                ],
                "reviewed-controls": {
                    "control-selections": [
                        {"include-controls": [{"control-id": line.id} for line in run.requirements]}
                        if run.requirements
                        else {"description": "No requirement applies."}
                    ]
                },
                **_some("observations", [_observation(run, result, names[result.name]) for result in run.results]),
                **_some("findings", [_finding(key, line, names) for line in run.requirements]),
            }
        ],
        "back-matter": {
            "resources": [
                {
                    "uuid": plan,
                    "title": "The catalogue of requirements of the Government Cloud Kit",
                    "description": f"SHA-256 {run.catalogue}",
                }
            ]
        },
    }
    return (json.dumps({"assessment-results": content}, ensure_ascii=False, indent=2) + "\n").encode()


def _observation(run: Run, result: Result, id_: str) -> dict[str, Any]:
    evidence = [{"description": _text(f"{entry.did}: {entry.saw}")} for entry in result.evidence]
    return {
        "uuid": id_,
        "title": _line(result.name),
        "description": _text(result.title),
        "methods": ["EXAMINE" if result.by else "TEST"],
        "props": [_property("verdict", result.verdict)],
        "collected": (result.decided or run.started).isoformat(),
        **_some("relevant-evidence", evidence),
        **({"remarks": _text(result.reason)} if result.reason.strip() else {}),
    }


def _finding(key: str, line: RequirementLine, names: dict[str, str]) -> dict[str, Any]:
    state, reason = STATES.get(line.verdict, ("not-satisfied", "other"))
    return {
        "uuid": _id(key, line.id),
        "title": _line(line.title),
        "description": _text(line.text),
        "props": [_property("verdict", line.verdict)],
        "target": {
            "type": "objective-id",
            "target-id": line.id,
            "status": {"state": state, "reason": reason},
        },
        **({"remarks": _text(line.reason)} if line.reason.strip() else {}),
        **_some("related-observations", [{"observation-uuid": names[name]} for name in line.checks]),
    }


def _id(key: str, name: str) -> str:
    # version 4 in form, as OSCAL asks: the digits follow from the content
    return str(uuid.UUID(bytes=uuid.uuid5(_ROOT, f"{key}\0{name}").bytes, version=4))


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": NAMESPACE, "value": value}


def _some(name: str, values: list[Any]) -> dict[str, list[Any]]:
    """Leave out a list that is empty: OSCAL has none."""
    return {name: values} if values else {}


def _text(text: str) -> str:
    """Leave out what no text holds, such as half a surrogate pair; OSCAL has no empty text."""
    kept = "".join(c for c in text if c in "\t\n" or (c >= " " and not 0xD800 <= ord(c) <= 0xDFFF)).strip()
    return kept or _NOTHING


def _line(text: str) -> str:
    return " ".join(_text(text).split())
