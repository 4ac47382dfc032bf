"""Have the policy SDK turn a resource's properties into Python once, not once a policy.

For each policy the SDK deserialises and wraps the same properties anew: with a hundred policies that is most of what a
pack costs. The values are read-only for policies, so all may share one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi_policy import deserialize, policy, proxy

_KEPT: Final = 4096
"""Resources whose values are kept: those of a large stack."""


def install() -> None:
    """Put the remembering functions in the place of the SDK's own, in this process."""
    policy.json_format = SimpleNamespace(MessageToDict=lambda message: message)
    policy.deserialize_properties = _deserialised


def _deserialised(message: struct_pb2.Struct, *options: Any) -> Any:
    if options:  # a remediation gets values of its own, for it may change them
        return deserialize.deserialize_properties(MessageToDict(message), *options)
    return _remembered(message.SerializeToString(deterministic=True))


@lru_cache(_KEPT)
def _remembered(serialised: bytes) -> Any:
    values = deserialize.deserialize_properties(MessageToDict(struct_pb2.Struct.FromString(serialised)))
    return proxy.unknown_checking_proxy(values)  # what it gives, it does not wrap again


def once(
    turn: Callable[[str, Mapping[str, Any]], dict[str, Any]],
) -> Callable[[str, Mapping[str, Any]], dict[str, Any]]:
    """Remember what a function makes of a resource's type and properties, as long as the properties are the same."""
    kept: dict[tuple[str, int], tuple[Any, dict[str, Any]]] = {}

    def remembering(resource_type: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        target = properties if isinstance(properties, dict) else properties["__target"]
        key = (resource_type, id(target))
        if key not in kept:
            if len(kept) >= _KEPT:
                kept.clear()
            kept[key] = (target, turn(resource_type, properties))  # the target is kept, so that its id stays its own
        return kept[key][1]

    return remembering
