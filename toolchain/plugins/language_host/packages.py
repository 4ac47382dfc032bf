"""What is installed for a project."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from pulumi.runtime.proto import plugin_pb2

from toolchain.plugins.language_host.environment import PythonEnvironment


def required(environment: PythonEnvironment) -> Iterator[Any]:
    """Yield the resource plugin that each installed package needs, as its pulumi-plugin.json says."""
    for folder in environment.site_packages():
        for file in sorted(folder.glob("*/pulumi-plugin.json")):
            try:
                described = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(described, dict) and described.get("resource"):
                yield _dependency(described, file.parent.name.removeprefix("pulumi_").replace("_", "-"))


def _dependency(described: dict[str, Any], name: str) -> Any:
    dependency = plugin_pb2.PackageDependency(
        name=described.get("name") or name,
        kind="resource",
        version=described.get("version") or "",
        server=described.get("server") or "",
    )
    if given := described.get("parameterization"):
        dependency.parameterization.name = given["name"]
        dependency.parameterization.version = given["version"]
        dependency.parameterization.value = base64.b64decode(given.get("value") or "")
    return dependency


def installed(environment: PythonEnvironment, *, transitive: bool) -> list[tuple[str, str]]:
    """Return name and version of each installed distribution; all, or only those that no other one requires."""
    found = {
        _normal(distribution.metadata["Name"]): distribution
        for folder in environment.site_packages()
        for distribution in metadata.distributions(path=[str(folder)])
    }
    needed = set() if transitive else {name for one in found.values() for name in _requirements(one)}
    return [(name, found[name].version) for name in sorted(found.keys() - needed)]


def _requirements(distribution: metadata.Distribution) -> Iterator[str]:
    for text in distribution.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _normal(requirement.name)


def _normal(name: str) -> str:
    """Return a distribution's name in the one form that all its spellings have."""
    return re.sub(r"[-_.]+", "-", name).lower()
