"""A small API server for tests on loopback: it keeps objects, reviews accounts, and refuses what it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.conformance.servers import as_json

Decorate = Callable[[dict[str, Any]], None]


class CloudApi:
    """Collections of objects by path. ``denied`` are rights such as ``create pods/exec``, which reviews and requests
    of the whole kind refuse; ``decorate`` changes what is created."""

    def __init__(self, denied: Collection[str] = (), decorate: Decorate = lambda _item: None) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.denied = set(denied)
        self.asked: list[str] = []
        self._decorate = decorate
        self._lock = Lock()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        address = urlsplit(handler.path)
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        with self._lock:
            self.asked.append(f"{handler.command} {address.path}")
            status, answer = self._answer(
                handler.command, address.path, parse_qs(address.query), json.loads(body or b"{}"), token
            )
        as_json(status, answer)(handler)

    def _answer(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any], token: str
    ) -> tuple[int, dict[str, Any]]:
        kind = path.rsplit("/", 1)[-1]
        if kind == "selfsubjectreviews":
            return 201, {"status": {"userInfo": {"username": token}}}
        if kind == "selfsubjectaccessreviews":
            asked = body["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (asked["resource"], asked.get("subresource"))))
            return 201, {"status": {"allowed": f"{asked['verb']} {resource}" not in self.denied}}
        if method == "POST":
            if f"create {kind}" in self.denied:
                return 403, {"message": f"you may not create {kind}"}
            if "dryRun" not in query:
                self._decorate(body)
                self.objects[f"{path}/{body['metadata']['name']}"] = body
            return 201, body
        if method == "DELETE":
            return (200, {}) if self.objects.pop(path, None) else (404, {"message": "there is no such thing"})
        if path in self.objects:
            return 200, self.objects[path]
        if f"list {kind}" in self.denied:
            return 403, {"message": f"you may not list {kind}"}
        name, _, value = query.get("labelSelector", [""])[0].partition("=")
        found = [item for place, item in self.objects.items() if place.rsplit("/", 1)[0] == path]
        if name:
            found = [item for item in found if name in (labels := item["metadata"]["labels"]) and value in {"", labels[name]}]
        return 200, {"items": found}
