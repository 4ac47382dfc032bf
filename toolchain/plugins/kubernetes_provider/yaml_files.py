"""Functions that programs call: objects out of YAML text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def invoke(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a function by its name. Raises ValueError for one that is not offered."""
    if function == "kubernetes:yaml:decode":
        return {"result": decode(str(arguments.get("text", "")), str(arguments.get("defaultNamespace") or ""))}
    if function.startswith("kubernetes:helm:"):
        raise ValueError(
            "Helm charts need the upstream provider; render the chart with 'helm template' and apply the result"
        )
    raise ValueError(f"the function {function} is not offered by this provider")


def decode(text: str, namespace: str = "") -> list[dict[str, Any]]:
    """Return the objects of a YAML text, the items of lists among them; ``namespace`` is for objects that name none."""
    objects: list[dict[str, Any]] = []
    try:
        for document in yaml.safe_load_all(text):
            if isinstance(document, dict):
                items = document.get("items") if str(document.get("kind", "")).endswith("List") else None
                objects += items if isinstance(items, list) else [document]
    except yaml.YAMLError as error:
        raise ValueError(f"the text is not YAML: {error}") from error
    for obj in objects:
        if namespace and isinstance(obj.get("metadata"), dict):
            obj["metadata"].setdefault("namespace", namespace)
    return objects
