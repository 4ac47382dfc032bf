"""When two ways to write an object mean the same, and what of a live object its program is answerable for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

SERVER_MADE: Final = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
]
"""Members of metadata that only a server sets."""

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_QUANTITY: Final = re.compile(
    r"([+-]?[0-9]*\.?[0-9]+|[+-]?[0-9]+\.)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?"
)
_SCALE: Final = {
    "": Decimal(1),
    **{unit: Decimal(1024) ** (i + 1) for i, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))},
    **{unit: Decimal(1000) ** (i + 1) for i, unit in enumerate(("k", "M", "G", "T", "P", "E"))},
    **{unit: Decimal(1000) ** -(i + 1) for i, unit in enumerate(("m", "u", "n"))},
}
_QUANTITY_FIELDS: Final = frozenset(
    [
        "limits",
        "requests",
        "hard",
        "capacity",
        "allocatable",
        "default",
        "defaultRequest",
        "max",
        "min",
        "maxLimitRequestRatio",
        "overhead",
        "podFixed",
        "sizeLimit",
        "divisor",
        "storage",
        "averageValue",
    ]
)
_MERGED_LISTS: Final = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
}
"""Lists of a pod in which admission may add members that are no drift, with the key that tells members apart."""
_OPEN_LISTS: Final = frozenset({"finalizers", "ipFamilies", "clusterIPs", "tolerations"})
"""Other lists that a server or another manager may add to."""


def quantity(value: Any) -> Decimal | None:
    """Return the number that a quantity such as ``500m`` or ``1Gi`` stands for, or None if it is no quantity."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Decimal(str(value))
    if not isinstance(value, str) or not (match := _QUANTITY.fullmatch(value.strip())):
        return None
    number, unit = match[1], match[2] or ""
    if unit not in _SCALE:
        return Decimal(f"{number}{unit}")
    return Decimal(number) * _SCALE[unit]


def same(left: Any, right: Any, path: tuple[str | int, ...] = ()) -> bool:
    """Whether two values at ``path`` mean the same to the API."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k], (*path, k)) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            same(a, b, (*path, i)) for i, (a, b) in enumerate(zip(left, right, strict=True))
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if left == right:
        return True
    if not _QUANTITY_FIELDS.isdisjoint(path):
        a, b = quantity(left), quantity(right)
        return a is not None and a == b
    return False


def clean(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without what only a server sets, whoever wrote it into the program."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or meta.keys().isdisjoint(SERVER_MADE):
        return dict(obj)
    return {**obj, "metadata": {key: value for key, value in meta.items() if key not in SERVER_MADE}}


def dashed(value: Any) -> Any:
    """Return a definition with the members that a program cannot spell, such as ``x_kubernetes_list_type``, mended."""
    match value:
        case dict():
            return {
                key.replace("_", "-") if key.startswith("x_kubernetes_") else key: dashed(item)
                for key, item in value.items()
            }
        case list():
            return [dashed(item) for item in value]
        case _:
            return value


def live_state(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return a live object as it is kept, without the record of managers and kubectl's copy of old inputs.

    The latter can hold the content of a Secret in plain text.
    """
    meta = {key: value for key, value in live.get("metadata", {}).items() if key != "managedFields"}
    marks = meta.get("annotations")
    if isinstance(marks, dict) and LAST_APPLIED in marks:
        meta["annotations"] = {key: value for key, value in marks.items() if key != LAST_APPLIED}
    return {**live, "metadata": meta}


def inputs_from_live(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a program would write to make an object like this one, for an import."""
    kept = clean(live_state(live))
    kept.pop("status", None)
    meta = dict(kept.get("metadata", {}))
    marks = {k: v for k, v in meta.get("annotations", {}).items() if k != "deployment.kubernetes.io/revision"}
    meta.pop("annotations", None)
    return {**kept, "metadata": {**meta, **({"annotations": marks} if marks else {})}}


def inputs_after(live: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``inputs`` as they are in the live object now: the same but where it drifted."""
    result: dict[str, Any] = _followed(dict(live), dict(inputs), ())
    if inputs.get("kind") == "Secret" and isinstance(inputs.get("stringData"), dict):
        result["stringData"] = _decoded(live.get("data") or {}, inputs["stringData"])
    return result


def _followed(live: Any, inputs: Any, path: tuple[str | int, ...]) -> Any:
    if isinstance(inputs, dict) and isinstance(live, dict):
        result = {}
        for key, value in inputs.items():
            if live.get(key) is not None:
                result[key] = _followed(live[key], value, (*path, key))
            elif _empty(value):
                result[key] = value
        return result
    if isinstance(inputs, list) and isinstance(live, list):
        return _followed_list(live, inputs, path)
    return inputs if same(live, inputs, path) else live


def _followed_list(live: list[Any], inputs: list[Any], path: tuple[str | int, ...]) -> list[Any]:
    name = path[-1] if path else ""
    key = _MERGED_LISTS.get(str(name))
    if key and all(isinstance(item, dict) and key in item for item in (*live, *inputs)):
        found = {item[key]: item for item in live}
        return [_followed(found[item[key]], item, (*path, i)) for i, item in enumerate(inputs) if item[key] in found]
    if name in _OPEN_LISTS and all(any(_covers(item, wanted) for item in live) for wanted in inputs):
        return inputs
    result = [_followed(item, wanted, (*path, i)) for i, (item, wanted) in enumerate(zip(live, inputs, strict=False))]
    return result + live[len(inputs) :]


def _covers(live: Any, inputs: Any) -> bool:
    if isinstance(inputs, dict) and isinstance(live, dict):
        return all(key in live and _covers(live[key], value) for key, value in inputs.items())
    return bool(live == inputs)


def _empty(value: Any) -> bool:
    return not value


def _decoded(data: Mapping[str, Any], string_data: Mapping[str, Any]) -> dict[str, Any]:
    """Return stringData as the live data has it; a value that is no text any more stays in base64, which differs."""
    result = {}
    for key in string_data:
        if key in data:
            try:
                result[key] = base64.b64decode(data[key]).decode()
            except (binascii.Error, UnicodeDecodeError, TypeError):
                result[key] = data[key]
    return result
