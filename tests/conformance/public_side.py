"""A cloud's public side on loopback: a portal in both families, good or broken in one way, and its name server."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone

from conformance.probes import Family
from conformance.public import Endpoint
from conformance.surface import Surface
from conformance.target import load
from tests.conformance.servers import Answer

NAME = "portal.egc.test"
ADDRESS = {Family.IPV4: "127.0.0.1", Family.IPV6: "::1"}
COOKIE = "session=1; Path=/; Secure; HttpOnly"
LARGE = 2 << 20
ZONE = """
$ORIGIN egc.test.
$TTL 60
@ IN SOA ns1 hostmaster 1 3600 600 604800 60
@ IN NS ns1
ns1 IN A 127.0.0.1
ns1 IN AAAA ::1
portal IN A 127.0.0.1
portal IN AAAA ::1
"""


def portal(*, content: str = "Cổng dịch vụ", cookie: str = COOKIE, filters: bool = True, cut: bool = False) -> Answer:
    """Answer as a portal does: a page, a sign-in page with a cookie, a large file, and a refusal of attacks."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        attack = any(mark in handler.path.lower() for mark in ("%3cscript", "%27%20or", "../"))
        body = b"x" * LARGE if handler.path == "/large" else content.encode()
        handler.send_response(403 if attack and filters else 200)
        if handler.path == "/sign-in":
            handler.send_header("Set-Cookie", cookie)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if cut else body)
        handler.close_connection = True

    return answer


def redirect(target: str) -> Answer:
    """Send everyone to one place."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(308)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def surface(target_file: Path, found: dict[Family, list[str]] | None = None, **sections: Any) -> Surface:
    """Return a public side with what is given, whose name leads to loopback in both families unless told otherwise."""
    known = {family: [address] for family, address in ADDRESS.items()} if found is None else found
    target = load(target_file).model_copy(update=sections)
    return Surface(target, {(NAME, family): addresses for family, addresses in known.items()})


def endpoint(port: int, authority: Path | None = None, **fields: Any) -> Endpoint:
    """Return the portal as a target file declares it."""
    return Endpoint.model_construct(**{**Endpoint(name=NAME, port=port).model_dump(), "authority": authority, **fields})


class NameServer:
    """A name server of one zone, over UDP and TCP, on loopback."""

    def __init__(
        self, zone: dns.zone.Zone, address: str, *, port: int = 0, tcp: bool = True, authority: bool = True
    ) -> None:
        self._zone, self._authority = zone, authority
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._packets = socket.socket(family, socket.SOCK_DGRAM)
        self._packets.bind((address, port))
        self.port: int = self._packets.getsockname()[1]
        self._streams = socket.socket(family, socket.SOCK_STREAM)
        self._streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if tcp:
            self._streams.bind((address, self.port))
            self._streams.listen()
        self._start(self._serve_packets)
        if tcp:
            self._start(self._serve_streams)

    def close(self) -> None:
        for channel in (self._packets, self._streams):
            with contextlib.suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
            channel.close()

    def _start(self, serve: Callable[[], None]) -> None:
        threading.Thread(target=serve, daemon=True).start()

    def _serve_packets(self) -> None:
        while True:
            try:
                packet, client = self._packets.recvfrom(4096)
                if not packet:
                    return
                self._packets.sendto(self._answer(packet), client)
            except OSError:
                return

    def _serve_streams(self) -> None:
        while True:
            try:
                channel, _ = self._streams.accept()
            except OSError:
                return
            with channel, channel.makefile("rb") as stream:
                size = stream.read(2)
                if len(size) == 2:
                    answer = self._answer(stream.read(struct.unpack(">H", size)[0]))
                    channel.sendall(struct.pack(">H", len(answer)) + answer)

    def _answer(self, packet: bytes) -> bytes:
        question = dns.message.from_wire(packet)
        answer = dns.message.make_response(question)
        if self._authority:
            answer.flags |= dns.flags.AA
        (asked,) = question.question
        kinds = [(asked.rdtype, dns.rdatatype.NONE)]
        if question.ednsflags & dns.flags.DO:
            kinds.append((dns.rdatatype.RRSIG, asked.rdtype))
        for kind, covers in kinds:
            if found := self._zone.get_rrset(asked.name, kind, covers):
                answer.answer.append(found)
        if self._zone.get_node(asked.name) is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()
