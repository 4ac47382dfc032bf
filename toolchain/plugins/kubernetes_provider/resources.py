"""What happens to a resource: it is applied, read back and deleted."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import checkpoint, client_side, kinds, naming, normalize, values, waiting
from toolchain.plugins.kubernetes_provider import cluster as clusters
from toolchain.plugins.kubernetes_provider.calls import PartialError, RefusedError, Request, Teller
from toolchain.plugins.kubernetes_provider.client import ApiError, UnreachableError
from toolchain.plugins.kubernetes_provider.cluster import Target
from toolchain.plugins.kubernetes_provider.configuration import Configuration
from toolchain.plugins.kubernetes_provider.inputs import Inputs
from toolchain.plugins.kubernetes_provider.waiting import NotReadyError

DEPRECATION: Final = re.compile(r" is deprecated in v\d")
"""In the API server's warnings about versions of the API."""
KEPT: Final = (
    "not deleted: this run has made or changed the same object under the same name. To have an object replaced that "
    "keeps its name, set deleteBeforeReplace; to rename a resource, give it an alias"
)
STANDS: Final = (
    "already exists, and this resource did not make it. Take it in with 'pulumi import'; if this resource was "
    "renamed, give it an alias; to overwrite what is there, set upsertExistingObjects on the provider"
)


class Resources(Inputs):
    """The resources of one cluster."""

    def __init__(self, configuration: Configuration, cancelled: threading.Event, identity: str = "") -> None:
        """Take the provider's arguments and its id in the state, which is empty where it has none yet."""
        super().__init__(configuration, cancelled, identity)
        self._applied: dict[str, str] = {}  # the field managers of what this run has made or changed, by path

    def skips_updates(self, tell: Teller) -> bool:
        """Whether nothing is to be changed because the cluster is away and the provider's arguments allow for that."""
        if not self._configuration.skip_update_unreachable:
            return False
        try:
            self.cluster.reach()
        except UnreachableError as error:
            tell(f"{error}; kept as it was, as skipUpdateUnreachable asks", "WARNING")
            return True
        return False

    def create(self, asked: Request, tell: Teller, *, dry_run: bool) -> tuple[str, dict[str, Any]]:
        """Make an object and wait until it is ready; return its id and state. A dry run returns what it would be."""
        target = self._target(asked, "")
        if dry_run:
            return "", self._preview(asked, target, tell, new=True)
        live = self._apply(asked, target, tell, new=True)
        return naming.identity(live), self._state(asked, live, target.manager)

    def update(self, asked: Request, tell: Teller, *, dry_run: bool) -> dict[str, Any]:
        """Change an object and wait until it is ready; return its state. A dry run returns what it would be."""
        kept = checkpoint.manager_of(asked.olds)
        target = self._target(asked, kept)
        migrates = kept == client_side.MANAGER and self._configuration.server_side_apply
        if dry_run:
            return self._preview(asked, replace(target, force=target.force or migrates), tell, new=False)
        if migrates:
            client_side.hand_over(self.cluster, target)
        live = self._apply(asked, target, tell, new=False)
        if kept and kept != target.manager and self._configuration.server_side_apply:
            self.cluster.relinquish(replace(target, manager=kept))
        return self._state(asked, live, target.manager)

    def _target(self, asked: Request, kept_manager: str) -> Target:
        inputs = normalize.clean(values.plain(asked.news))
        if asked.identity and not naming.metadata(inputs).get("name"):  # it was made from generateName
            namespace, name = naming.parse_identity(asked.identity)
            place = {"name": name, **({"namespace": namespace} if namespace else {})}
            inputs["metadata"] = {**naming.metadata(inputs), **place}
        inputs = naming.generated(inputs, self._names.seed(asked.urn))
        return Target(
            kinds.of(inputs, asked.type),
            inputs,
            self._manager(asked, inputs, kept_manager),
            force=clusters.forced(inputs, self._configuration.patch_force),
            before=checkpoint.last_inputs(asked.olds, asked.old_inputs),
        )

    def _manager(self, asked: Request, inputs: Mapping[str, Any], kept: str) -> str:
        if not self._configuration.server_side_apply:
            return client_side.MANAGER
        return clusters.field_manager(asked.urn, inputs, kept)

    def _refuse_standing(self, target: Target) -> None:
        """Raise RefusedError for an object to be made that stands already, unless it may be taken over.

        One that this resource made in a run that was killed before it was recorded is known by its fields' owner.
        """
        if self._configuration.upsert_existing or naming.is_autonamed(target.inputs):
            return
        try:
            live = self.cluster.read(target.kind, *naming.parse_identity(naming.identity(target.inputs)))
        except ApiError as error:
            if error.code == 403:  # who may not read cannot be told
                return
            raise
        if live is not None and "deletionTimestamp" not in live["metadata"] and not owned(live, target.manager):
            raise RefusedError(f"{target.kind.kind} {naming.identity(live)} {STANDS}")

    def _preview(self, asked: Request, target: Target, tell: Teller, *, new: bool) -> dict[str, Any]:
        """Return what a dry run tells of an object, or its inputs where none can be made."""
        if values.has_unknown(target.inputs) or (new and asked.patch):
            return asked.news
        warnings: list[str] = []
        try:
            if not self.cluster.serves(target.kind):
                return asked.news
            if new:
                self._refuse_standing(target)
            live, _ = self.cluster.apply(target, dry_run=True, new=new, warnings=warnings)
        except ApiError as error:
            if clusters.may_not_preview(error):
                return asked.news
            raise RefusedError(clusters.explain(error, target.kind, naming.identity(target.inputs))) from error
        except UnreachableError as error:
            tell(f"not previewed: {error}", "WARNING")
            return asked.news
        self._warn(warnings, tell)
        return self._state(asked, checkpoint.previewed(live, asked.news, new=new), target.manager)

    def _apply(self, asked: Request, target: Target, tell: Teller, *, new: bool) -> dict[str, Any]:
        """Apply an object and return it when it is ready."""
        limit = waiting.seconds(target.inputs, asked.timeout)
        warnings: list[str] = []

        def pass_on(text: str) -> None:
            tell(text, passing=True)

        try:
            if new and not asked.patch:
                self._refuse_standing(target)
            live, where = self.cluster.apply(target, dry_run=False, new=new, warnings=warnings)
            path = where.path(*naming.parse_identity(naming.identity(live)))
            if "deletionTimestamp" in live["metadata"] and not asked.patch:  # what was applied goes with the old object
                self.cluster.waiter.until_gone(path, live["metadata"]["uid"], limit, pass_on)
                live, where = self.cluster.apply(target, dry_run=False, new=new, warnings=warnings)
        except ApiError as error:
            raise RefusedError(clusters.explain(error, target.kind, naming.identity(target.inputs))) from error
        except NotReadyError as error:
            raise RefusedError(f"{target.kind.kind} {naming.identity(error.obj)} is being deleted: {error}") from error
        self._warn(warnings, tell)
        if target.kind.kind == "CustomResourceDefinition":
            self.cluster.discovery.forget()
        if asked.patch:
            return live
        self._applied[path] = target.manager
        if waiting.skipped(target.inputs):
            return live
        try:
            return self.cluster.waiter.until_ready(live, where, limit, pass_on)
        except NotReadyError as error:
            identity = naming.identity(error.obj)
            state = self._state(asked, error.obj, target.manager)
            raise PartialError(f"{target.kind.kind} {identity}: {error}", identity, state, asked.news) from error

    def _warn(self, warnings: list[str], tell: Teller) -> None:
        for warning in warnings:
            if not (self._configuration.suppress_deprecation_warnings and DEPRECATION.search(warning)):
                tell(warning, "WARNING")

    def _state(self, asked: Request, live: Mapping[str, Any], manager: str) -> dict[str, Any]:
        first = values.plain(asked.olds.get(checkpoint.INITIAL_API_VERSION)) or live.get("apiVersion", "")
        return checkpoint.state(live, asked.news, api_version=str(first), manager=manager)

    def read(self, asked: Request, tell: Teller) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
        """Return an object's id, state and inputs as they are now, or None if it is gone.

        Raises PartialError with these for an object that is not ready, so that the next update waits for it.
        """
        namespace, name = naming.parse_identity(asked.identity)
        old_inputs = values.plain(asked.old_inputs) or checkpoint.last_inputs(asked.olds, {})
        kind = kinds.of(old_inputs or values.plain(asked.olds), asked.type)
        try:
            live = self.cluster.read(kind, namespace, name)
        except UnreachableError as error:
            return self._unreachable(asked, error, tell)
        if live is None:
            return None
        inputs = normalize.inputs_after(live, old_inputs) if old_inputs else normalize.inputs_from_live(live)
        marked = values.mark_secrets(inputs, asked.old_inputs)
        manager = self._manager(asked, old_inputs, checkpoint.manager_of(asked.olds))
        first = values.plain(asked.olds.get(checkpoint.INITIAL_API_VERSION)) or live["apiVersion"]
        state = checkpoint.state(live, marked, api_version=str(first), manager=manager)
        if not asked.patch and not waiting.skipped(live) and (missing := self.cluster.waiter.unready(live)):
            raise PartialError(f"{kind.kind} {asked.identity} is not ready: {missing}", asked.identity, state, marked)
        return asked.identity, state, marked

    def _unreachable(
        self, asked: Request, error: UnreachableError, tell: Teller
    ) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
        if self._configuration.delete_unreachable:
            tell(f"{error}; forgotten, as deleteUnreachable asks", "WARNING")
            return None
        if self._configuration.skip_update_unreachable:
            tell(f"{error}; kept as it was, as skipUpdateUnreachable asks", "WARNING")
            return asked.identity, asked.olds, asked.old_inputs
        raise error

    def delete(self, asked: Request, tell: Teller) -> None:
        """Delete an object and wait until it is gone; of a patch, give its fields back."""
        namespace, name = naming.parse_identity(asked.identity)
        obj = values.plain(asked.olds)
        kind, manager = kinds.of(obj, asked.type), checkpoint.manager_of(asked.olds)
        meta = {"metadata": {"name": name, "namespace": namespace}}
        try:
            if asked.patch:
                self.cluster.relinquish(Target(kind, meta, manager))
                return
            path = self.cluster.path(kind, namespace, name)
            if path in self._applied:
                tell(KEPT, "WARNING")
                if manager != self._applied[path]:
                    self.cluster.relinquish(Target(kind, meta, manager))
                return
            uid = self.cluster.delete(kind, obj, path) if path else None
            if uid is None or (waiting.skipped(obj) and kinds.may_skip_deletion(kind)):
                return
            limit = waiting.seconds(obj, asked.timeout)
            self.cluster.waiter.until_gone(path, uid, limit, lambda text: tell(text, passing=True))
        except UnreachableError as error:
            if not self._configuration.delete_unreachable:
                raise
            tell(f"{error}; forgotten, as deleteUnreachable asks", "WARNING")
        except ApiError as error:
            raise RefusedError(clusters.explain(error, kind, asked.identity)) from error
        except NotReadyError as error:
            raise RefusedError(f"{kind.kind} {asked.identity}: {error}") from error
        if kind.kind == "CustomResourceDefinition":
            self.cluster.discovery.forget()


def owned(live: Mapping[str, Any], manager: str) -> bool:
    """Whether a field manager owns fields of a live object."""
    return any(entry.get("manager") == manager for entry in live["metadata"].get("managedFields") or [])
