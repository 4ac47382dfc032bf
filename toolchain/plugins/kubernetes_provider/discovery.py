"""Where the API serves each kind: asked once for each group and version, remembered for the run."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from toolchain.plugins.kubernetes_provider.client import ApiError, Client
from toolchain.plugins.kubernetes_provider.kinds import Kind


class UnknownKindError(Exception):
    """The API server does not serve this kind (now)."""


@dataclass(frozen=True)
class Location:
    """The address of one kind's objects."""

    prefix: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of an object, or of the collection where no name is given."""
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.prefix}{scope}/{self.plural}" + (f"/{name}" if name else "")


class Discovery:
    """Knows the addresses of kinds."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._found: dict[str, dict[str, Location]] = {}

    def locate(self, kind: Kind) -> Location:
        """Return where the objects of a kind are. Raises UnknownKindError if the API has none."""
        with self._lock:
            lock = self._locks.setdefault(kind.api_version, threading.Lock())
        with lock:
            if kind.api_version not in self._found:
                self._found[kind.api_version] = self._ask(kind.api_version)
            found = self._found[kind.api_version].get(kind.kind)
        if found is None:
            raise UnknownKindError(f"the API server does not serve {kind}")
        return found

    def forget(self, kind: Kind | None = None) -> None:
        """Ask again next time, after a definition may have come or gone: about one kind's group, or all."""
        with self._lock:
            for version in [kind.api_version] if kind else list(self._found):
                self._found.pop(version, None)

    def _ask(self, api_version: str) -> dict[str, Location]:
        prefix = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            answer = self._client.request("GET", prefix)
        except ApiError as error:
            if error.code == 404:
                return {}
            raise
        return {
            resource["kind"]: Location(prefix, resource["name"], bool(resource["namespaced"]))
            for resource in answer.get("resources", [])
            if "/" not in resource["name"]
        }
