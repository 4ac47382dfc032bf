"""Functions that programs call: objects out of YAML text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolchain.plugins.kubernetes_provider import kinds, manifests


def invoke(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a function by its name. Raises ValueError for one that is not offered."""
    if function == "kubernetes:yaml:decode":
        return {"result": decode(str(arguments.get("text", "")), str(arguments.get("defaultNamespace") or ""))}
    if why := kinds.unsupported(function):
        raise ValueError(why)
    raise ValueError(f"the function {function} is not offered by this provider")


def decode(text: str, namespace: str = "") -> list[dict[str, Any]]:
    """Return the objects of a YAML text, the items of lists among them; ``namespace`` is for objects that name none."""
    objects = [manifest.obj for manifest in manifests.decode(text, "yaml")]
    for obj in objects:
        if namespace and isinstance(obj.get("metadata"), dict):
            obj["metadata"].setdefault("namespace", namespace)
    return objects
