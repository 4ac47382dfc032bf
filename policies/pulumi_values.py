"""What the Pulumi engine sends of a resource, as the manifest it stands for.

The engine marks what a map cannot hold: a secret is a map with a signature and the value; a value that a preview does
not know is one of seven texts. They are those of Pulumi's SDKs (sdk/go/common/resource/properties.go, plugin/rpc.go).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct, Value

from policies.remediation import Change
from policies.unknown import UNKNOWN

PROVIDER: Final = "kubernetes:"
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - marks one, is none
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a text that is not known; one of seven that a preview has, by what is not known."""
_UNKNOWN_TEXTS: Final = frozenset(
    (
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    )
)


def manifest_of(resource_type: str, properties: Struct) -> dict[str, Any]:
    """Turn a resource of the Kubernetes provider into the manifest it stands for, unknown values marked.

    A resource that only patches an object has ``Patch`` at the end of its kind, as in the provider.
    """
    version, kind = identity(resource_type)
    manifest = _map(properties)
    manifest.update(apiVersion=version, kind=kind)
    return manifest


def identity(resource_type: str) -> tuple[str, str]:
    """Return apiVersion and kind of a resource of the Kubernetes provider; of any other, what matches no rule."""
    provider, _, rest = resource_type.partition(":")
    api, _, kind = rest.partition(":")
    return (api.removeprefix("core/"), kind) if f"{provider}:" == PROVIDER else ("", "")


def mended(properties: Struct, changes: Sequence[Change]) -> Struct:
    """Return what the engine sent, with changes; secrets and unknown values in it stay what they are."""
    result = Struct()
    result.CopyFrom(properties)
    for change in changes:
        *above, last = change.path
        at = result
        for name in above:
            at = _inner(at.fields[name])
        at[last] = change.value
    return result


def _inner(value: Value) -> Struct:
    """Return the map that a value holds or is to hold, within a secret if it is one."""
    found = value.struct_value
    while SIGNATURE in found.fields:
        found = found.fields["value"].struct_value
    return found


def _map(struct: Struct) -> dict[str, Any]:
    return {key: _READ[value.WhichOneof("kind")](value) for key, value in struct.fields.items()}


def _list(value: Value) -> list[Any]:
    return [_READ[item.WhichOneof("kind")](item) for item in value.list_value.values]


def _text(value: Value) -> Any:
    text = value.string_value
    return UNKNOWN if text in _UNKNOWN_TEXTS else text


def _members(value: Value) -> Any:
    found = _map(value.struct_value)
    return found.get("value") if found.get(SIGNATURE) == SECRET else found


_READ: Final[dict[str | None, Callable[[Value], Any]]] = {
    "string_value": _text,
    "struct_value": _members,
    "list_value": _list,
    "number_value": lambda value: value.number_value,
    "bool_value": lambda value: value.bool_value,
    "null_value": lambda _: None,
    None: lambda _: None,
}
