"""Admission policies joined where they judge the same objects, so that the API server has few of them to go through.

Most of what a policy costs at the API server does not depend on what it says: about 0.3 ms each. Rules that match the
same kinds at the same levels are therefore put in force as one policy. A policy that has conditions of its own (for
what is waived) stays alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modules import labels
from policies.rules import SHARED, shared

Document = dict[str, Any]
_PREFIX: Final = "govcloud-"
RULES: Final = f"{labels.PREFIX}/rules"
"""Annotation with the ids of the rules that a policy holds, in the order of its validations."""


def grouped(documents: Iterable[Mapping[str, Any]]) -> list[Document]:
    """Join rendered policies, each with its binding, that match the same objects and act alike."""
    given = list(documents)
    bindings = {it["spec"]["policyName"]: it for it in given if it["kind"] == "ValidatingAdmissionPolicyBinding"}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for policy in (it for it in given if it["kind"] == "ValidatingAdmissionPolicy"):
        spec, name = policy["spec"], policy["metadata"]["name"]
        alone = name if "matchConditions" in spec else ""
        acts = {key: value for key, value in bindings[name]["spec"].items() if key != "policyName"}
        key = [alone, spec["matchConstraints"], spec["failurePolicy"], acts]
        groups.setdefault(json.dumps(key, sort_keys=True), []).append(policy)
    made: list[Document] = []
    for policies in groups.values():
        binding = bindings[policies[0]["metadata"]["name"]]
        made += [dict(policies[0]), dict(binding)] if len(policies) == 1 else _joined(policies, binding)
    return made


def _joined(policies: list[Mapping[str, Any]], binding: Mapping[str, Any]) -> list[Document]:
    variables: dict[str, str] = {}
    validations: list[Document] = []
    for policy in policies:
        renamed: dict[str, str] = {}
        for variable in policy["spec"]["variables"]:
            name, text = variable["name"], _with_names(variable["expression"], renamed)
            if variables.get(name, text) != text:
                renamed[name] = f"{_word(_rule(policy))}_{name}"
            variables[renamed.get(name, name)] = text
        for it in policy["spec"]["validations"]:
            texts = {key: _with_names(it[key], renamed) for key in ("expression", "messageExpression")}
            validations.append({**it, **texts})
    name = _name(policies[0], binding)
    head = {"name": name, "labels": policies[0]["metadata"]["labels"]}
    spec = {
        **policies[0]["spec"],
        "variables": [{"name": key, "expression": text} for key, text in variables.items()],
        "validations": validations,
    }
    rules = ",".join(_rule(policy) for policy in policies)
    return [
        {**policies[0], "metadata": {**head, "annotations": {RULES: rules}}, "spec": spec},
        {
            **binding,
            "metadata": {**binding["metadata"], "name": name},
            "spec": {**binding["spec"], "policyName": name},
        },
    ]


def _rule(policy: Mapping[str, Any]) -> str:
    return str(policy["metadata"]["name"]).removeprefix(_PREFIX)


def _word(rule: str) -> str:
    """Write the id of a rule as one word."""
    return re.sub(r"-(.)", lambda match: match[1].upper(), rule)


def _with_names(text: str, renamed: Mapping[str, str]) -> str:
    return re.sub(r"\bvariables\.(\w+)", lambda match: f"variables.{renamed.get(match[1], match[1])}", text)


def _name(policy: Mapping[str, Any], binding: Mapping[str, Any]) -> str:
    """Name a group by what it judges, where, and what it does: ``govcloud-workloads-1-2-3-4-5-deny``."""
    matched = [it["resources"][0] for it in policy["spec"]["matchConstraints"]["resourceRules"]]
    known = {tuple(kind["resource"] for kind in shared(it.stem)["kinds"]): it.stem for it in SHARED.glob("*.yaml")}
    (reach,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    where = "-".join(reach["values"]) if reach["operator"] == "In" else "everywhere"
    action = binding["spec"]["validationActions"][0].lower()
    return f"{_PREFIX}{known.get(tuple(matched), '-'.join(matched))}-{where}-{action}"
