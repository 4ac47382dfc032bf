"""Judging objects by the rules. A finding says which requirement, where, what was found and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policies.cel import UNKNOWN, normalise, unknown_paths, without_unknowns
from policies.rules import Compiled, ObjectRule, StackRule, Validation
from policies.stack_rules import FUNCTIONS


@dataclass(frozen=True)
class Finding:
    """One violation, or (``undecided``) one judgement that must wait until a value is known."""

    rule: ObjectRule | StackRule
    requirements: tuple[str, ...]
    place: str
    """Kind, namespace and name of the object."""
    found: str
    allowed: str
    mend: str
    undecided: bool = False

    def __str__(self) -> str:
        identity = ", ".join(self.requirements)
        if self.undecided:
            return f"[{identity}] {self.place}: cannot be decided until apply: {self.found}"
        return f"[{identity}] {self.place}: {self.found}; allowed: {self.allowed}. To mend: {self.mend}"


def judge(rule: Compiled, manifest: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge one object by one rule; nothing comes back when it conforms or is of a kind the rule does not judge."""
    if (manifest.get("apiVersion"), manifest.get("kind")) not in rule.kinds:
        return
    unknown = sorted(set(unknown_paths(manifest)))
    known = normalise(without_unknowns(manifest))
    where = place(manifest)
    for validation, expression, found in rule.validations:
        if relevant := [path for path in unknown if expression.may_read(path)]:
            fields = ", ".join(".".join(path) for path in relevant)
            yield _finding(rule.rule, validation, where, f"{fields} is not known yet", undecided=True)
            continue
        answer = expression.evaluate(known)
        if answer.value is True:
            continue
        if answer.error:
            yield _finding(rule.rule, validation, where, f"cannot be judged ({answer.error})")
        else:
            said = found.evaluate(known)
            yield _finding(rule.rule, validation, where, str(said.error or said.value))


def judge_stack(rule: StackRule, manifests: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Judge all objects of a stack together."""
    for violation in FUNCTIONS[rule.id](list(manifests)):
        yield Finding(
            rule=rule,
            requirements=rule.requirements,
            place=place(violation.manifest),
            found=violation.found,
            allowed=rule.allowed,
            mend=rule.mend,
            undecided=violation.undecided,
        )


def judge_all(rules: Iterable[Compiled | StackRule], manifests: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Judge objects, which together are a stack, by every rule."""
    objects = list(manifests)
    findings: list[Finding] = []
    for rule in rules:
        if isinstance(rule, StackRule):
            findings += judge_stack(rule, objects)
        else:
            findings += [finding for manifest in objects for finding in judge(rule, manifest)]
    return findings


def place(manifest: Mapping[str, Any]) -> str:
    """Return kind, namespace and name of an object, as people speak of it."""
    metadata = manifest.get("metadata")
    parts = [metadata.get(key) for key in ("namespace", "name")] if isinstance(metadata, Mapping) else []
    name = "/".join(str(part) for part in parts if part and part is not UNKNOWN)
    return f"{manifest.get('kind')} {name}".strip()


def _finding(rule: ObjectRule, validation: Validation, where: str, found: str, *, undecided: bool = False) -> Finding:
    return Finding(rule, validation.requirements, where, found, validation.allowed, validation.mend, undecided)
