"""The administrator's way to the API server, by paths: thin, since faults touch objects of every kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3
from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config

from core.errors import KitError

SECONDS = 15.0
MERGE_PATCH = "application/merge-patch+json"


class Api:
    """Requests with the administrator's rights; an answer that was not expected is a KitError."""

    def __init__(self, kubeconfig: Path) -> None:
        self._client: ApiClient = new_client_from_config(config_file=str(kubeconfig))

    def ask(self, method: str, path: str, body: Any = None, *, content_type: str = "") -> tuple[int, dict[str, Any]]:
        """Send a request, and return the status and the object that came back."""
        headers = {"Accept": "application/json", "Content-Type": content_type or "application/json"}
        url = f"{self._client.configuration.host}{path}"
        try:
            answer = self._client.call_api(method, url, headers, body, _request_timeout=SECONDS)
            data = answer.read()
        except urllib3.exceptions.HTTPError as error:
            raise KitError(f"{method} {path}: the API server does not answer: {error}") from error
        try:
            parsed = json.loads(data)
        except ValueError:
            parsed = {"message": data[:200].decode(errors="replace")}
        return answer.status, parsed

    def get(self, path: str) -> dict[str, Any] | None:
        """Return an object, or None where there is none."""
        status, body = self.ask("GET", path)
        return None if status == 404 else self._good("GET", path, status, body)

    def create(self, collection: str, manifest: Mapping[str, Any]) -> None:
        """Make an object, unless one of its name is there."""
        status, body = self.ask("POST", collection, manifest)
        if status != 409:
            self._good("POST", collection, status, body)

    def remove(self, path: str) -> None:
        """Take an object away, unless it is gone."""
        status, body = self.ask("DELETE", path)
        if status != 404:
            self._good("DELETE", path, status, body)

    def patch(self, path: str, patch: Mapping[str, Any]) -> None:
        """Change an object by a merge patch."""
        self._good("PATCH", path, *self.ask("PATCH", path, patch, content_type=MERGE_PATCH))

    def is_ready(self) -> bool:
        """Tell whether the server says that it is ready."""
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except KitError:
            return False

    @staticmethod
    def _good(method: str, path: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
        if not 200 <= status < 300:
            raise KitError(f"{method} {path}: {status} {body.get('message', '')}".strip())
        return body
