"""Exchanges as a client outside makes them, against real servers on loopback, here and through a command."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.zone
import pytest

from conformance import client, outside
from core.errors import KitError
from tests.certificates import Certificate
from tests.conformance import public_side
from tests.conformance.servers import Server, hang

LOOPBACK = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


@pytest.fixture
def named(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path, public_side.NAME)


@pytest.fixture
def name_server() -> Iterator[Callable[..., public_side.NameServer]]:
    running: list[public_side.NameServer] = []

    def start(address: str, **settings: bool) -> public_side.NameServer:
        zone = dns.zone.from_text(public_side.ZONE, origin="egc.test", relativize=False)
        running.append(public_side.NameServer(zone, address, **settings))
        return running[-1]

    yield start
    for server in running:
        server.close()


@LOOPBACK
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_a_name_server_is_asked(address: str, *, tcp: bool, name_server: Callable[..., public_side.NameServer]) -> None:
    """The addresses of a name come back in either family, over UDP and TCP; one that has none gives none."""
    port = name_server(address).port
    four = client.lookup(address, public_side.NAME, "A", tcp=tcp, port=port)
    six = client.lookup(address, public_side.NAME, "AAAA", tcp=tcp, port=port)
    assert (four, six) == ({"addresses": ["127.0.0.1"]}, {"addresses": ["::1"]})
    assert client.lookup(address, "egc.test", "A", tcp=tcp, port=port) == {"addresses": []}
    assert "code 3" in client.lookup(address, "none.egc.test", "A", tcp=tcp, port=port)["error"]


def test_a_name_server_that_is_not_there_is_an_error(unused_port: int) -> None:
    """Nobody behind the port is an error with the reason, over either protocol."""
    for tcp in (False, True):
        assert "refused" in client.lookup("127.0.0.1", "egc.test", "A", tcp=tcp, port=unused_port)["error"]


@LOOPBACK
def test_an_exchange_over_tls_is_told_whole(address: str, named: Certificate, serve: Callable[..., Server]) -> None:
    """Status, content, certificate and path come back; the certificate has to be for the name that was asked for."""
    server = serve(named.context(), public_side.portal(content="Xin chào"), address)
    authority = named.authority.read_text()
    answer = client.fetch(address, server.port, name=public_side.NAME, authority=authority)
    assert answer["status"] == 200
    assert answer["sha256"] == hashlib.sha256("Xin chào".encode()).hexdigest()
    assert len(answer["certificate"]) == 64
    assert answer["ends"] > 0
    assert answer["path"]["segments_sent"] > 1280
    wrong = client.fetch(address, server.port, name="other.egc.test", authority=authority)
    assert wrong["error"].startswith("certificate: Hostname mismatch")
    assert client.fetch(address, server.port, name="other.egc.test", verify=False)["status"] == 200


def test_a_transfer_that_is_cut_short_is_an_error(named: Certificate, serve: Callable[..., Server]) -> None:
    """Half a file is no file."""
    server = serve(named.context(), public_side.portal(cut=True))
    answer = client.fetch("127.0.0.1", server.port, name=public_side.NAME, path="/large", verify=False)
    assert "octets came of" in answer["error"] or "IncompleteRead" in answer["error"]


def test_a_server_that_hangs_is_an_error(
    named: Certificate, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer ends in time, with the reason."""
    monkeypatch.setattr(client, "SECONDS", 0.3)
    server = serve(named.context(), hang)
    answer = client.fetch("127.0.0.1", server.port, name=public_side.NAME, verify=False)
    assert answer["error"].startswith("no answer in time, after 0.")


def test_a_scan_finds_what_is_open(unused_port: int, serve: Callable[..., Server]) -> None:
    """An open port is found beside a closed one."""
    server = serve(None)
    assert client.scan("127.0.0.1", [unused_port, server.port]) == {"open": [server.port]}


def test_a_command_runs_the_program_elsewhere(serve: Callable[..., Server]) -> None:
    """The program goes in by standard input, task and all, so that whatever runs python3 will do."""
    server = serve(None, public_side.portal())
    task = {"address": "127.0.0.1", "port": server.port, "name": "a'name\"\\$quotes", "plain": True}
    there = outside.Place("there", (str(Path("/usr/bin/env")),)).do("fetch", **task)
    here = outside.here().do("fetch", **task)
    assert "error" not in here, here
    assert (there["status"], there["sha256"]) == (here["status"], here["sha256"]) == (200, here["sha256"])


def test_a_program_that_stands_alone_imports_the_standard_library() -> None:
    """The client runs where there is python3 and nothing else."""
    source = Path(client.__file__).read_text()
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("/no/such/program",), "No such file"),
        (("sh", "-c", "echo cannot enter >&2; exit 3"), "ended with 3: cannot enter"),
        (("sh", "-c", "exit 0"), "ended with 0: it said nothing"),
    ],
    ids=["absent", "refusing", "silent"],
)
def test_a_command_that_does_not_work_is_said(command: tuple[str, ...], said: str) -> None:
    """A command that cannot run the program is a mistake of the target, never an answer."""
    with pytest.raises(KitError, match=said):
        outside.Place("there", command).do("connect", address="127.0.0.1", port=1)


def test_answers_are_json(unused_port: int) -> None:
    """What a task answers goes through a channel of text."""
    answer = client.run({"do": "connect", "address": "127.0.0.1", "port": unused_port})
    assert json.loads(json.dumps(answer)) == answer
    assert "refused" in answer["error"]
