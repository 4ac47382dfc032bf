"""Rules over several objects and values that a preview does not know: nothing passes in silence, nothing is guessed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.judge import judge_stack
from policies.rules import FOLDER, StackRule, shipped
from policies.unknown import UNKNOWN

RULES = {rule.id: rule for rule in shipped() if isinstance(rule, StackRule)}
FIXTURES = [(name, file) for name in RULES for file in sorted((FOLDER / name).glob("*/*.yaml"))]


def hidden(value: Any) -> Iterator[Any]:
    """Return a manifest with one of its values, small or large, not known; every place in turn."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in {"apiVersion", "kind"}:
                continue
            yield {**value, key: UNKNOWN}
            for changed in hidden(item):
                yield {**value, key: changed}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield [*value[:index], UNKNOWN, *value[index + 1 :]]
            for changed in hidden(item):
                yield [*value[:index], changed, *value[index + 1 :]]


@pytest.mark.parametrize(("name", "file"), FIXTURES, ids=lambda it: it.stem if isinstance(it, Path) else it)
def test_unknown_neither_passes_nor_refuses(name: str, file: Path) -> None:
    """With one value hidden, what is bad may turn out to be bad and is not passed; what is good is not refused."""
    manifests = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    for index, manifest in enumerate(manifests):
        for changed in hidden(manifest):
            objects = copy.deepcopy(manifests)
            objects[index] = changed
            findings = list(judge_stack(RULES[name], objects))
            if file.parent.name == "bad":
                assert findings, changed
            else:
                assert all(it.undecided for it in findings), (changed, [str(it) for it in findings])
