"""Just enough of a Kubernetes client: lists and watches over HTTPS with a client certificate."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

IDLE_SECONDS = 75
"""A connection that is silent for longer is given up; watches are asked to end before that."""


class ApiError(Exception):
    """The API server answered with a status other than 200."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status


@dataclass(frozen=True)
class Client:
    """Where the API server is and how to be believed there."""

    host: str
    port: int
    tls: ssl.SSLContext

    @classmethod
    def of(cls, kubeconfig: Path) -> Client:
        """Read a kubeconfig in JSON with inline certificates, whose first cluster and user are meant."""
        config = json.loads(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        server = urlsplit(cluster["server"])
        tls = ssl.create_default_context(cadata=_text(cluster["certificate-authority-data"]))
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(_text(user["client-certificate-data"]) + _text(user["client-key-data"]))
            pair.flush()
            tls.load_cert_chain(pair.name)
        return cls(server.hostname or "", server.port or 443, tls)

    def list_all(self, path: str) -> tuple[list[dict[str, Any]], str]:
        """Return every object under ``path`` and the resource version to watch from."""
        items: list[dict[str, Any]] = []
        more = ""
        while True:
            with self._get(path, {"limit": "500", **({"continue": more} if more else {})}) as answer:
                page = json.load(answer)
            items += page["items"]
            more = page["metadata"].get("continue") or ""
            if not more:
                return items, page["metadata"]["resourceVersion"]

    def watch(self, path: str, version: str) -> Iterator[dict[str, Any]]:
        """Yield the events after ``version`` until the server ends the watch, within about a minute."""
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "60"}
        with self._get(path, query) as answer:
            while line := answer.readline():
                yield json.loads(line)

    def _get(self, path: str, query: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=IDLE_SECONDS, context=self.tls)
        try:
            connection.connect()
            for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
                connection.sock.setsockopt(socket.IPPROTO_TCP, option, value)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.request("GET", f"{path}?{urlencode(query)}", headers={"Connection": "close"})
            answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        if answer.status != 200:
            with answer:
                raise ApiError(answer.status, answer.reason)
        return answer


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
