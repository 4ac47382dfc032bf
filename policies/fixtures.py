"""The objects that stand beside a rule: what it passes (``good``) and what it refuses (``bad``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from policies.rules import FOLDER, Compiled, StackRule


@dataclass(frozen=True)
class Fixture:
    """What is judged at once: one object, or for a rule over several the objects of a file."""

    rule: str
    good: bool
    name: str
    """Name of its file, with a number from the second object on."""
    objects: tuple[dict[str, Any], ...]


def fixtures(rule: Compiled | StackRule) -> Iterator[Fixture]:
    """Read the fixtures of a rule, in the order of their names."""
    identity = rule.id if isinstance(rule, StackRule) else rule.rule.id
    for good in (True, False):
        for file in sorted((FOLDER / identity / ("good" if good else "bad")).glob("*.yaml")):
            objects = tuple(yaml.safe_load_all(file.read_text(encoding="utf-8")))
            if isinstance(rule, StackRule):
                yield Fixture(identity, good, file.stem, objects)
                continue
            for number, manifest in enumerate(objects, start=1):
                name = file.stem if number == 1 else f"{file.stem}-{number}"
                yield Fixture(identity, good, name, (manifest,))
