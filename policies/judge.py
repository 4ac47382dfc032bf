"""Judging objects by the rules. A finding says which requirement, where, what was found and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies.engine import Verdict, engine
from policies.rules import Compiled, ObjectRule, StackRule
from policies.stack_rules import FUNCTIONS
from policies.unknown import UNKNOWN


@dataclass(frozen=True, order=True)
class Line:
    """A line of a file, counted from 1."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


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
    at: Line | None = None
    """Where the object begins, when it was read from a file."""

    def __str__(self) -> str:
        identity = ", ".join(self.requirements)
        if self.undecided:
            return f"[{identity}] {self.place}: cannot be decided until apply: {self.found}"
        return f"[{identity}] {self.place}: {self.found}; allowed: {self.allowed}. To mend: {self.mend}"


def judge(rule: Compiled, manifest: Mapping[str, Any]) -> list[Finding]:
    """Judge one object by one rule; nothing is found when it conforms or is of a kind the rule does not judge."""
    if (manifest.get("apiVersion"), manifest.get("kind")) not in rule.kinds:
        return []
    (found,) = judge_each([rule], [manifest])
    return found


def judge_each(rules: Sequence[Compiled], manifests: Iterable[Mapping[str, Any]]) -> Iterator[list[Finding]]:
    """Judge objects, each by itself, by all rules at once; give each one's findings in their order."""
    objects = list(manifests)
    for manifest, judged in zip(objects, engine().judge(rules, objects), strict=True):
        if judged.error:
            kind = (manifest.get("apiVersion"), manifest.get("kind"))
            yield [_unread(rule.rule, manifest, judged.error) for rule in rules if kind in rule.kinds]
        else:
            yield [finding_of(verdict, manifest) for verdict in judged.verdicts]


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
    chosen, objects = list(rules), list(manifests)
    single = [rule for rule in chosen if isinstance(rule, Compiled)]
    findings = [finding for found in judge_each(single, objects) for finding in found] if single else []
    for rule in chosen:
        if isinstance(rule, StackRule):
            findings += judge_stack(rule, objects)
    return findings


def place(manifest: Mapping[str, Any]) -> str:
    """Return kind, namespace and name of an object, as people speak of it."""
    metadata = manifest.get("metadata")
    parts = [metadata.get(key) for key in ("namespace", "name")] if isinstance(metadata, Mapping) else []
    name = "/".join(str(part) for part in parts if part and part is not UNKNOWN)
    return f"{manifest.get('kind')} {name}".strip()


def finding_of(verdict: Verdict, manifest: Mapping[str, Any]) -> Finding:
    """Say what the answer of a validation means for a person."""
    validation = verdict.rule.rule.validations[verdict.validation]
    found = verdict.found
    if verdict.unknown:
        found = f"{', '.join(verdict.unknown)} is not known yet"
    elif verdict.error:
        found = f"cannot be judged ({verdict.error})"
    return Finding(
        rule=verdict.rule.rule,
        requirements=validation.requirements,
        place=place(manifest),
        found=found,
        allowed=validation.allowed,
        mend=validation.mend,
        undecided=bool(verdict.unknown),
    )


def _unread(rule: ObjectRule, manifest: Mapping[str, Any], error: str) -> Finding:
    return Finding(
        rule=rule,
        requirements=rule.requirements,
        place=place(manifest),
        found=f"cannot be judged ({error})",
        allowed="an object that the API server can read",
        mend="correct the field that is named",
    )
