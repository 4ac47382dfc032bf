"""The rules as admission policies, so that whoever goes around Pulumi meets the same rule at the API server."""

from __future__ import annotations

from typing import Any, Final

from modules import labels
from policies.rules import Compiled, MatchedKind, ObjectRule, Validation

_API: Final = "admissionregistration.k8s.io/v1"
_PREFIX: Final = "govcloud-"
_OF_KUBERNETES: Final = ("kube-node-lease", "kube-public", "kube-system")


def render(compiled: Compiled) -> list[dict[str, Any]]:
    """Return the ValidatingAdmissionPolicy of a rule and its binding.

    It holds where the rule reaches: in the namespaces of its levels, or in all but those of Kubernetes itself. Objects
    of the cluster are judged whatever the namespaces. It refuses what it cannot evaluate.
    """
    rule = compiled.rule
    name = f"{_PREFIX}{rule.id}"
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [_matched(kind) for kind in rule.kinds]},
        "variables": [{"name": it.name, "expression": it.expression} for it in rule.variables],
        "validations": [_validation(rule.id, it) for it in rule.validations],
    }
    binding = {
        "policyName": name,
        "validationActions": ["Deny" if rule.enforcement == "mandatory" else "Warn"],
        "matchResources": {"namespaceSelector": {"matchExpressions": [_reached(rule)]}},
    }
    head = {"name": name, "labels": {labels.MANAGED_BY: "govcloud"}, "annotations": _annotations(rule)}
    return [
        {"apiVersion": _API, "kind": "ValidatingAdmissionPolicy", "metadata": head, "spec": spec},
        {
            "apiVersion": _API,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name, "labels": {labels.MANAGED_BY: "govcloud"}},
            "spec": binding,
        },
    ]


def _reached(rule: ObjectRule) -> dict[str, Any]:
    if rule.reach == "cluster":
        return {"key": labels.NAMESPACE_NAME, "operator": "NotIn", "values": list(_OF_KUBERNETES)}
    return {"key": labels.SECURITY_LEVEL, "operator": "In", "values": [str(level) for level in rule.levels]}


def _annotations(rule: ObjectRule) -> dict[str, str]:
    return {
        f"{labels.PREFIX}/title": rule.title,
        f"{labels.PREFIX}/requirements": ",".join(rule.requirements),
        f"{labels.PREFIX}/severity": rule.severity,
    }


def _matched(kind: MatchedKind) -> dict[str, Any]:
    resources = [kind.resource, *(f"{kind.resource}/{it}" for it in kind.subresources)]
    return {
        "apiGroups": [kind.group],
        "apiVersions": [kind.version],
        "operations": ["CREATE", "UPDATE"],
        "resources": resources,
    }


def _validation(rule: str, validation: Validation) -> dict[str, Any]:
    """Return a validation. Its message is built only when it refuses, for the API server asks for messages always."""
    identity = f"{rule} [{', '.join(validation.requirements)}]"
    rest = f"; allowed: {validation.allowed}. To mend: {validation.mend}"
    told = f"{_text(identity + ' ')} + ({validation.found}) + {_text(rest)}"
    return {
        "expression": validation.expression,
        "message": f"{identity} not allowed{rest}",
        "messageExpression": f"({validation.expression}) ? '' : {told}",
        "reason": "Forbidden",
    }


def _text(value: str) -> str:
    """Write a text as CEL does."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
