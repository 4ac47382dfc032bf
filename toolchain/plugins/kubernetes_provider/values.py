"""Values as they cross to the engine and back.

In here a property is plain JSON (None, bool, int, float, str, list, dict) with two additions: ``UNKNOWN`` for what
is not known before an update has run, and ``Secret`` around what must never be shown.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker of the protocol
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        UNKNOWN_TEXT,
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_GO_ESCAPES: Final = re.compile("[<>&\u2028\u2029]")
"""What JSON written by Go escapes beside what every JSON does."""
WHOLE: Final = 2**63
"""Whole numbers below this are integers to the API, as in Go, though above 2**53 the engine may have rounded them."""


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True, eq=False)
class Secret:
    """A value that is encrypted in state and hidden everywhere else; its text form does not show it."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Read the engine's properties; members that are null are left out, whole numbers become int."""
    result = {}
    for key, value in struct.fields.items():
        read = _from_value(value)
        if read is not None:
            result[key] = read
    return result


def _from_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            return UNKNOWN if text in UNKNOWN_TEXTS else text
        case "struct_value":
            return _from_signed(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "number_value":
            return whole(value.number_value)
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _from_signed(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    if SIGNATURE not in fields:
        return from_struct(struct)
    match fields[SIGNATURE].string_value:
        case s if s == SECRET_SIGNATURE:
            return Secret(_from_value(fields["value"])) if "value" in fields else None
        case s if s == OUTPUT_SIGNATURE:
            known = _from_value(fields["value"]) if "value" in fields else UNKNOWN
            return Secret(known) if "secret" in fields and fields["secret"].bool_value else known
        case s if s == RESOURCE_SIGNATURE:
            return _from_value(fields["id"] if "id" in fields else fields["urn"])
        case _:
            raise ValueError("a Kubernetes resource takes no assets and no archives")


def whole(number: float) -> int | float:
    """Return a number that came as a float as an int where it is whole, as the API writes it."""
    if math.isfinite(number) and number == int(number) and abs(number) < WHOLE:
        return int(number)
    return number


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Write properties for the engine; members that are None are left out."""
    result = struct_pb2.Struct()
    _fill(result, properties)
    return result


def _fill(struct: struct_pb2.Struct, properties: Mapping[str, Any]) -> None:
    for key, value in properties.items():
        if value is not None:
            _write(struct.fields[key], value)


def _write(target: struct_pb2.Value, value: Any) -> None:
    match value:
        case None:
            target.null_value = struct_pb2.NULL_VALUE
        case bool():
            target.bool_value = value
        case str():
            target.string_value = value
        case int() | float():
            target.number_value = value
        case dict():
            target.struct_value.SetInParent()
            _fill(target.struct_value, value)
        case list():
            target.list_value.SetInParent()
            for item in value:
                _write(target.list_value.values.add(), item)
        case Secret():
            fields = target.struct_value.fields
            fields[SIGNATURE].string_value = SECRET_SIGNATURE
            _write(fields["value"], value.value)
        case _Unknown():
            target.string_value = UNKNOWN_TEXT
        case _:
            raise TypeError(f"a property cannot hold a {type(value).__name__}")


def plain(value: Any) -> Any:
    """Return a copy without the marks of secrets; what is unknown stays so."""
    match value:
        case Secret():
            return plain(value.value)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def has_unknown(value: Any) -> bool:
    """Whether anything in this value is not known yet."""
    match value:
        case _Unknown():
            return True
        case Secret():
            return has_unknown(value.value)
        case dict():
            return any(has_unknown(item) for item in value.values())
        case list():
            return any(has_unknown(item) for item in value)
        case _:
            return False


def has_secret(value: Any) -> bool:
    """Whether anything in this value is secret."""
    match value:
        case Secret():
            return True
        case dict():
            return any(has_secret(item) for item in value.values())
        case list():
            return any(has_secret(item) for item in value)
        case _:
            return False


def mark_secrets(target: dict[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``target`` with everything secret that is secret in ``source``, and the content of every Secret.

    Maps are followed member by member; a list with a secret anywhere in it is secret as a whole, for a server may
    order lists anew.
    """
    result = dict(target)
    for key, value in source.items():
        held = result.get(key)
        if held is None:
            continue
        if isinstance(held, dict) and isinstance(value, dict):
            result[key] = mark_secrets(held, value)
        elif not isinstance(held, Secret) and has_secret(value):
            result[key] = Secret(plain(held))
    if result.get("kind") == "Secret" and result.get("apiVersion") == "v1":
        for key in ("data", "stringData"):
            if result.get(key) is not None and not isinstance(result[key], Secret):
                result[key] = Secret(plain(result[key]))
    return result


def secret_texts(value: Any, *, inside: bool = False) -> Iterator[str]:
    """Yield each text and number under a secret in every spelling that a message may have of it."""
    match value:
        case Secret():
            yield from secret_texts(value.value, inside=True)
        case dict():
            for item in value.values():
                yield from secret_texts(item, inside=inside)
        case list():
            for item in value:
                yield from secret_texts(item, inside=inside)
        case str() if inside and len(value) > 2:
            yield from _spellings(value)
        case int() | float() if inside and not isinstance(value, bool) and len(str(value)) > 2:
            yield from _spellings(str(value))


def _spellings(text: str) -> Iterator[str]:
    """Yield a text as it is, in base64 (and, where it is base64, what it stands for), and as JSON quotes it."""
    known = [text]
    with suppress(ValueError):
        known.append(base64.b64decode(text, validate=True).decode())
    for spelling in known:
        if len(spelling) > 2:
            plain_json, ascii_json = (json.dumps(spelling, ensure_ascii=flag)[1:-1] for flag in (False, True))
            yield from (spelling, base64.b64encode(spelling.encode()).decode(), plain_json, ascii_json)
            yield _GO_ESCAPES.sub(lambda found: f"\\u{ord(found[0]):04x}", plain_json)


def redact(message: str, *sources: Any) -> str:
    """Return ``message`` without any text that is secret in ``sources``."""
    texts = sorted({text for source in sources for text in secret_texts(source)}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, texts)), "[secret]", message) if texts else message
