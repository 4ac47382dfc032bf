"""Names: which objects get one made for them, and how objects are named in the engine's state."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

AUTONAMED: Final = "pulumi.com/autonamed"
SUFFIX_LENGTH: Final = 8


class UnnamedError(Exception):
    """The object needs a name that neither the program nor the configuration gives."""


def suffix(seed: bytes = b"") -> str:
    """Return eight hexadecimal digits; the same ``seed`` gives the same ones, no seed gives new ones each time."""
    return hashlib.sha256(seed).hexdigest()[:SUFFIX_LENGTH] if seed else secrets.token_hex(SUFFIX_LENGTH // 2)


def field_manager(urn: str) -> str:
    """Return the name of the owner of one object's fields.

    It is the same in every run, so that a run that was killed after it made an object, and before that was recorded,
    leaves nothing that conflicts with the next.
    """
    return f"pulumi-kubernetes-{suffix(urn.encode())}"


class Names:
    """Makes the random part of names: the same one when a run that was killed is repeated, or else another.

    Without that, an object that was made and not yet recorded would stay for ever beside its second self.
    """

    def __init__(self, owner: str) -> None:
        """Take the provider's id in the state, nothing where it has none yet, as in the preview of a new stack."""
        self._owner = owner
        self._before: dict[str, str] = {}

    def remember(self, urn: str, name: str) -> None:
        """Take note of the name that a resource has now, for a successor that stands beside it needs another."""
        self._before[urn] = name

    def seed(self, urn: str, given: bytes = b"") -> bytes:
        """Return what to make the name of a new object from; ``given`` is used where the provider has no id."""
        return f"{self._owner}\n{urn}\n{self._before.get(urn, '')}".encode() if self._owner else given


def metadata(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object's metadata, or an empty map where it has none that is known."""
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def marks(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object's annotations, or an empty map where it has none that are known."""
    found = metadata(obj).get("annotations")
    return found if isinstance(found, dict) else {}


def named(
    inputs: dict[str, Any],
    old: Mapping[str, Any],
    resource: str,
    *,
    seed: bytes = b"",
    proposed: str = "",
    mode: str = "PROPOSE",
) -> dict[str, Any]:
    """Return ``inputs`` with a name: the program's own, the one made before, or a new one after ``resource``.

    ``proposed`` and ``mode`` are the project's naming configuration (PROPOSE, ENFORCE or DISABLE).
    """
    meta = inputs.get("metadata", {})
    if not isinstance(meta, dict) or meta.get("name") is not None or meta.get("generateName") is not None:
        return inputs
    if old and AUTONAMED in marks(old) and metadata(old).get("name"):
        name = metadata(old)["name"]
    elif mode == "DISABLE":
        raise UnnamedError("automatic names are disabled in this project: set metadata.name")
    else:
        name = proposed or f"{resource}-{suffix(seed)}"
    marked = meta.get("annotations", {})
    if isinstance(marked, dict):
        marked = {**marked, AUTONAMED: "true"}
    return {**inputs, "metadata": {**meta, "name": name, "annotations": marked}}


def generated(inputs: dict[str, Any], seed: bytes) -> dict[str, Any]:
    """Return inputs that ask for a name with their ``generateName`` with such a name.

    It is made here and not by the server, so that a request whose answer was lost can be repeated.
    """
    meta = metadata(inputs)
    prefix = meta.get("generateName")
    if meta.get("name") or not isinstance(prefix, str):
        return inputs
    return {**inputs, "metadata": {**meta, "name": f"{prefix}{suffix(seed)}"}}


def identity(obj: Mapping[str, Any]) -> str:
    """Return the object's id in the engine's state: ``namespace/name``, or ``name`` without a namespace."""
    meta = metadata(obj)
    return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else str(meta.get("name", ""))


def parse_identity(text: str) -> tuple[str, str]:
    """Return namespace (or nothing) and name of an id."""
    namespace, _, name = text.rpartition("/")
    return namespace, name


def is_autonamed(obj: Mapping[str, Any]) -> bool:
    """Whether the object's name was made here."""
    return bool(marks(obj).get(AUTONAMED) == "true")
