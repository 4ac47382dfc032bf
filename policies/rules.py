"""The rules, read from their folders. A rule file with a mistake is refused with the file and the expression."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import KitError
from modules.levels import Level

FOLDER: Final = Path(__file__).parent / "rules"
SHARED: Final = Path(__file__).parent / "matches"
"""Kinds that are judged together, and the variables by which one expression finds its way in all of them."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Text = Annotated[str, Field(min_length=1)]
Requirement = Annotated[str, Field(pattern=r"^GVC-[A-Z0-9]{3}-[0-9]{2}$")]


class MatchedKind(_Model):
    """A kind of object that a rule judges."""

    group: str
    version: Text
    kind: Text
    resource: Text
    """Plural name in the API, for admission."""
    subresources: tuple[Text, ...] = ()
    """Further doors by which such an object changes, for admission."""
    custom: bool = False
    """True for a kind that comes with a CustomResourceDefinition: an API server may not know it."""

    @property
    def api_version(self) -> str:
        """As it stands in a manifest: ``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


class Reference(_Model):
    """Where the rule's content comes from."""

    document: Text
    place: Text


class Variable(_Model):
    """An expression with a name, for the expressions below it."""

    name: Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9]*$")]
    expression: Text


class Validation(_Model):
    """One thing that must be true of an object, and what to say when it is not."""

    requirements: Annotated[tuple[Requirement, ...], Field(min_length=1)]
    expression: Text
    found: Text
    """An expression that gives, as text, what was found."""
    allowed: Text
    mend: Text


class Rule(_Model):
    """What every rule has, however it judges."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,62}$")]
    title: Text
    description: Text
    severity: Literal["low", "medium", "high", "critical"]
    levels: Annotated[tuple[Level, ...], Field(min_length=1)]
    enforcement: Literal["mandatory", "advisory"]
    references: tuple[Reference, ...]

    @field_validator("levels")
    @classmethod
    def _up_to_the_highest(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if levels != tuple(range(levels[0], 6)):
            raise ValueError("what is refused at a level is refused above it: give one level and all above it, to 5")
        return levels


class ObjectRule(Rule):
    """A rule that judges one object, in CEL."""

    reach: Literal["levels", "cluster"] = "levels"
    """Where it holds at admission: in namespaces with one of its levels, or in all but those of Kubernetes itself."""
    kinds: Annotated[tuple[MatchedKind, ...], Field(min_length=1)]
    variables: tuple[Variable, ...] = ()
    validations: Annotated[tuple[Validation, ...], Field(min_length=1)]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements that it serves, each once."""
        return tuple(dict.fromkeys(it for validation in self.validations for it in validation.requirements))


class StackRule(Rule):
    """A rule over all objects of a stack together, in Python: policies.stack_rules has the function of its id."""

    scope: Literal["stack"]
    requirements: Annotated[tuple[Requirement, ...], Field(min_length=1)]
    allowed: Text
    mend: Text


class Compiled:
    """An object rule with the file that it was read from. The engine compiles its expressions when it loads it."""

    def __init__(self, rule: ObjectRule, file: Path) -> None:
        self.rule = rule
        self.file = file
        self.kinds = {(kind.api_version, kind.kind) for kind in rule.kinds}


def read(file: Path) -> Compiled | StackRule:
    """Read one rule file. Raises KitError that names the file, the field, and what is wrong.

    Expressions are compiled by the engine (`policies.engine`).
    """
    try:
        content: Any = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError) as error:
        raise KitError(f"{file}: {error}", "correct the rule file") from error
    try:
        if isinstance(content, dict) and content.get("scope") == "stack":
            rule: Compiled | StackRule = StackRule.model_validate(content)
        else:
            rule = Compiled(ObjectRule.model_validate(_with_shared(content)), file)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise KitError(f"{file}: {place}: {first['msg']}", "correct the rule file") from error
    except ValueError as error:
        raise KitError(f"{file}: {error}", "correct the rule file") from error
    identity = rule.id if isinstance(rule, StackRule) else rule.rule.id
    if identity != file.parent.name:
        raise KitError(f"{file}: the id {identity} is not the name of its folder", "a rule is known by its folder")
    return rule


@cache
def shared(name: str) -> dict[str, Any]:
    """Return the kinds and variables of policies/matches/NAME.yaml. Raises ValueError where there is no such file."""
    known = sorted(file.stem for file in SHARED.glob("*.yaml"))
    if name not in known:
        raise ValueError(f"matches: {name!r} is none of {', '.join(known)}")
    content: dict[str, Any] = yaml.load((SHARED / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return content


def _with_shared(content: Any) -> Any:
    """Give a rule with ``matches: NAME`` the kinds of that file, and of its variables those that it uses."""
    if not isinstance(content, dict) or "matches" not in content:
        return content
    own = {key: value for key, value in content.items() if key != "matches"}
    found = shared(str(content["matches"]))
    needed = json.dumps(own)
    used: list[dict[str, str]] = []
    for variable in reversed(found["variables"]):
        if re.search(rf"\bvariables\.{variable['name']}\b", needed):
            needed += variable["expression"]
            used.insert(0, variable)
    return {**own, "kinds": found["kinds"], "variables": [*used, *own.get("variables", ())]}


def about(rule: Compiled | StackRule) -> ObjectRule | StackRule:
    """Return what a rule file says, however the rule judges."""
    return rule if isinstance(rule, StackRule) else rule.rule


@cache
def shipped() -> tuple[Compiled | StackRule, ...]:
    """Return every rule of the kit, in the order of their ids."""
    return tuple(read(file) for file in sorted(FOLDER.glob("*/rule.yaml")))


def at_level(level: Level) -> list[Compiled | StackRule]:
    """Return the rules that hold at a level."""
    return [rule for rule in shipped() if level in about(rule).levels]
