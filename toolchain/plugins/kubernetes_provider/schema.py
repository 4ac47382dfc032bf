"""The schema of the Kubernetes package, read from the installed SDK, which was generated from the upstream schema.

The engine asks for it where it writes code, as ``pulumi import`` does. It describes what a program passes in, without
texts: several MB of JSON, made in a few seconds. The engine keeps it.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import types
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from pulumi import CustomResource, Output
from pulumi._types import input_type_types, is_input_type

from toolchain.plugins.kubernetes_provider import VERSION

SDK: Final = "pulumi_kubernetes"

_SIMPLE: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}


def describe() -> dict[str, Any]:
    """Return the schema: the inputs of every resource of the installed SDK, and the types that these are made of."""
    modules = [importlib.import_module(name) for name in _module_names()]
    resources = {token: arguments for module in modules for token, arguments in _resources(module)}
    names = {module.__name__: _name(module) for module in modules}
    found = _Types({SDK: "index", **names})
    return {
        "name": "kubernetes",
        "version": VERSION,
        "language": {"python": {"moduleNameOverrides": {name: _folder(module) for module, name in names.items()}}},
        "provider": {"inputProperties": found.properties(sys.modules[f"{SDK}.provider"].ProviderArgs)},
        "resources": {token: {"inputProperties": found.properties(given)} for token, given in resources.items()},
        "types": found.described,
    }


def _module_names() -> Iterator[str]:
    """Yield the name of each of the SDK's modules that holds resources or types."""
    sdk = importlib.import_module(SDK)
    for found in pkgutil.walk_packages(sdk.__path__, f"{SDK}."):
        if found.ispkg:
            yield found.name


def _folder(module: str) -> str:
    """Return the path of a module within the SDK: ``rbac/v1``."""
    return module.removeprefix(f"{SDK}.").replace(".", "/")


def _name(module: types.ModuleType) -> str:
    """Return a module's name in types, such as ``rbac.authorization.k8s.io/v1``."""
    token = next((token for token, _ in _resources(module)), "")
    return token.split(":")[1] if token else _folder(module.__name__)


def _resources(module: types.ModuleType) -> Iterator[tuple[str, type]]:
    """Yield the type of each resource in one of the SDK's modules, and the class of its arguments."""
    for resource in vars(module).values():
        if isinstance(resource, type) and issubclass(resource, CustomResource) and hasattr(resource, "pulumi_type"):
            home = vars(sys.modules[resource.__module__])
            arguments = home.get(f"{resource.__name__}InitArgs") or home[f"{resource.__name__}Args"]
            yield str(resource.pulumi_type), arguments


class _Types:
    """The object types met so far, each described once."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.described: dict[str, Any] = {}
        self._names = names

    def properties(self, arguments: type) -> dict[str, Any]:
        """Describe the members of a class of arguments, by their names in the API."""
        return {name: self._type(hint) for name, hint in input_type_types(arguments).items()}

    def _type(self, hint: Any) -> dict[str, Any]:
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Union:
            choices: list[dict[str, Any]] = []
            for choice in inner:
                if not _is_wrapping(choice) and (described := self._type(choice)) not in choices:
                    choices.append(described)
            return choices[0] if len(choices) == 1 else {"oneOf": choices}
        if origin is typing.Literal:
            return {"type": "string", "const": inner[0]}
        if origin is Sequence:
            return {"type": "array", "items": self._type(inner[0])}
        if origin is Mapping:
            return {"type": "object", "additionalProperties": self._type(inner[1])}
        if isinstance(hint, type) and is_input_type(hint):
            return {"$ref": f"#/types/{self._described(hint)}"}
        simple = "string" if isinstance(hint, type) and issubclass(hint, Enum) else _SIMPLE.get(hint)
        return {"type": simple} if simple else {"$ref": "pulumi.json#/Any"}

    def _described(self, kind: type) -> str:
        home = kind.__module__.removesuffix("._inputs")
        token = f"kubernetes:{self._names[home]}:{kind.__name__.removesuffix('Args')}"
        if token not in self.described:
            self.described[token] = {"type": "object"}  # first, for a type may have itself as a member
            self.described[token]["properties"] = self.properties(kind)
        return token


def _is_wrapping(choice: Any) -> bool:
    """Whether a member of a union says that the value may come later or not at all, not what it is."""
    return choice is types.NoneType or typing.get_origin(choice) in {Awaitable, Output}


if __name__ == "__main__":
    json.dump(describe(), sys.stdout)
