"""Values that a preview does not know, marked in the manifests that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Path = tuple[str | int, ...]
"""Leads to a value: names of fields, positions in lists."""


class Unknown:
    """Stands in a manifest for a value that is not known before the apply."""


UNKNOWN: Final = Unknown()


def unknown_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Find the places of unknown values."""
    if value is UNKNOWN:
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from unknown_paths(item, (*path, str(key)))
    elif _is_list(value):
        for position, item in enumerate(value):
            yield from unknown_paths(item, (*path, position))


def parted(manifest: Any) -> tuple[Any, list[Path]]:
    """Return a manifest as JSON can hold it, and the places where a value is unknown, which are null in it.

    A list with an unknown member is unknown as a whole, for nobody knows how many members it will have. Whole numbers
    are integers, for Pulumi carries every number as a float.
    """
    unknown: list[Path] = []
    return _part(manifest, (), unknown), unknown


def _part(value: Any, path: Path, unknown: list[Path]) -> Any:
    if value is UNKNOWN:
        unknown.append(path)
        return None
    if isinstance(value, Mapping):
        return {str(key): _part(item, (*path, str(key)), unknown) for key, item in value.items()}
    if _is_list(value):
        if any(item is UNKNOWN for item in value):
            unknown.append(path)
            return None
        return [_part(item, (*path, position), unknown) for position, item in enumerate(value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
