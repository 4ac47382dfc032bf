"""A relay on loopback before an API server, which can go away, lose answers and give answers of its own."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from toolchain.plugins.kubernetes_provider import kubeconfig
from toolchain.plugins.kubernetes_provider.client import Client

Rule = Callable[[str, str], bool]
"""Whether a request, by its method and path, is meant."""


class Relay:
    """Passes requests on, over plain HTTP to it and with the kubeconfig's credentials from it."""

    def __init__(self, path: Path) -> None:
        self._client = Client(kubeconfig.load(str(path)), threading.Event())
        self._server: ThreadingHTTPServer | None = None
        self._open: set[socket.socket] = set()
        self.lost: list[str] = []
        self.lose: Rule = lambda _method, _path: False
        self.refused: list[int] = []
        """Codes to answer with, one request each, before anything is passed on."""
        self.seen = 0
        self.port = 0
        self.start()

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on, and reset those that are open."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        for open_one in list(self._open):
            self.reset(open_one)

    def reset(self, connection: socket.socket) -> None:
        """End a connection as a machine does that is gone."""
        self._open.discard(connection)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def kubeconfig(self, folder: Path) -> Path:
        """Write a kubeconfig that leads here."""
        path = folder / "relay.kubeconfig"
        path.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
            f'clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{self.port}"}}}}]\n'
            "contexts: [{name: c, context: {cluster: c}}]\n"
        )
        return path

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                relay._open.add(self.connection)

            def relay(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else None
                relay.seen += 1
                if relay.refused:
                    self.answer(relay.refused.pop(0), {"kind": "Status", "reason": "TooManyRequests"})
                    return
                answer = relay.ask(self.command, self.path, body, dict(self.headers))
                if relay.lose(self.command, self.path):
                    relay.lost.append(self.path)
                    relay.reset(self.connection)
                    self.close_connection = True
                    return
                self.answer(answer.status, answer.data)

            def answer(self, code: int, body: Any) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if code == 429:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = relay  # noqa: N815 - the names that the base class asks for

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

        return Handler

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        """Pass a request on and return the answer."""
        kept = {key: value for key, value in headers.items() if key in ("Accept", "Content-Type")}
        connection = self._client.connection
        return self._client._connections().request(
            method, f"{connection.server}{path}", body=body, headers={**kept, **self._client._authorization()}
        )


@contextmanager
def before(path: Path) -> Iterator[Relay]:
    """Give a relay before the API server of a kubeconfig."""
    relay = Relay(path)
    try:
        yield relay
    finally:
        relay.stop()
