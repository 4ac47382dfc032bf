"""Rules made of one expression, for tests."""

from __future__ import annotations

from pathlib import Path

from policies.rules import Compiled, ObjectRule

KINDS = (
    *(("", "v1", "Pod"), ("", "v1", "Service"), ("", "v1", "Secret"), ("apps", "v1", "Deployment")),
    *(("networking.k8s.io", "v1", "NetworkPolicy"), ("example.org", "v1", "Thing")),
)


def rule(expression: str, found: str = "'found'", **variables: str) -> Compiled:
    kinds = [{"group": g, "version": v, "kind": k, "resource": k.lower()} for g, v, k in KINDS]
    head = {
        "id": "a-rule",
        "title": "t",
        "description": "d",
        "severity": "low",
        "levels": [1, 2, 3, 4, 5],
        "references": [],
    }
    validation = {"requirements": ["GVC-NET-01"], "expression": expression, "found": found, "allowed": "a", "mend": "m"}
    named = [{"name": name, "expression": text} for name, text in variables.items()]
    content = {**head, "enforcement": "mandatory", "kinds": kinds, "variables": named, "validations": [validation]}
    return Compiled(ObjectRule.model_validate(content), Path("rule.yaml"))
