"""Requests against a server that misbehaves on purpose."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from toolchain.plugins.kubernetes_provider import cluster
from toolchain.plugins.kubernetes_provider.client import ApiError, Client, RunCancelledError, UnreachableError
from toolchain.plugins.kubernetes_provider.kinds import Kind
from toolchain.plugins.kubernetes_provider.kubeconfig import Connection

Answer = tuple[int, dict[str, str], dict[str, Any]]
OK: Answer = (200, {}, {"kind": "ConfigMap"})


class Scripted(BaseHTTPRequestHandler):
    """Gives its answers in order, and the last one for ever; an answer with code 0 closes the connection."""

    answers: ClassVar[list[Answer]] = []
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        code, headers, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not code:
            self.close_connection = True
            return
        data = json.dumps(body).encode()
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    Scripted.asked.clear()
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


def ask(server: str, *answers: Answer, warnings: list[str] | None = None) -> dict[str, Any]:
    Scripted.answers[:] = answers
    return Client(Connection(server), threading.Event()).request("GET", "/x", warnings=warnings)


def refusal(code: int, reason: str, message: str = "no", **details: Any) -> Answer:
    return code, {}, {"kind": "Status", "reason": reason, "message": message, "details": details}


@pytest.mark.parametrize(
    "first",
    [
        refusal(429, "TooManyRequests"),
        (429, {"Retry-After": "0"}, {}),
        refusal(503, "ServiceUnavailable"),
        refusal(500, "InternalError", "etcdserver: request timed out"),
        refusal(409, "Conflict", "the object has been modified; please apply your changes to the latest version"),
        (0, {}, {}),
    ],
)
def test_a_server_in_trouble_is_asked_again(server: str, first: Answer) -> None:
    """Overload, a new leader, a change in between and a broken connection are no errors when they pass."""
    assert ask(server, first, OK) == OK[2]
    assert len(Scripted.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403, "Forbidden"),
        refusal(404, "NotFound"),
        refusal(422, "Invalid"),
        refusal(409, "AlreadyExists"),
        refusal(500, "InternalError", "broken for good"),
    ],
)
def test_a_refusal_is_final(server: str, answer: Answer) -> None:
    """What will not change by itself is told at once, with the server's words."""
    with pytest.raises(ApiError) as caught:
        ask(server, answer)
    assert (caught.value.code, caught.value.reason) == (answer[0], answer[2]["reason"])
    assert len(Scripted.asked) == 1


def test_conflict_of_managers_names_them_and_the_way_out(server: str) -> None:
    """Fields that others own are told with their owners, and are not tried again."""
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".data.a"}
    with pytest.raises(ApiError) as caught:
        ask(server, refusal(409, "Conflict", "Apply failed", causes=[cause]))
    said = cluster.explain(caught.value, Kind("v1", "ConfigMap"), "n/x")
    assert said.startswith("ConfigMap n/x: ")
    assert 'conflict with "kubectl" (.data.a)' in said
    assert "pulumi.com/patchForce" in said


def test_warnings_of_the_server_are_passed_on(server: str) -> None:
    """Warning headers reach the person."""
    warnings: list[str] = []
    ask(server, (200, {"Warning": '299 - "v1 is old, use \\"v2\\""'}, {}), warnings=warnings)
    assert warnings == ['v1 is old, use "v2"']


def test_a_server_that_is_away_is_told_within_seconds() -> None:
    """Nothing listens: the error names the address and comes soon, and for the next request at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = Client(Connection(f"http://127.0.0.1:{port}"), threading.Event())
    took = []
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=f"http://127.0.0.1:{port} does not answer: connection refused"):
            client.request("GET", "/x")
        took.append(time.monotonic() - began)
    assert took[0] < 10
    assert took[1] < 0.1


def test_a_cancelled_run_asks_no_more(server: str) -> None:
    """After a cancel, a wait between two tries ends at once."""
    Scripted.answers[:] = [(429, {"Retry-After": "60"}, {})]
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(RunCancelledError):
        Client(Connection(server), cancelled).request("GET", "/x")
    assert time.monotonic() - began < 5


def test_missing_right_to_preview_is_told_from_a_refused_object() -> None:
    """A preview is left out for want of rights or of a namespace, and never for what admission refuses."""
    rights = ApiError(403, "Forbidden", 'configmaps "x" is forbidden: User "u" cannot patch resource "configmaps"')
    namespace = ApiError(404, "NotFound", 'namespaces "n" not found')
    admission = ApiError(403, "Forbidden", 'pods "x" is forbidden: violates PodSecurity "restricted:latest"')
    assert cluster.may_not_preview(rights)
    assert cluster.may_not_preview(namespace)
    assert not cluster.may_not_preview(admission)
