"""Resources of a provider that writes manifests into a folder and changes no cluster."""

from __future__ import annotations

from typing import Any

from toolchain.plugins.kubernetes_provider import checkpoint, kinds, naming, rendering, values
from toolchain.plugins.kubernetes_provider.calls import RefusedError, Request, Teller
from toolchain.plugins.kubernetes_provider.client import UnreachableError
from toolchain.plugins.kubernetes_provider.diff import Comparison
from toolchain.plugins.kubernetes_provider.inputs import UNTYPED
from toolchain.plugins.kubernetes_provider.kubeconfig import KubeconfigError
from toolchain.plugins.kubernetes_provider.resources import Resources


class RenderedResources(Resources):
    """The resources of one folder. A cluster, if there is one, is only asked which kinds are in namespaces."""

    def placed(self, obj: dict[str, Any], type_token: str = UNTYPED) -> dict[str, Any]:
        """Return an object with its namespace; one of a kind that nobody knows stays without."""
        meta = obj.get("metadata", {})
        if not isinstance(meta, dict) or meta.get("namespace"):
            return obj
        if not self.scopes.namespaced(kinds.of(obj, type_token), lambda: self.cluster.discovery):
            return obj
        try:
            namespace = self.cluster.namespace
        except (KubeconfigError, UnreachableError):
            namespace = self._configuration.namespace or "default"
        return {**obj, "metadata": {**meta, "namespace": namespace}}

    def diff(self, asked: Request, ignored: list[str], tell: Teller) -> Comparison:
        """Compare what was written last with what the program asks for."""
        found = super().diff(asked, ignored, tell)
        return Comparison(found.differences, found.delete_first, always=self._configuration.always_render)

    def create(self, asked: Request, tell: Teller, *, dry_run: bool) -> tuple[str, dict[str, Any]]:
        """Write an object's manifest; return its id and state."""
        state = self._write(asked, tell, dry_run=dry_run)
        return ("" if dry_run else naming.identity(values.plain(state))), state

    def update(self, asked: Request, tell: Teller, *, dry_run: bool) -> dict[str, Any]:
        """Write an object's manifest anew; return its state."""
        return self._write(asked, tell, dry_run=dry_run)

    def _write(self, asked: Request, tell: Teller, *, dry_run: bool) -> dict[str, Any]:
        obj = values.plain(asked.news)
        if asked.patch:
            raise RefusedError(f"{asked.type} {asked.name} changes an object in a cluster and cannot be rendered")
        if not naming.metadata(obj).get("name"):
            raise RefusedError(f"{asked.type} {asked.name} cannot be rendered without metadata.name")
        if values.has_unknown(obj):
            return asked.news
        directory = self._configuration.render_directory
        file = rendering.path(directory, obj)
        if self.scopes.namespaced(kinds.of(obj, asked.type), lambda: self.cluster.discovery) is None:
            tell(f"{file} names no namespace: nobody knows if {obj.get('kind')} is in one", "WARNING")
        if values.has_secret(asked.news):
            tell(f"rendered file {file} contains a secret value in plaintext", "WARNING")
        if not dry_run:
            rendering.write(directory, obj)
            tell(f"rendered {file}", passing=True)
        return self._state(asked, obj, self._target(asked, checkpoint.manager_of(asked.olds)).manager)

    def read(
        self,
        asked: Request,
        tell: Teller,  # noqa: ARG002
    ) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
        """Return what was written last, or None if its manifest is gone."""
        obj = values.plain(asked.olds)
        if not obj:
            raise RefusedError(f"{asked.type} {asked.identity} cannot be read: manifests are written only")
        if not rendering.path(self._configuration.render_directory, obj).exists():
            return None
        return asked.identity, asked.olds, asked.old_inputs

    def delete(self, asked: Request, tell: Teller) -> None:  # noqa: ARG002 - it takes no time
        """Remove an object's manifest."""
        rendering.remove(self._configuration.render_directory, values.plain(asked.olds))
