"""Small HTTPS servers on loopback that answer as they are told, well or badly."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


def as_json(status: int, body: object) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def hang(_handler: BaseHTTPRequestHandler) -> None:
    """Answer nothing for as long as a test may wait."""
    time.sleep(3)


def drop(handler: BaseHTTPRequestHandler) -> None:
    """End the connection without an answer."""
    handler.close_connection = True


def redirect(handler: BaseHTTPRequestHandler) -> None:
    """Send the caller elsewhere."""
    handler.send_response(302)
    handler.send_header("Location", "https://127.0.0.1:1/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def garbage(handler: BaseHTTPRequestHandler) -> None:
    """Answer with what is not HTTP."""
    handler.wfile.write(b"\x00\xff\x00 what?\r\n\r\n")
    handler.close_connection = True


class Server:
    """A server that gives every request the same answer."""

    def __init__(
        self, context: ssl.SSLContext | None, answer: Answer, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def do_GET(self) -> None:  # the base class's name
                answer(self)

            do_POST = do_DELETE = do_GET  # noqa: N815  # the base class's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

            def handle_error(self, *_: object) -> None:
                """Refused handshakes are what the tests are about."""

        self._server = Quiet((address, port), Handler)
        if context:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
