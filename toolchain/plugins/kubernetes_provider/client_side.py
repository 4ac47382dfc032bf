"""Changes computed here and sent as patches, for programs that turn server-side apply off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import naming, normalize
from toolchain.plugins.kubernetes_provider.client import ApiError
from toolchain.plugins.kubernetes_provider.cluster import Cluster, Target
from toolchain.plugins.kubernetes_provider.discovery import Location
from toolchain.plugins.kubernetes_provider.kinds import Path

MANAGER: Final = "pulumi-kubernetes"
"""Owner of the fields of every object made without server-side apply."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_MERGE: Final = "application/merge-patch+json"
_JSON_PATCH: Final = "application/json-patch+json"


def is_labelled(obj: Mapping[str, Any]) -> bool:
    """Whether an object has the label that says who manages it."""
    labels = naming.metadata(obj).get("labels")
    return isinstance(labels, dict) and labels.get(MANAGED_BY) == "pulumi"


def labelled(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return inputs with the label that says who manages the object."""
    meta = inputs.get("metadata", {})
    if not isinstance(meta, dict) or not isinstance(labels := meta.get("labels", {}), dict):
        return inputs
    return {**inputs, "metadata": {**meta, "labels": {**labels, MANAGED_BY: "pulumi"}}}


def patch(old: Mapping[str, Any], live: Mapping[str, Any], new: Mapping[str, Any], path: Path = ()) -> dict[str, Any]:
    """Return the merge patch that makes a live object what the program asks for.

    It sets what ``new`` has and the live object has not, and removes what ``old`` (the inputs applied last) had and
    ``new`` has not. What others set stays. A list is one value.
    """
    changes: dict[str, Any] = {}
    for key, value in new.items():
        held = live.get(key)
        if isinstance(value, dict) and isinstance(held, dict):
            before = old.get(key)
            if deeper := patch(before if isinstance(before, dict) else {}, held, value, (*path, key)):
                changes[key] = deeper
        elif key not in live or not normalize.same(held, value, (*path, key)):
            changes[key] = value
    changes.update({key: None for key in old if key not in new and key in live})
    return changes


class ClientSideCluster(Cluster):
    """A cluster whose objects are made by plain requests and changed by merge patches."""

    def apply(
        self, target: Target, *, dry_run: bool, new: bool, warnings: list[str]
    ) -> tuple[dict[str, Any], Location]:
        """Make or change an object and return it as the API has it then.

        Of a new object whose predecessor is still there, a dry run tells the inputs.
        """
        where = self.locate(target.kind)
        body = self.body(target, where)
        query = {"fieldManager": target.manager, "fieldValidation": "Warn", **({"dryRun": "All"} if dry_run else {})}
        path = where.path(body["metadata"].get("namespace", ""))
        if new:
            try:
                return self.client.request("POST", path, query=query, body=body, warnings=warnings), where
            except ApiError as error:
                if not (dry_run and error.reason == "AlreadyExists"):
                    raise
                return body, where
        path = where.path(body["metadata"].get("namespace", ""), body["metadata"]["name"])
        live = self.client.request("GET", path)
        if change := patch(target.before, live, body):
            live = self.client.request("PATCH", path, query=query, body=change, content=_MERGE, warnings=warnings)
        return live, where


def hand_over(cluster: Cluster, target: Target) -> None:
    """Make what an object's client-side manager owns the server-side manager's, so that this may also remove it."""
    where = cluster.locate(target.kind)
    meta = cluster.body(target, where)["metadata"]
    path = where.path(meta.get("namespace", ""), meta["name"])
    live = cluster.client.request("GET", path)["metadata"]
    owners = handed_over(live.get("managedFields") or [], target.manager)
    if owners is not None:
        change = [
            {"op": "replace", "path": "/metadata/managedFields", "value": owners},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": live["resourceVersion"]},
        ]
        cluster.client.request("PATCH", path, body=change, content=_JSON_PATCH)


def handed_over(owners: list[dict[str, Any]], manager: str) -> list[dict[str, Any]] | None:
    """Return the record of a live object's owners after that; None if there is nothing to hand over."""

    def is_ours(entry: Mapping[str, Any], name: str, operation: str) -> bool:
        return (entry.get("manager"), entry.get("operation")) == (name, operation) and not entry.get("subresource")

    given = [entry for entry in owners if is_ours(entry, MANAGER, "Update")]
    if not given:
        return None
    taken = [entry for entry in owners if is_ours(entry, manager, "Apply")]
    fields: dict[str, Any] = {}
    for entry in (*taken, *given):
        fields = _union(fields, entry.get("fieldsV1") or {})
    others = [entry for entry in owners if entry not in (*given, *taken)]
    return [*others, {**given[-1], "manager": manager, "operation": "Apply", "fieldsV1": fields}]


def _union(left: dict[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    return {**left, **{key: _union(left.get(key, {}), value) for key, value in right.items()}}
