"""Manifests in a folder instead of objects in a cluster: what ``renderYamlToDirectory`` asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from toolchain.plugins.kubernetes_provider import manifests, naming

DEFINITIONS: Final = "0-crd"
OTHERS: Final = "1-manifest"
"""Folders, by the order in which their content is to be applied."""


class _Dumper(yaml.SafeDumper):
    """Quotes every text that a reader of YAML could take for something else."""


for _tag, _pattern in (("int", manifests.INTEGER), ("float", manifests.FLOAT)):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, list("-+.0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", manifests.ONE_LETTER, list("yYnN"))


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Represent a text; line breaks that only Unicode knows are lost unless it stands in double quotes."""
    style = '"' if any(mark in text for mark in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def path(directory: str, obj: Mapping[str, Any]) -> Path:
    """Return where an object's manifest stands, named as the upstream provider does.

    Raises ValueError for a name that would lead out of the folder.
    """
    version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
    meta = naming.metadata(obj)
    parts = [version.translate({ord("/"): "_", ord(":"): "_"}), kind.lower(), meta.get("namespace") or "default"]
    name = "-".join([*map(str, parts), f"{meta.get('name', '')}.yaml"])
    if "/" in name or "\0" in name:
        raise ValueError(f"{kind} {naming.identity(obj)} cannot be rendered: its name cannot be the name of a file")
    return Path(directory, DEFINITIONS if kind == "CustomResourceDefinition" else OTHERS, name)


def write(directory: str, obj: Mapping[str, Any]) -> None:
    """Write an object's manifest, which only its owner may read, for it may hold the content of a Secret."""
    file = path(directory, obj)
    for folder in ("", DEFINITIONS, OTHERS):
        Path(directory, folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    text = yaml.dump(dict(obj), Dumper=_Dumper, allow_unicode=True, width=1_000_000)
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as target:
        target.write(text)
    fresh.replace(file)


def remove(directory: str, obj: Mapping[str, Any]) -> None:
    """Remove an object's manifest, if it is there."""
    path(directory, obj).unlink(missing_ok=True)
