"""What the provider does to objects of a cluster: apply, read, delete."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import client as http
from toolchain.plugins.kubernetes_provider import kinds, naming
from toolchain.plugins.kubernetes_provider.client import ApiError, Client, UnreachableError
from toolchain.plugins.kubernetes_provider.discovery import Discovery, Location, UnknownKindError
from toolchain.plugins.kubernetes_provider.kinds import Kind
from toolchain.plugins.kubernetes_provider.kubeconfig import Connection
from toolchain.plugins.kubernetes_provider.pace import Limits
from toolchain.plugins.kubernetes_provider.waiting import Waiter

DEFINITION_SECONDS: Final = 10.0
"""How long to wait for the API to serve a kind whose definition may just have been made."""


@dataclass(frozen=True)
class Target:
    """One object: its kind, its inputs as the API takes them, and who owns its fields."""

    kind: Kind
    inputs: dict[str, Any]
    manager: str
    force: bool = False
    """Whether to take over fields that others own."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """The inputs that were applied last."""


class Cluster:
    """One cluster's API, with the namespace of objects that name none."""

    def __init__(
        self, connection: Connection, namespace: str, cancelled: threading.Event, limits: Limits | None = None
    ) -> None:
        self.client = Client(connection, cancelled, limits)
        self.discovery = Discovery(self.client)
        self.waiter = Waiter(self.client, cancelled)
        self.namespace = namespace or connection.namespace or "default"
        self._cancelled = cancelled
        self._probing = threading.Lock()
        self._away: str | None = None  # why the server does not answer; None before it was asked

    def reach(self) -> None:
        """Ask the API server for a sign of life, once in a run; raise UnreachableError when there is none."""
        with self._probing:
            if self._away is None:
                self._away = ""
                try:
                    self.client.request("GET", "/version")
                except ApiError:
                    pass  # one that refuses is there
                except UnreachableError as error:
                    self._away = str(error)
        if self._away:
            raise UnreachableError(self._away)

    def serves(self, kind: Kind) -> bool:
        """Whether the API serves this kind now."""
        try:
            self.discovery.locate(kind)
        except UnknownKindError:
            return False
        return True

    def locate(self, kind: Kind) -> Location:
        """Return where a kind's objects are, waiting a little for a definition that was just made."""
        until = time.monotonic() + DEFINITION_SECONDS
        while True:
            try:
                return self.discovery.locate(kind)
            except UnknownKindError:
                if time.monotonic() > until or "." not in kind.group:
                    raise
                self.discovery.forget(kind)
                if self._cancelled.wait(0.5):
                    raise http.RunCancelledError from None

    def apply(
        self, target: Target, *, dry_run: bool, new: bool, warnings: list[str]
    ) -> tuple[dict[str, Any], Location]:
        """Apply an object for its field manager and return it as the API has it then.

        A dry run of a new object whose predecessor stands in its way is made under another name, as its predecessor
        will be gone by then.
        """
        where = self.locate(target.kind)
        body = self.body(target, where)
        namespace, name = body["metadata"].get("namespace", ""), body["metadata"].get("name", "")
        query = {
            "fieldManager": target.manager,
            "fieldValidation": "Warn",
            "force": "true" if target.force else "false",
        }
        if dry_run:
            query["dryRun"] = "All"
        path = where.path(namespace, name)
        try:
            done = self.client.request("PATCH", path, query=query, body=body, content=http.APPLY, warnings=warnings)
        except ApiError as error:
            if not (dry_run and new and error.code == 422):
                raise
            done = self._apply_elsewhere(body, where, query, warnings, error)
        return done, where

    def _apply_elsewhere(
        self, body: dict[str, Any], where: Location, query: Mapping[str, str], warnings: list[str], refused: ApiError
    ) -> dict[str, Any]:
        """Repeat a dry run under another name; raise what was ``refused`` if that is refused as well."""
        name, namespace = body["metadata"]["name"], body["metadata"].get("namespace", "")
        other = f"{name[:50]}-{naming.suffix()}"
        moved = {**body, "metadata": {**body["metadata"], "name": other}}
        path = where.path(namespace, other)
        try:
            done = self.client.request("PATCH", path, query=query, body=moved, content=http.APPLY, warnings=warnings)
        except ApiError:
            raise refused from None
        done["metadata"]["name"] = name
        return done

    def read(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        """Return a live object, or None if there is none (or no such kind any more)."""
        try:
            where = self.discovery.locate(kind)
            return self.client.request("GET", where.path(namespace or self.namespace, name))
        except UnknownKindError:
            return None
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def path(self, kind: Kind, namespace: str, name: str) -> str:
        """Return the path of an object, nothing if the API does not serve its kind any more."""
        try:
            return self.discovery.locate(kind).path(namespace or self.namespace, name)
        except UnknownKindError:
            return ""

    def delete(self, kind: Kind, obj: Mapping[str, Any], path: str) -> str | None:
        """Ask for an object's deletion; return its uid for waiting, or None if it is gone already."""
        asked = naming.marks(obj).get("pulumi.com/deletionPropagationPolicy")
        policy = str(asked or ("background" if kinds.owns_nothing(kind) else "foreground")).capitalize()
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        try:
            answer = self.client.request("DELETE", path, body=options)
        except ApiError as error:
            if error.code == 404:
                return None
            if error.code != 409:  # a namespace that is being deleted answers so
                raise
            return str(naming.metadata(obj).get("uid") or "")
        if answer.get("kind") == "Status":
            return str((answer.get("details") or {}).get("uid") or "")
        return str(answer.get("metadata", {}).get("uid") or "")

    def relinquish(self, target: Target) -> None:
        """Give up every field of an object that the target's manager owns; nobody's object is deleted by it."""
        where = self.locate(target.kind)
        bare = {
            "metadata": {key: value for key, value in target.inputs["metadata"].items() if key in ("name", "namespace")}
        }
        body = self.body(Target(target.kind, bare, target.manager), where)
        path = where.path(body["metadata"].get("namespace", ""), body["metadata"]["name"])
        try:
            self.client.request("PATCH", path, query={"fieldManager": target.manager}, body=body, content=http.APPLY)
        except ApiError as error:
            if error.code != 404:
                raise

    def body(self, target: Target, where: Location) -> dict[str, Any]:
        """Return an object as the API takes it."""
        meta = dict(naming.metadata(target.inputs))
        if not where.namespaced:
            meta.pop("namespace", None)
        elif not meta.get("namespace"):
            meta["namespace"] = self.namespace
        return {**target.inputs, "apiVersion": target.kind.api_version, "kind": target.kind.kind, "metadata": meta}


def forced(inputs: Mapping[str, Any], usual: bool) -> bool:  # noqa: FBT001 - the provider's argument
    """Whether an object takes over fields that others own: as its annotation says, or else as is usual."""
    asked = naming.marks(inputs).get("pulumi.com/patchForce")
    return usual if asked is None else bool(asked == "true")


def explain(error: ApiError, kind: Kind, identity: str) -> str:
    """Return one readable message for what the API refused."""
    managers = sorted({str(c.get("message", "")) for c in error.causes if c.get("reason") == "FieldManagerConflict"})
    if managers:
        fields = ", ".join(str(c.get("field", "")) for c in error.causes)
        return (
            f"{kind.kind} {identity}: others own fields that this program sets: {'; '.join(managers)} ({fields}). "
            'Have them give the fields up, or take the fields over with the annotation "pulumi.com/patchForce": "true"'
        )
    return error.message


def field_manager(urn: str, inputs: Mapping[str, Any], kept: str) -> str:
    """Return the field manager's name: the annotation's, the one kept in the state, or the resource's own."""
    named = naming.marks(inputs).get("pulumi.com/patchFieldManager")
    if isinstance(named, str) and named:
        return named
    return kept or naming.field_manager(urn)


def may_not_preview(error: ApiError) -> bool:
    """Whether a dry run failed only because this user has no right to make one, or its namespace is not there yet."""
    if error.code == 404 and error.reason == "NotFound" and "namespaces" in error.message:
        return True
    return error.code == 403 and any(f" cannot {verb} resource " in error.message for verb in ("patch", "create"))
