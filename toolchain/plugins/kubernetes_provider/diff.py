"""What differs between the inputs that were applied last and those a program asks for now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from toolchain.plugins.kubernetes_provider import kinds, naming, normalize
from toolchain.plugins.kubernetes_provider.kinds import Path

Change = Literal["ADD", "DELETE", "UPDATE"]


@dataclass(frozen=True)
class Difference:
    """One field that differs; ``replaces`` says that it cannot change in place."""

    path: Path
    change: Change
    replaces: bool = False

    @property
    def text(self) -> str:
        """The path as the engine writes it, such as ``spec.containers[0].image``."""
        return path_text(self.path)


@dataclass(frozen=True)
class Comparison:
    """All that differs."""

    differences: list[Difference] = field(default_factory=list)
    delete_first: bool = False
    """Whether the old object must go before the new one can be made, if that is what the engine decides."""

    always: bool = False
    """Whether to update even when nothing differs."""

    @property
    def replaces(self) -> list[str]:
        """The fields that make a replacement necessary."""
        return [difference.text for difference in self.differences if difference.replaces]


def compare(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    immutable: tuple[tuple[str, ...], ...],
    ignored: Sequence[str] = (),
    also: Sequence[Difference] = (),
) -> Comparison:
    """Compare two inputs (plain, without marks of secrets; unknowns differ from everything).

    ``also`` are differences that were found elsewhere.
    """
    before, after = _canonical(old), _canonical(new)
    same_kind = kinds.same(before, after)
    if not same_kind:
        immutable = (*immutable, ("apiVersion",), ("kind",))
    ignored_paths = [parse_path(text) for text in ignored]
    found = [
        Difference(path, change, replaces=_replaces(path, was, now, immutable))
        for path, change, was, now in _walk(before, after, ())
        if not any(_contains(skip, path) for skip in ignored_paths)
    ]
    was, now = naming.metadata(before), naming.metadata(after)
    same_place = same_kind and bool(now.get("name")) and all(was.get(k) == now.get(k) for k in ("name", "namespace"))
    return Comparison([*found, *also], delete_first=same_place and not naming.is_autonamed(after))


def _canonical(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs with the namespace that an empty one means, and without what only a server sets."""
    result = normalize.clean(obj)
    meta = result.get("metadata", {})
    if isinstance(meta, dict):
        result["metadata"] = {**meta, "namespace": meta.get("namespace") or "default"}
    return result


def _walk(old: Any, new: Any, path: Path) -> Iterator[tuple[Path, Change, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield (*path, key), "DELETE", old[key], None
            elif key not in old:
                yield (*path, key), "ADD", None, new[key]
            else:
                yield from _walk(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(new):
                yield (*path, index), "DELETE", old[index], None
            elif index >= len(old):
                yield (*path, index), "ADD", None, new[index]
            else:
                yield from _walk(old[index], new[index], (*path, index))
    elif not normalize.same(old, new, path):
        yield path, "UPDATE", old, new


def _replaces(path: Path, old: Any, new: Any, immutable: tuple[tuple[str, ...], ...]) -> bool:
    """Whether the change is at or under an immutable path, or takes one with it."""
    names = tuple(part for part in path if isinstance(part, str))
    for fixed in immutable:
        if names[: len(fixed)] == fixed:
            return True
        if fixed[: len(names)] == names and any(_has(value, fixed[len(names) :]) for value in (old, new)):
            return True
    return False


def _has(value: Any, names: tuple[str, ...]) -> bool:
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def path_text(path: Path) -> str:
    """Write a path as the engine does."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.search(r'[."\[\]]', part):
            text += '["' + part.replace('"', '\\"') + '"]'
        else:
            text += f".{part}" if text else part
    return text


_PART = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|\.?([^.\[\]]+)')


def parse_path(text: str) -> Path:
    """Read a path as the engine writes it; ``*`` stands for any member."""
    path: list[str | int] = []
    for quoted, index, name in _PART.findall(text):
        if index:
            path.append("*" if index == "*" else int(index))
        else:
            path.append(quoted.replace('\\"', '"') if quoted else name)
    return tuple(path)


def _contains(outer: Path, inner: Path) -> bool:
    return len(outer) <= len(inner) and all(a in ("*", b) for a, b in zip(outer, inner, strict=False))


def force_new(
    kind: kinds.Kind, obj: Mapping[str, Any], *, patch: bool, config_map_mutable: bool, secret_mutable: bool
) -> tuple[tuple[str, ...], ...]:
    """Return the paths that cannot change in place; of a patch these are only its object's name and namespace."""
    if patch:
        return (("metadata", "name"), ("metadata", "namespace"))
    return kinds.immutable_paths(kind, obj, config_map_mutable=config_map_mutable, secret_mutable=secret_mutable)
