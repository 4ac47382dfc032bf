"""What must be there before what, among the objects of one group."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from toolchain.plugins.kubernetes_provider import kinds, naming
from toolchain.plugins.kubernetes_provider.manifests import Manifest, ManifestError

DEPENDS_ON: Final = "config.kubernetes.io/depends-on"


class Identity(NamedTuple):
    """What tells an object from all others of a cluster; the version of its kind does not."""

    group: str
    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def identify(obj: Mapping[str, Any]) -> Identity:
    """Return an object's identity; it has a kind and a name."""
    meta = naming.metadata(obj)
    return Identity(
        kinds.of(obj, "::").group, str(meta.get("namespace") or ""), str(obj["kind"]), str(meta.get("name", ""))
    )


def dependencies(manifests: Sequence[Manifest]) -> dict[Identity, list[Identity]]:
    """Return for each object, in the given order, the objects of the same group that must be there before it.

    These are the definition of its kind, its namespace, and those that its annotation names. Raises ManifestError for
    an object that is there twice, for a reference that names none of these objects, and for objects that wait for
    each other.
    """
    places: dict[Identity, str] = {}
    for manifest in manifests:
        identity = identify(manifest.obj)
        if identity in places:
            raise ManifestError(f"{manifest.where}: {identity} is there already: {places[identity]}")
        places[identity] = manifest.where
    definitions = {_defined(m.obj): identify(m.obj) for m in manifests if m.obj["kind"] == "CustomResourceDefinition"}
    namespaces = {one.name: one for one in places if (one.group, one.kind) == ("", "Namespace")}
    needed: dict[Identity, list[Identity]] = {}
    for manifest in manifests:
        identity = identify(manifest.obj)
        implied = (definitions.get((identity.group, identity.kind)), namespaces.get(identity.namespace))
        named = _named(manifest, places)
        needed[identity] = list(dict.fromkeys(one for one in (*implied, *named) if one is not None))
    try:
        graphlib.TopologicalSorter(needed).prepare()
    except graphlib.CycleError as error:
        circle = " waits for ".join(str(one) for one in reversed(error.args[1]))
        raise ManifestError(f"{places[error.args[1][0]]}: {circle}") from error
    return needed


def _defined(definition: Mapping[str, Any]) -> tuple[str, str]:
    """Return group and kind of what a CustomResourceDefinition defines."""
    spec = definition.get("spec")
    names = spec.get("names") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(names, dict):
        return "", ""
    return str(spec.get("group", "")), str(names.get("kind", ""))


def _named(manifest: Manifest, places: Mapping[Identity, str]) -> list[Identity]:
    text = naming.marks(manifest.obj).get(DEPENDS_ON)
    if not isinstance(text, str):
        return []
    found = []
    for reference in (part.strip() for part in text.split(",") if part.strip()):
        match reference.split("/"):
            case [group, "namespaces", namespace, kind, name]:
                identity = Identity(group, namespace, kind, name)
            case [group, kind, name]:
                identity = Identity(group, "", kind, name)
            case _:
                raise ManifestError(
                    f"{manifest.where}: {DEPENDS_ON} names {reference!r}; write <group>/namespaces/<namespace>/<kind>/"
                    "<name>, or <group>/<kind>/<name> for what is in no namespace"
                )
        if identity not in places:
            raise ManifestError(f"{manifest.where}: {DEPENDS_ON} names {reference!r}, which is not in this group")
        found.append(identity)
    return found
