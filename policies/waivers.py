"""Waivers: violations that somebody answers for until a day. One file drives the preview, admission and the audit.

A waiver frees one object from one rule. Past its day, or where it frees nothing, it is an error: nobody reads a list
of exceptions that do not matter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from modules.document import Document
from modules.mistakes import FileError, Mistake

VARIABLE: Final = "GOVCLOUD_WAIVERS"
"""Environment variable with the path of the file, for the policy packs."""
_HINT: Final = "docs/waivers.md explains every field; `govcloud policies waivers --schema` gives it to editors"
_VIET_NAM: Final = dt.timezone(dt.timedelta(hours=7))
_NAME: Final = r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?"
Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^\S[^\x00-\x1f\x7f]*$")]


class Waiver(BaseModel):
    """One object that one rule need not hold for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Annotated[str, Field(min_length=1, description="Id of the rule, as `govcloud policies list` shows it.")]
    resource: Annotated[
        str,
        Field(
            pattern=rf"^[A-Z][A-Za-z0-9]* ([a-z0-9]([a-z0-9-]{{0,61}}[a-z0-9])?/)?{_NAME}$",
            description="The object as findings name it: 'Service NAMESPACE/NAME', or 'ClusterRole NAME'.",
        ),
    ]
    reason: Annotated[Text, Field(description="Why the rule cannot be met now, and what is done instead.")]
    owner: Annotated[Text, Field(description="Who sees to it that the rule is met by that day.")]
    approver: Annotated[Text, Field(description="Who allowed it; not the owner.")]
    expires: Annotated[dt.date, Field(description="The last day on which it holds, in Viet Nam's time: 2026-12-31.")]
    _at: tuple[Path, int] = PrivateAttr(default=(Path(), 0))

    @model_validator(mode="after")
    def _four_eyes(self) -> Self:
        if self.owner == self.approver:
            raise ValueError("owner and approver are the same")
        return self

    @property
    def kind(self) -> str:
        """Kind of the object."""
        return self.resource.partition(" ")[0]

    @property
    def namespace(self) -> str:
        """Namespace of the object; '' for one of the whole cluster. A namespace lies in itself."""
        space, slash, name = self.resource.partition(" ")[2].partition("/")
        return space if slash else "" if self.kind != "Namespace" else space or name

    @property
    def name(self) -> str:
        """Name of the object."""
        return self.resource.partition(" ")[2].rpartition("/")[2]

    def holds(self, today: dt.date) -> bool:
        """Tell whether it is in force on a day."""
        return today <= self.expires

    def locate(self, path: Path, line: int) -> Self:
        """Keep the place that it was read from, for messages."""
        self._at = (path, line)
        return self

    def wrong(self, field: str, what: str, allowed: str) -> Mistake:
        """Name a mistake of it, with its file and line."""
        return Mistake(*self._at, f"{self.rule}, {self.resource}: {field}", what, allowed)

    def __str__(self) -> str:
        return (
            f"waived until {self.expires}: {self.rule} for {self.resource}: {self.reason} "
            f"(owner {self.owner}, approved by {self.approver})"
        )


class WaiverFile(BaseModel):
    """A file of waivers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    waivers: tuple[Waiver, ...]


class _Rule(Protocol):
    @property
    def id(self) -> str:
        """How waivers name it."""


class Finding(Protocol):
    """What a waiver has to know of a finding: the rule, and the object as people name it."""

    @property
    def rule(self) -> _Rule:
        """The rule that is violated."""

    @property
    def place(self) -> str:
        """Kind, namespace and name of the object: ``Service test/web``."""


F = TypeVar("F", bound=Finding)


@dataclass(frozen=True)
class Outcome(Generic[F]):
    """Findings after the waivers."""

    open: list[F]
    """Those that nobody waived, or not any more."""
    waived: list[tuple[Waiver, F]]
    mistakes: list[Mistake]
    """Waivers that expired or freed nothing."""


def read(path: Path, rules: Collection[str]) -> tuple[Waiver, ...]:
    """Read a file of waivers for the rules with these ids. Raises FileError with every mistake, by line."""
    document = Document(path, _HINT)
    mistakes = document.mistakes
    waivers: tuple[Waiver, ...] = ()
    if isinstance(document.content, dict):
        try:
            waivers = WaiverFile.model_validate(document.content).waivers
        except ValidationError as error:
            mistakes += [document.at(detail["loc"], *_told(detail)) for detail in error.errors()]
        mistakes += _mistakes(document, rules)
    if mistakes:
        raise FileError(mistakes, _HINT)
    return tuple(it.locate(path, document.line(("waivers", index))) for index, it in enumerate(waivers))


def apply(
    waivers: Iterable[Waiver],
    findings: Iterable[F],
    today: dt.date,
    concerns: Callable[[Waiver], bool] = lambda _: True,
) -> Outcome[F]:
    """Take out of the findings what is waived on that day.

    ``concerns`` tells of a waiver whether its object should have been among those judged: one stack, or some
    namespaces, are not all that a file speaks of. Only such a waiver is wrong when it frees nothing.
    """
    given = {(waiver.rule, waiver.resource): waiver for waiver in waivers}
    used: set[tuple[str, str]] = set()
    outcome = Outcome[F]([], [], [])
    for finding in findings:
        key = (finding.rule.id, finding.place)
        waiver = given.get(key)
        if waiver is not None and waiver.holds(today):
            used.add(key)
            outcome.waived.append((waiver, finding))
        else:
            outcome.open.append(finding)
    for key, waiver in given.items():
        if not waiver.holds(today):
            outcome.mistakes.append(waiver.wrong("expires", f"expired on {waiver.expires}", "meet the rule, or renew"))
        elif key not in used and concerns(waiver):
            outcome.mistakes.append(waiver.wrong("resource", "nothing is found there any more", "take the waiver out"))
    return outcome


def today() -> dt.date:
    """Return the day that it is in Viet Nam."""
    return dt.datetime.now(_VIET_NAM).date()


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file, for editors."""
    made = WaiverFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "Waivers of policy rules"}


def _told(detail: ErrorDetails) -> tuple[str, str]:
    """Say in words what is wrong with a field, and what is allowed."""
    name = detail["loc"][-1] if detail["loc"] else ""
    field = Waiver.model_fields.get(name) if isinstance(name, str) else None
    allowed = (field.description or "") if field else ""
    match detail["type"]:
        case "missing":
            return "is missing", allowed
        case "extra_forbidden":
            return "is not a field of a waiver", ", ".join(Waiver.model_fields)
        case "value_error":
            return str(detail.get("ctx", {}).get("error", detail["msg"])), "somebody else approves"
        case _:
            return f"{detail['input']!r} cannot be used", allowed or detail["msg"]


def _mistakes(document: Document, rules: Collection[str]) -> list[Mistake]:
    """Find what the model cannot see: rules that there are not, and one thing waived twice."""
    found = []
    seen: dict[tuple[Any, Any], int] = {}
    entries = document.content.get("waivers")
    for index, entry in enumerate(entries if isinstance(entries, Sequence) and not isinstance(entries, str) else ()):
        if not isinstance(entry, dict):
            continue
        rule = entry.get("rule")
        if isinstance(rule, str) and rule and rule not in rules:
            near = get_close_matches(rule, list(rules), 1)
            allowed = near[0] if near else "an id that `govcloud policies list` shows"
            found.append(document.at(("waivers", index, "rule"), f"{rule!r} is no rule", allowed))
        key = (rule, entry.get("resource"))
        if None not in key and (first := seen.setdefault(key, index)) != index:
            line = document.line(("waivers", first))
            found.append(document.at(("waivers", index), f"waives the same as line {line}", "once"))
    return found
