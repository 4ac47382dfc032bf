"""How the agent follows the API server: lists, watches, what is too old, and a server that is not there."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from playbooks.agent.client import ApiError, Client
from playbooks.agent.model import Namespace
from playbooks.agent.reflector import Changes, GoneError, Reflector
from tests.certificates import Certificate

Json = dict[str, Any]
PATH = "/api/v1/namespaces"


def space(name: str, version: int, **labels: str) -> Json:
    """Return a namespace as the API server sends it."""
    return {"metadata": {"name": name, "resourceVersion": str(version), "labels": labels}}


def event(kind: str, value: Json) -> Json:
    """Return an event of a watch."""
    return {"type": kind, "object": value}


@pytest.fixture
def reflector() -> Reflector[Namespace]:
    """Give a reflector that knows one namespace."""
    made = Reflector(PATH, Namespace.parse, Changes(gather=0))
    made.replace([space("x", 1)])
    assert made._changes.wait(0)
    return made


def test_events_change_the_copy(reflector: Reflector[Namespace]) -> None:
    """Added, modified and deleted objects are followed, and each event tells the version to go on from."""
    assert reflector.apply(event("ADDED", space("y", 2))) == "2"
    assert reflector.apply(event("MODIFIED", space("x", 3, team="a"))) == "3"
    assert reflector.items() == [Namespace("x", (("team", "a"),)), Namespace("y")]
    assert reflector.apply(event("DELETED", space("x", 4))) == "4"
    assert reflector.items() == [Namespace("y")]


def test_a_bookmark_moves_the_version_and_nothing_else(reflector: Reflector[Namespace]) -> None:
    """A bookmark is no object: it only spares the events before it."""
    assert reflector.apply(event("BOOKMARK", {"metadata": {"resourceVersion": "9"}})) == "9"
    assert reflector.items() == [Namespace("x")]
    assert not reflector._changes.wait(0)


def test_what_does_not_matter_wakes_nobody(reflector: Reflector[Namespace]) -> None:
    """A change outside of what the agent keeps of an object applies no rules anew."""
    value = space("x", 5)
    value["status"] = {"phase": "Terminating"}
    reflector.apply(event("MODIFIED", value))
    assert not reflector._changes.wait(0)


def test_a_list_replaces_what_was_deleted_unseen(reflector: Reflector[Namespace]) -> None:
    """After a gap the list alone counts: what it does not hold is gone."""
    reflector.replace([space("z", 6)])
    assert reflector.items() == [Namespace("z")]
    assert reflector._changes.wait(0)


def test_a_version_that_is_too_old_asks_for_a_new_list(reflector: Reflector[Namespace]) -> None:
    """410 in a watch is not a failure but a reason to list; another error is one."""
    with pytest.raises(GoneError):
        reflector.apply(event("ERROR", {"code": 410}))
    with pytest.raises(ApiError, match="no more"):
        reflector.apply(event("ERROR", {"code": 500, "message": "no more"}))


class Server(ThreadingHTTPServer):
    """An API server of a few scripted answers; ``asked`` keeps the queries in their order."""

    daemon_threads = True
    asked: list[dict[str, list[str]]]
    watches: list[list[Json] | int]
    pages: list[Json]


class Handler(BaseHTTPRequestHandler):
    """Answers lists with pages and watches with the next script; a number is a status."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        query = parse_qs(urlsplit(self.path).query)
        self.server.asked.append(query)
        if "watch" not in query:
            index = int(query.get("continue", ["0"])[0])
            self._send(200, [self.server.pages[index]])
            return
        script = self.server.watches.pop(0) if self.server.watches else []
        self._send(*((script, []) if isinstance(script, int) else (200, script)))

    def _send(self, status: int, values: list[Json]) -> None:
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for value in values:
            line = json.dumps(value).encode() + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Give one certificate for the server and the client alike."""
    return Certificate(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def server(identity: Certificate) -> Iterator[Server]:
    """Give an HTTPS server on loopback that asks for a client certificate."""
    made = Server(("127.0.0.1", 0), Handler)
    made.asked, made.watches = [], []
    made.pages = [
        {"metadata": {"continue": "1", "resourceVersion": "6"}, "items": [space("x", 1)]},
        {"metadata": {"resourceVersion": "7"}, "items": [space("y", 2)]},
    ]
    tls = identity.context()
    tls.load_verify_locations(identity.authority)
    tls.verify_mode = ssl.CERT_REQUIRED
    made.socket = tls.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def client(server: Server, identity: Certificate, tmp_path: Path) -> Client:
    """Give a client of the server, from a kubeconfig in JSON."""
    certificate, key = (base64.b64encode(path.read_bytes()).decode() for path in (identity.authority, identity.key))
    config = {
        "clusters": [
            {
                "cluster": {
                    "server": f"https://127.0.0.1:{server.server_address[1]}",
                    "certificate-authority-data": certificate,
                }
            }
        ],
        "users": [{"user": {"client-certificate-data": certificate, "client-key-data": key}}],
    }
    path = tmp_path / "network.json"
    path.write_text(json.dumps(config))
    return Client.of(path)


def test_a_list_is_read_page_by_page(client: Client, server: Server) -> None:
    """All pages are read, and the version to watch from is the last page's."""
    objects, version = client.list_all(PATH)
    assert [o["metadata"]["name"] for o in objects] == ["x", "y"]
    assert version == "7"
    assert server.asked[1]["continue"] == ["1"]


def test_a_server_of_another_authority_is_refused(
    server: Server, client: Client, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The agent speaks only to a server that its own authority vouches for."""
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(client.host, client.port, ssl.create_default_context()).list_all(PATH)
    assert server.asked == []


def test_the_agent_lists_again_only_when_it_has_to(client: Client, server: Server) -> None:
    """A watch that ends is taken up where it ended; one whose version is gone, and one that fails, is listed anew."""
    server.watches = [
        [event("ADDED", space("z", 8))],
        [event("ERROR", {"code": 410})],
        500,
        [event("DELETED", space("x", 9))],
    ]
    reflector = Reflector(PATH, Namespace.parse, Changes(gather=0))
    threading.Thread(target=reflector.run, args=(client,), daemon=True).start()
    deadline = threading.Event()
    for _ in range(200):
        if [n.name for n in reflector.items()] == ["y"]:
            break
        deadline.wait(0.05)
    assert [n.name for n in reflector.items()] == ["y"]
    story = ["watch" if "watch" in q else "list" for q in server.asked[:10] if "continue" not in q]
    assert story[:7] == ["list", "watch", "watch", "list", "watch", "list", "watch"]
    versions = [q["resourceVersion"][0] for q in server.asked if "watch" in q]
    assert versions[:4] == ["7", "8", "7", "7"]
