"""What happens to a resource: its inputs are checked, compared, applied, read back and deleted."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from toolchain.plugins.kubernetes_provider import (
    checkpoint,
    client_side,
    criteria,
    diff,
    kinds,
    kubeconfig,
    naming,
    normalize,
    values,
    waiting,
)
from toolchain.plugins.kubernetes_provider import cluster as clusters
from toolchain.plugins.kubernetes_provider.client import ApiError, UnreachableError
from toolchain.plugins.kubernetes_provider.client_side import ClientSideCluster
from toolchain.plugins.kubernetes_provider.cluster import Cluster, Target
from toolchain.plugins.kubernetes_provider.configuration import Configuration
from toolchain.plugins.kubernetes_provider.criteria import CriterionError
from toolchain.plugins.kubernetes_provider.diff import Comparison, Difference
from toolchain.plugins.kubernetes_provider.kinds import Kind
from toolchain.plugins.kubernetes_provider.kubeconfig import KubeconfigError
from toolchain.plugins.kubernetes_provider.scopes import Scopes
from toolchain.plugins.kubernetes_provider.waiting import NotReadyError

DEPRECATION: Final = re.compile(r" is deprecated in v\d")
"""In the API server's warnings about versions of the API."""
REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"
KEPT: Final = (
    "not deleted: this run has made or changed the same object under the same name. To have an object replaced that "
    "keeps its name, set deleteBeforeReplace; to rename a resource, give it an alias"
)


UNTYPED: Final = "::"
"""A type that says nothing, for objects that tell their kind themselves."""


class Teller(Protocol):
    """Shows a message about one resource; a passing one only while the resource is worked on."""

    def __call__(self, message: str, severity: str = "INFO", *, passing: bool = False) -> None: ...  # noqa: D102


class RefusedError(Exception):
    """The API refused an object, or this provider cannot serve it; the message is for the person."""


class PartialError(Exception):
    """An object is there but not as it should be; the state is kept so that the next run goes on from it."""

    def __init__(self, message: str, identity: str, state: dict[str, Any], inputs: dict[str, Any]) -> None:
        super().__init__(message)
        self.identity = identity
        self.state = state
        self.inputs = inputs


@dataclass(frozen=True)
class Request:
    """What the engine says of a resource, with the marks of secrets."""

    urn: str
    identity: str = ""
    olds: dict[str, Any] = field(default_factory=dict)
    old_inputs: dict[str, Any] = field(default_factory=dict)
    news: dict[str, Any] = field(default_factory=dict)
    timeout: float = 0.0

    @property
    def type(self) -> str:
        """The resource's type, such as ``kubernetes:core/v1:Namespace``."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.split("::", 3)[3]

    @property
    def patch(self) -> bool:
        """Whether it stands for some fields of somebody else's object."""
        return kinds.is_patch(self.type, values.plain(self.news or self.old_inputs or self.olds))


class Resources:
    """The resources of one cluster."""

    def __init__(self, configuration: Configuration, cancelled: threading.Event, identity: str = "") -> None:
        """Take the provider's arguments and its id in the state, which is empty where it has none yet."""
        self._configuration = configuration
        self._names = naming.Names(identity)
        self._applied: dict[str, str] = {}  # the field managers of what this run has made or changed, by path
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._cluster: Cluster | None = None
        self.scopes = Scopes()

    @property
    def cluster(self) -> Cluster:
        """The cluster, whose credentials are read when it is first needed."""
        with self._lock:
            if self._cluster is None:
                given = self._configuration
                try:
                    connection = kubeconfig.load(given.kubeconfig, given.context, given.cluster)
                except KubeconfigError as error:
                    if given.delete_unreachable or given.skip_update_unreachable:
                        raise UnreachableError(str(error)) from error
                    raise
                kind = Cluster if given.server_side_apply else ClientSideCluster
                self._cluster = kind(connection, given.namespace, self._cancelled, given.limits)
            return self._cluster

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

    def check(
        self, asked: Request, olds: Mapping[str, Any], seed: bytes, proposed: str, mode: str
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Return complete inputs, with the marks of secrets, and what is wrong with them as (property, reason)."""
        news = normalize.clean(values.plain(asked.news))
        if failure := self._refused(asked, news):
            return asked.news, [failure]
        if isinstance(news.get("apiVersion"), str):
            news["apiVersion"] = news["apiVersion"].removeprefix("core/")
        if news.get("kind") == "CustomResourceDefinition":
            news = normalize.dashed(news)
            self.scopes.learn(news)
        if not asked.patch:
            if found := naming.metadata(olds).get("name"):
                self._names.remember(asked.urn, str(found))
            seed = self._names.seed(asked.urn, seed)
            news = naming.named(news, olds, asked.name, seed=seed, proposed=proposed, mode=mode)
            if client_side.is_labelled(olds) or not (olds or self._configuration.server_side_apply):
                news = client_side.labelled(news)
        return values.mark_secrets(self.placed(news, asked.type), asked.news), []

    def _refused(self, asked: Request, news: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return what is wrong with a program's inputs as (property, reason)."""
        if why := kinds.unsupported(asked.type):
            return "", why
        if kinds.is_list(asked.type, news):
            why = "lists are for manifests and cannot be made; use the type of the items, or a yaml/v2 ConfigGroup"
            return "items", why
        if asked.patch and not self._configuration.server_side_apply:
            return "", "a patch needs server-side apply, which the provider's enableServerSideApply turns off"
        if asked.patch and not naming.metadata(news).get("name"):
            return "metadata.name", "a patch must name the object that it changes"
        try:
            criteria.of(news)
        except CriterionError as error:
            return diff.path_text(("metadata", "annotations", criteria.WAIT_FOR)), str(error)
        return None

    def placed(self, obj: dict[str, Any], type_token: str = UNTYPED) -> dict[str, Any]:
        """Return an object with the namespace it goes to, where it names none and is in one.

        That is the provider's, or else the one of the kubeconfig's context, or else ``default``.
        """
        meta = obj.get("metadata", {})
        if not isinstance(meta, dict) or meta.get("namespace"):
            return obj
        if self.scopes.namespaced(kinds.of(obj, type_token), lambda: self.cluster.discovery) is False:
            return obj
        return {**obj, "metadata": {**meta, "namespace": self.cluster.namespace}}

    def diff(self, asked: Request, ignored: list[str], tell: Teller) -> Comparison:
        """Compare what was applied last with what the program asks for."""
        old, new = checkpoint.last_inputs(asked.olds, asked.old_inputs), values.plain(asked.news)
        if (went_to := naming.metadata(asked.olds).get("namespace")) and not naming.metadata(old).get("namespace"):
            old["metadata"] = {**naming.metadata(old), "namespace": went_to}
        given = self._configuration
        self._names.remember(asked.urn, naming.parse_identity(asked.identity)[1])
        kind = kinds.of(new, asked.type)
        immutable = diff.force_new(
            kind,
            new,
            patch=asked.patch,
            config_map_mutable=given.config_map_mutable,
            secret_mutable=given.secret_mutable,
        )
        return diff.compare(old, new, immutable, ignored, self._unready(asked, kind, new, tell))

    def _unready(self, asked: Request, kind: Kind, new: dict[str, Any], tell: Teller) -> list[Difference]:
        """Return the difference that a Job makes which is not ready and asks to be replaced then."""
        if naming.marks(new).get(REPLACE_UNREADY) != "true":
            return []
        if kind.kind != "Job":
            tell(f"{REPLACE_UNREADY} is for Jobs and has no effect here", "WARNING")
            return []
        try:
            live = self.cluster.read(kind, *naming.parse_identity(asked.identity))
        except (ApiError, UnreachableError):
            return []
        if live is None or self.cluster.waiter.judge(live).ready:
            return []
        return [Difference(("metadata", "annotations", REPLACE_UNREADY), "UPDATE", replaces=True)]

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
        if asked.identity and not naming.metadata(inputs).get("name"):  # the server made its name
            namespace, name = naming.parse_identity(asked.identity)
            meta = {key: value for key, value in naming.metadata(inputs).items() if key != "generateName"}
            inputs["metadata"] = {**meta, "name": name, **({"namespace": namespace} if namespace else {})}
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

    def _preview(self, asked: Request, target: Target, tell: Teller, *, new: bool) -> dict[str, Any]:
        """Return what a dry run tells of an object, or its inputs where none can be made."""
        if values.has_unknown(target.inputs) or (new and asked.patch):
            return asked.news
        warnings: list[str] = []
        try:
            if not self.cluster.serves(target.kind):
                return asked.news
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
