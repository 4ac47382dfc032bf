"""A small API server for tests on loopback: it keeps objects, reviews accounts, and refuses what it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.conformance.servers import as_json

Objects = dict[str, dict[str, Any]]
VERBS = {"GET": "list", "POST": "create", "DELETE": "delete"}
Decorate = Callable[[dict[str, Any]], None]


class CloudApi:
    """Collections of objects by path.

    ``denied`` are rights such as ``create pods/exec``, which reviews and requests of the whole kind refuse;
    ``decorate`` changes what is created.
    """

    def __init__(self, denied: Collection[str] = (), decorate: Decorate = lambda _item: None) -> None:
        self.objects: Objects = {}
        self.denied = set(denied)
        self.asked: list[str] = []
        self._decorate = decorate
        self._lock = Lock()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)) or b"{}")
        address = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        with self._lock:
            self.asked.append(f"{handler.command} {address.path}")
            kind = address.path.rsplit("/", 1)[-1]
            if kind in {"selfsubjectreviews", "selfsubjectaccessreviews"}:
                status, answer = 201, self._review(body, token)
            elif (right := f"{VERBS[handler.command]} {kind}") in self.denied:
                status, answer = 403, {"message": f"you may not {right}"}
            else:
                status, answer = getattr(self, f"_{handler.command.lower()}")(address.path, query, body)
        as_json(status, answer)(handler)

    def _review(self, body: dict[str, Any], token: str) -> dict[str, Any]:
        asked = next(iter(body.get("spec", {}).values()), {"verb": "", "resource": ""})
        resource = "/".join(filter(None, (asked.get("resource", asked.get("path")), asked.get("subresource"))))
        return {
            "status": {"userInfo": {"username": token}, "allowed": f"{asked['verb']} {resource}" not in self.denied}
        }

    def _post(self, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "dryRun" not in query:
            self._decorate(body)
            self.objects[f"{path}/{body['metadata']['name']}"] = body
        return 201, body

    def _delete(self, path: str, _query: dict[str, str], _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (200, {}) if self.objects.pop(path, None) else (404, {"message": "there is no such thing"})

    def _get(self, path: str, query: dict[str, str], _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path in self.objects:
            return 200, self.objects[path]
        if path.partition("/namespaces/")[2].count("/") > 1:
            return 404, {"message": "there is no such thing"}
        name, _, value = query.get("labelSelector", "").partition("=")
        held = [item for place, item in self.objects.items() if place.rsplit("/", 1)[0] == path]
        return 200, {"items": [item for item in held if not name or _carries(item, name, value)]}


def _carries(item: dict[str, Any], name: str, value: str) -> bool:
    labels = item["metadata"].get("labels", {})
    return name in labels and value in {"", labels[name]}
