"""What a program itself asks to wait for, with the annotation ``pulumi.com/waitFor``.

As upstream: ``jsonpath={PATH}`` (RFC 9535, any value), ``jsonpath={PATH}=VALUE``, ``condition=TYPE`` (that is True),
``condition=TYPE=STATUS``, or a JSON list of such texts, all of which must hold at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.kubernetes_provider import naming, readiness
from toolchain.plugins.kubernetes_provider.readiness import READY, Verdict

if TYPE_CHECKING:
    from jsonpath import JSONPath

WAIT_FOR: Final = "pulumi.com/waitFor"


class CriterionError(ValueError):
    """The annotation cannot be understood."""


@dataclass(frozen=True)
class Criterion:
    """One thing to wait for: a value at a path, or a condition of the status."""

    text: str
    path: JSONPath | None
    condition: str
    value: str
    """What the value or the condition's status must be; empty means any value."""

    def judge(self, obj: Mapping[str, Any]) -> Verdict:
        """Tell whether it holds for an object."""
        if self.path is None:
            return self._judge_condition(obj)
        found = self.path.findall(dict(obj))
        if not found:
            return Verdict(ready=False, missing=f"nothing is at {self.text}")
        told = found[0] if isinstance(found[0], str) else json.dumps(found[0])
        if not self.value or told == self.value:
            return READY
        return Verdict(ready=False, missing=f"{self.text} is not met: it is {told}")

    def _judge_condition(self, obj: Mapping[str, Any]) -> Verdict:
        conditions = (obj.get("status") or {}).get("conditions") or []
        found = next((c for c in conditions if str(c.get("type")).lower() == self.condition.lower()), None)
        if found is None:
            return Verdict(ready=False, missing=f"it has no condition {self.condition}")
        seen = found.get("observedGeneration") or (obj.get("status") or {}).get("observedGeneration")
        if seen is not None and int(seen) < int(naming.metadata(obj).get("generation", 0)):
            return Verdict(ready=False, missing=f"its condition {self.condition} is of an older version")
        if str(found.get("status")).lower() == self.value.lower():
            return READY
        told = f"its condition {self.condition} is {found.get('status')}, not {self.value}"
        return Verdict(ready=False, missing=f"{told}: {found['message']}" if found.get("message") else told)


def of(obj: Mapping[str, Any]) -> list[Criterion]:
    """Return what an object's annotation asks to wait for, nothing where it has none. Raises CriterionError."""
    asked = naming.marks(obj).get(WAIT_FOR)
    return parse(asked) if isinstance(asked, str) and asked else []


def parse(annotation: str) -> list[Criterion]:
    """Read an annotation. Raises CriterionError."""
    try:
        texts = json.loads(annotation)
    except ValueError:
        texts = [annotation]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise CriterionError("must be jsonpath=…, condition=…, or a JSON list of these")
    return [_criterion(text) for text in texts]


def _criterion(text: str) -> Criterion:
    kind, _, rest = text.partition("=")
    if kind == "condition" and rest:
        name, _, status = rest.partition("=")
        return Criterion(text, None, name, status or "True")
    if kind != "jsonpath":
        raise CriterionError(f"{text!r} begins neither with jsonpath= nor with condition=")
    end = _closing(rest)
    if end < 0:
        raise CriterionError(f"{text!r} must have its path in braces, as in jsonpath={{.status.phase}}=Running")
    path, equals, value = rest[1:end].strip(), rest[end + 1 : end + 2], rest[end + 2 :]
    if equals not in ("", "=") or bool(equals) != bool(value) or value.startswith("{"):
        raise CriterionError(f"{text!r} must end after the path, or go on with = and a plain value")
    return Criterion(text, _compiled(path if path.startswith("$") else f"${path}", text), "", value)


def _closing(text: str) -> int:
    """Return where the brace is closed that a text begins with, braces in quotes aside; -1 if it is not."""
    depth, quote, escaped = 0, "", False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif quote:
            escaped = character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character == "{") - (character == "}")
        if not depth:
            return index or -1
    return -1


def _compiled(path: str, text: str) -> JSONPath:
    from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError  # noqa: PLC0415 - few programs need it

    try:
        compiled = JSONPathEnvironment(strict=True).compile(path)
    except JSONPathError as error:
        raise CriterionError(f"{text!r}: {str(error).splitlines()[0]}") from error
    if not isinstance(compiled, JSONPath):
        raise CriterionError(f"{text!r} must be one path")
    return compiled


def judge(obj: Mapping[str, Any]) -> Verdict:
    """Judge an object by what its program asks to wait for, or else by the rule for its kind."""
    asked = of(obj)
    verdicts = [criterion.judge(obj) for criterion in asked]
    return next((verdict for verdict in verdicts if not verdict.ready), READY) if asked else readiness.judge(obj)
