"""Where in a YAML file a value stands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml


def line_of(file: Path, where: Iterable[str | int]) -> int:
    """Return the line, counted from 1, of the value at ``where``; of the nearest value around it if there is none."""
    node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return line_in(node, where)


def line_in(node: yaml.Node | None, where: Iterable[str | int]) -> int:
    """Return the line, counted from 1, of the value that ``where`` leads to from a node; -1 is the last of a list."""
    line = node.start_mark.line + 1 if node else 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                return line
            key, node = found[-1]
            line = key.start_mark.line + 1
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(step, int) and -len(node.value) <= step < len(node.value)
        ):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    return line
