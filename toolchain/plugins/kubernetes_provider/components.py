"""What a component of ``yaml/v2`` is made of: the objects of its manifests, each with its name in the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import kinds, manifests, naming, values
from toolchain.plugins.kubernetes_provider.manifests import Manifest, ManifestError
from toolchain.plugins.kubernetes_provider.values import UNKNOWN, Secret

CONFIG_FILE: Final = "kubernetes:yaml/v2:ConfigFile"
CONFIG_GROUP: Final = "kubernetes:yaml/v2:ConfigGroup"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"

Learn = Callable[[Mapping[str, Any]], None]
"""Takes note of a CustomResourceDefinition before anything is made."""
Place = Callable[[dict[str, Any]], dict[str, Any]]
"""Completes an object that names no namespace with the one it goes to."""


@dataclass(frozen=True)
class Arguments:
    """What a component was given; all of it is known but for values deep in ``objects``."""

    files: list[str]
    text: str
    objects: list[Any]
    """With the marks of secrets; each may be one mark as a whole."""
    prefix: str
    skip_await: bool = False
    patterns: bool = False
    secret_text: bool = False
    """Whether the text came as a secret, so that nothing of it may be shown."""


@dataclass(frozen=True)
class Child:
    """One object of a component."""

    name: str
    """Of its resource."""
    manifest: Manifest
    """Plain."""
    inputs: dict[str, Any]
    """The same object with the marks of secrets."""

    @property
    def type(self) -> str:
        """The resource's type, such as ``kubernetes:core/v1:ConfigMap``."""
        version = str(self.manifest.obj["apiVersion"])
        return f"kubernetes:{version if '/' in version else f'core/{version}'}:{self.manifest.obj['kind']}"


def arguments(component: str, name: str, inputs: Mapping[str, Any]) -> Arguments | None:
    """Read a component's inputs (with the marks of secrets); None if what decides its objects is not known yet.

    Raises ManifestError for inputs of the wrong type.
    """
    objects = inputs.get("objs", [])
    hidden = isinstance(objects, Secret)
    objects = objects.value if hidden else objects
    rest = values.plain({key: value for key, value in inputs.items() if key != "objs"})
    if values.has_unknown(rest) or objects is UNKNOWN:
        return None
    if not isinstance(objects, list):
        raise ManifestError("objs: must be a list of objects")
    if any(values.has_unknown(_identifying(values.plain(obj))) for obj in objects):
        return None
    files = [rest.get("file", "")] if component == CONFIG_FILE else rest.get("files", [])
    if not isinstance(files, list) or not all(isinstance(file, str) and file for file in files):
        raise ManifestError("file: must be a path" if component == CONFIG_FILE else "files: must be a list of paths")
    if not isinstance(text := rest.get("yaml", ""), str):
        raise ManifestError("yaml: must be text")
    return Arguments(
        files=files,
        text=text,
        objects=[Secret(obj) for obj in objects] if hidden else objects,
        prefix=str(rest.get("resourcePrefix", name)),
        skip_await=rest.get("skipAwait") is True,
        patterns=component == CONFIG_GROUP,
        secret_text=isinstance(inputs.get("yaml"), Secret),
    )


def _identifying(obj: Any) -> Any:
    """Return what of an object, or of the items of a list, decides which objects there are."""
    if not isinstance(obj, dict):
        return obj
    meta = obj.get("metadata")
    named = [meta.get("name"), meta.get("namespace")] if isinstance(meta, dict) else meta
    items = obj.get("items") if str(obj.get("kind")).endswith("List") else None
    return [obj.get("apiVersion"), obj.get("kind"), named, [_identifying(i) for i in items] if items else None]


def children(given: Arguments, learn: Learn, place: Place, missed: list[str]) -> list[Child]:
    """Return a component's objects in the order they were given, complete.

    ``missed`` is filled with the patterns that match no file. Raises ManifestError for what is no object.
    """
    found = []
    manifests_and_marks = list(_given(given, missed))
    for manifest, _ in manifests_and_marks:
        _check(manifest)
        if manifest.obj["kind"] == "CustomResourceDefinition":
            learn(manifest.obj)
    for manifest, marks in manifests_and_marks:
        obj = dict(manifest.obj)
        obj["apiVersion"] = obj["apiVersion"].removeprefix("core/")
        obj = place(obj)
        if given.skip_await:
            meta = naming.metadata(obj)
            obj["metadata"] = {**meta, "annotations": {**(meta.get("annotations") or {}), SKIP_AWAIT: "true"}}
        name = naming.identity(obj)
        inputs = _hidden(obj) if isinstance(marks, Secret) else values.mark_secrets(obj, marks)
        found.append(Child(f"{given.prefix}:{name}" if given.prefix else name, Manifest(manifest.where, obj), inputs))
    return found


def _given(given: Arguments, missed: list[str]) -> Iterator[tuple[Manifest, Any]]:
    """Yield the plain objects, each with what says which of its values are secret."""
    for manifest in manifests.read(given.files, patterns=given.patterns, missed=missed):
        yield manifest, {}
    for manifest in manifests.decode(given.text, "yaml"):
        yield manifest, Secret(None) if given.secret_text else {}
    for index, obj in enumerate(given.objects):
        where, plain = f"objs[{index}]", values.plain(obj)
        if not isinstance(plain, dict):
            raise ManifestError(f"{where}: is no object but a {type(plain).__name__}")
        for manifest in manifests.expand([Manifest(where, plain)]):
            listed = manifest.obj is not plain
            yield manifest, Secret(None) if listed and values.has_secret(obj) else {} if listed else obj


def _check(manifest: Manifest) -> None:
    """Raise ManifestError for a document that is not an object's."""
    obj = manifest.obj
    missing = [key for key in ("apiVersion", "kind") if not isinstance(obj.get(key), str) or not obj[key]]
    if not isinstance(naming.metadata(obj).get("name"), str) or not naming.metadata(obj)["name"]:
        missing.append("metadata.name")
    if missing:
        what = " ".join(filter(None, (str(obj.get("kind") or ""), str(naming.metadata(obj).get("name") or ""))))
        raise ManifestError(f"{manifest.where}: {what or 'the object'} has no {', no '.join(missing)}")
    namespace, marks = (naming.metadata(obj).get(key) for key in ("namespace", "annotations"))
    if not isinstance(namespace, str | None) or not isinstance(marks, dict | None):
        raise ManifestError(f"{manifest.where}: metadata.namespace must be text and metadata.annotations a map")
    if why := kinds.unsupported(f"kubernetes:{obj['apiVersion']}:{obj['kind']}"):
        raise ManifestError(f"{manifest.where}: {why}")


def _hidden(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object all of which is secret, but its identity."""
    meta = {key: value if key in ("name", "namespace") else Secret(value) for key, value in obj["metadata"].items()}
    rest = {key: value if key in ("apiVersion", "kind") else Secret(value) for key, value in obj.items()}
    return {**rest, "metadata": meta}
