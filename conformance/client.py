"""One exchange from wherever this runs: a question to a name server, a connection, or a transfer over TLS.

This file stands alone: it is sent as it is to `python3` on a machine that need have nothing else (see
`conformance.outside`), so it imports the standard library and no more. A task is a mapping with ``do`` and the
arguments of the function of that name; the answer is a mapping, with ``error`` when nothing was exchanged.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import ipaddress
import os
import socket
import ssl
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

SECONDS = 4.0
TRANSFER_SECONDS = 8.0
BODY_SHOWN = 200
SCAN_PAUSE = 0.01
"""Between two connections of a scan: at most a hundred a second."""
_KINDS = {"A": (1, 4), "AAAA": (28, 16)}
_TCP_INFO_SENT, _TCP_INFO_RECEIVED = 16, 20
"""Where Linux' struct tcp_info has the sizes of segments: sent (tcpi_snd_mss) and received (tcpi_rcv_mss)."""
_INTERFACE_MTU = 0x8921
"""Linux' SIOCGIFMTU."""


def lookup(server: str, name: str, kind: str, *, tcp: bool = False, port: int = 53) -> dict[str, Any]:
    """Ask a name server for the addresses of a name: ``kind`` is A or AAAA. The answer has ``addresses``."""
    labels = b"".join(bytes([len(label)]) + label for label in (part.encode("ascii") for part in name.split(".")))
    number, size = _KINDS[kind]
    mark = os.urandom(2)
    packet = mark + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", number, 1)
    try:
        with socket.socket(_family(server), socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as channel:
            channel.settimeout(SECONDS)
            channel.connect((server, port))
            channel.sendall(struct.pack(">H", len(packet)) + packet if tcp else packet)
            answer = _framed(channel) if tcp else channel.recv(4096)
        if answer[:2] != mark:
            return {"error": "the answer belongs to another question"}
        if code := answer[3] & 15:
            return {"error": f"the name server answered with code {code}"}
        return {"addresses": _addresses(answer, number, size)}
    except (OSError, IndexError, struct.error) as error:
        return {"error": _reason(error)}


def connect(address: str, port: int) -> dict[str, Any]:
    """Open a TCP connection and close it. The answer has ``seconds``."""
    began = time.monotonic()
    try:
        with socket.create_connection((address, port), timeout=SECONDS):
            return {"seconds": round(time.monotonic() - began, 3)}
    except OSError as error:
        return {"error": _reason(error)}


def scan(address: str, ports: list[int], seconds: float = 1.0) -> dict[str, Any]:
    """Try to connect to ports, slowly. The answer has those that are ``open``."""

    def opened(port: int) -> int | None:
        try:
            socket.create_connection((address, port), timeout=seconds).close()
        except OSError:
            return None
        return port

    with ThreadPoolExecutor(max_workers=16) as pool:
        tries = []
        for port in ports:
            tries.append(pool.submit(opened, port))
            time.sleep(SCAN_PAUSE)
        return {"open": [port for port in (attempt.result() for attempt in tries) if port is not None]}


def fetch(
    address: str,
    port: int,
    *,
    name: str,
    path: str = "/",
    plain: bool = False,
    verify: bool = True,
    authority: str = "",
    send: int = 0,
) -> dict[str, Any]:
    """Make one HTTP exchange with an address, over TLS unless ``plain``, following no redirect.

    ``authority`` is the PEM of what signs the certificate, else the machine's own authorities are asked; without
    ``verify`` nobody is. ``send`` octets go up with the request, as a POST. The answer has status, headers (pairs), the
    number of octets that came, their SHA-256 and the first of them, the certificate's SHA-256 and last day (seconds
    since 1970), and what the kernel then knows of the path: the sizes of segments sent and received, and the packets
    that the smallest of the own links takes.
    """
    began = time.monotonic()
    try:
        with socket.create_connection((address, port), timeout=SECONDS) as raw:
            channel = raw if plain else _context(authority, verify=verify).wrap_socket(raw, server_hostname=name)
            with channel, channel.makefile("rb"):  # held open until the path was asked about, whoever closes it
                channel.settimeout(SECONDS)
                link = http.client.HTTPConnection(name, port)
                link.sock = channel
                found = _exchange(link, name if port in {80, 443} else f"{name}:{port}", path, send, began)
                found |= {"path": _path(channel)}
                if isinstance(channel, ssl.SSLSocket):
                    found |= {"tls": channel.version(), **_certificate(channel)}
                return found
    except ssl.SSLCertVerificationError as error:
        return {"error": f"certificate: {error.verify_message}"}
    except (OSError, http.client.HTTPException) as error:
        return {"error": f"{_reason(error)}, after {time.monotonic() - began:.1f} s"}


TASKS = {task.__name__: task for task in (lookup, connect, scan, fetch)}


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Do one task."""
    arguments = dict(task)
    return TASKS[arguments.pop("do")](**arguments)


def _exchange(link: http.client.HTTPConnection, host: str, path: str, send: int, began: float) -> dict[str, Any]:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who wants no more may say so before all is sent
        link.request("POST" if send else "GET", path, body=b"x" * send if send else None, headers={"Host": host})
    answer = link.getresponse()
    digest, octets, first = hashlib.sha256(), 0, b""
    while piece := answer.read(65536):
        digest.update(piece)
        octets += len(piece)
        first = first or piece[:BODY_SHOWN]
        if time.monotonic() - began > TRANSFER_SECONDS:
            raise TimeoutError(f"{octets} octets came and no end")
    if (whole := answer.getheader("Content-Length")) and octets != int(whole):
        raise ConnectionError(f"{octets} octets came of {whole}")
    return {
        "status": answer.status,
        "headers": answer.getheaders(),
        "octets": octets,
        "sha256": digest.hexdigest(),
        "first": first.decode(errors="replace"),
        "seconds": round(time.monotonic() - began, 3),
    }


def _context(authority: str, *, verify: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authority:
        context.load_verify_locations(cadata=authority)
    else:
        context.load_default_certs()
    return context


def _certificate(channel: ssl.SSLSocket) -> dict[str, Any]:
    shown = channel.getpeercert(binary_form=True) or b""
    read = cast("dict[str, Any]", channel.getpeercert() or {})  # empty unless it was verified
    ends = ssl.cert_time_to_seconds(read["notAfter"]) if "notAfter" in read else None
    return {"certificate": hashlib.sha256(shown).hexdigest(), "ends": ends}


def _path(channel: socket.socket) -> dict[str, int]:
    """Return what Linux knows of a connection's path."""
    facts = channel.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)

    def number(place: int) -> int:
        return int(struct.unpack_from("=I", facts, place)[0])

    return {
        "segments_sent": number(_TCP_INFO_SENT),
        "segments_received": number(_TCP_INFO_RECEIVED),
        "own_links": min(_link_mtus(), default=0),
    }


def _link_mtus() -> list[int]:
    """Return the largest packets that this machine's own links take."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        asked = (struct.pack("16si", name.encode(), 0) for _, name in socket.if_nameindex() if name != "lo")
        return [struct.unpack("16si", fcntl.ioctl(handle, _INTERFACE_MTU, entry))[1] for entry in asked]


def _addresses(answer: bytes, kind: int, size: int) -> list[str]:
    count, place = int.from_bytes(answer[6:8], "big"), _after_name(answer, 12) + 4
    found = []
    for _ in range(count):
        place = _after_name(answer, place)
        number, length = struct.unpack_from(">H6xH", answer, place)
        place += 10 + length
        if number == kind and length == size:
            found.append(str(ipaddress.ip_address(answer[place - length : place])))
    return found


def _after_name(answer: bytes, place: int) -> int:
    while (length := answer[place]) and length < 0xC0:
        place += 1 + length
    return place + (2 if length else 1)


def _framed(channel: socket.socket) -> bytes:
    with channel.makefile("rb") as stream:
        return stream.read(int.from_bytes(stream.read(2), "big"))


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return str(error) if error.args and "octets" in str(error) else "no answer in time"
    if isinstance(error, ssl.SSLError):
        return error.reason or "the handshake failed"
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}".rstrip(": ")
