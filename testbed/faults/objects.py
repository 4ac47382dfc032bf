"""Breaking objects of the API server: taken away, changed, added. Paths and manifests may say ``{a}`` and ``{b}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from testbed.faults.cloud import Cloud
from testbed.faults.fault import Change

RBAC = "rbac.authorization.k8s.io"
_OF_THE_SERVER = ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields", "deletionTimestamp")


def removed(path: str) -> Change:
    """Take an object away; it comes back as it was."""

    def on(cloud: Cloud) -> None:
        place = cloud.named(path)
        if (found := cloud.api.get(place)) is not None:
            cloud.record.keep(place, bare(found))
            cloud.api.remove(place)

    def off(cloud: Cloud) -> None:
        place = cloud.named(path)
        if (before := cloud.record.kept(place)) is not None:
            cloud.api.create(place.rpartition("/")[0], before)

    return Change(on, off)


def changed(path: str, patch: Mapping[str, Any]) -> Change:
    """Change fields of an object by a merge patch; these fields, and no others, get their values back."""

    def on(cloud: Cloud) -> None:
        place, new = cloud.named(path), cloud.named(patch)
        cloud.record.keep(place, reverse(new, cloud.api.get(place) or {}))
        cloud.api.patch(place, new)

    def off(cloud: Cloud) -> None:
        place = cloud.named(path)
        before = cloud.record.kept(place)
        if before is not None and cloud.api.get(place) is not None:
            cloud.api.patch(place, before)

    return Change(on, off)


def added(collection: str, manifest: Mapping[str, Any]) -> Change:
    """Add an object; it is taken away again."""

    def on(cloud: Cloud) -> None:
        cloud.api.create(cloud.named(collection), cloud.named(manifest))

    def off(cloud: Cloud) -> None:
        cloud.api.remove(f"{cloud.named(collection)}/{cloud.named(manifest['metadata']['name'])}")

    return Change(on, off)


def bound(
    name: str, role: str, subject: Mapping[str, str], namespace: str = "", *, kind: str = "ClusterRole"
) -> Change:
    """Bind a subject to a role, in one namespace or, where none is given, in the whole cluster."""
    place = f"/namespaces/{namespace}/rolebindings" if namespace else "/clusterrolebindings"
    manifest = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [subject],
    }
    return added(f"/apis/{RBAC}/v1{place}", manifest)


def granted(name: str, rules: list[dict[str, list[str]]], subject: Mapping[str, str], namespace: str = "") -> Change:
    """Give a subject rights by a role of its own, in one namespace or, where none is given, in the whole cluster."""
    place = f"/namespaces/{namespace}/roles" if namespace else "/clusterroles"
    kind = "Role" if namespace else "ClusterRole"
    role = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name}, "rules": rules}
    return added(f"/apis/{RBAC}/v1{place}", role) + bound(name, name, subject, namespace, kind=kind)


def bare(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without what the server adds, so that it can be made again."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in _OF_THE_SERVER}
    return {**{key: value for key, value in manifest.items() if key != "status"}, "metadata": metadata}


def reverse(patch: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that undoes ``patch`` on an object that was ``before``."""
    undone: dict[str, Any] = {}
    for key, value in patch.items():
        old = before.get(key)
        undone[key] = reverse(value, old) if isinstance(value, Mapping) and isinstance(old, Mapping) else old
    return undone
