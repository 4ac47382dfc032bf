"""What a program says of its resources: completed, checked, given a place, compared with what was applied last."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

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
)
from toolchain.plugins.kubernetes_provider.calls import Request, Teller
from toolchain.plugins.kubernetes_provider.client import ApiError, UnreachableError
from toolchain.plugins.kubernetes_provider.client_side import ClientSideCluster
from toolchain.plugins.kubernetes_provider.cluster import Cluster
from toolchain.plugins.kubernetes_provider.configuration import Configuration
from toolchain.plugins.kubernetes_provider.criteria import CriterionError
from toolchain.plugins.kubernetes_provider.diff import Comparison, Difference
from toolchain.plugins.kubernetes_provider.kinds import Kind
from toolchain.plugins.kubernetes_provider.kubeconfig import KubeconfigError
from toolchain.plugins.kubernetes_provider.scopes import Scopes

REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"
UNTYPED: Final = "::"
"""A type that says nothing, for objects that tell their kind themselves."""


class Inputs:
    """The inputs of the resources of one provider, that is of one cluster."""

    def __init__(self, configuration: Configuration, cancelled: threading.Event, identity: str = "") -> None:
        """Take the provider's arguments and its id in the state, which is empty where it has none yet."""
        self.scopes = Scopes()
        self._configuration = configuration
        self._names = naming.Names(identity)
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._cluster: Cluster | None = None

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
        except (ApiError, KubeconfigError, UnreachableError):
            return []
        if live is None or self.cluster.waiter.judge(live).ready:
            return []
        return [Difference(("metadata", "annotations", REPLACE_UNREADY), "UPDATE", replaces=True)]
