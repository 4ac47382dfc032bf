"""Handshakes with a server, to see which versions and suites of TLS it accepts."""

from __future__ import annotations

import http.client
import socket
import ssl
import warnings
from dataclasses import dataclass

from core.errors import KitError

SECONDS = 5.0
OLD = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
PRESENT = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
WEAK_SUITES = "aNULL:eNULL:kRSA:@SECLEVEL=0"
"""Without authentication, without encryption, or without forward secrecy (TLS 1.2 and older)."""

_REFUSALS = (
    "PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "HANDSHAKE_FAILURE",
    "INSUFFICIENT_SECURITY",
    "WRONG_VERSION_NUMBER",
    "UNEXPECTED_EOF",
    "NO_SHARED_CIPHER",
)


@dataclass(frozen=True)
class Handshake:
    """How a server took an offer: the version and suite agreed on, or its refusal."""

    accepted: bool
    detail: str


def offer(
    host: str,
    port: int,
    *,
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion],
    suites: str = "ALL:@SECLEVEL=0",
    authority: str | None = None,
    verify: bool = False,
    name: str = "",
) -> Handshake:
    """Offer a range of versions and some suites. Raises KitError when no answer decides the matter.

    ``name`` is what the server is called where ``host`` is its address.

    With ``verify`` the certificate has to fit the host and be signed by ``authority`` (a file), else it is a refusal on
    our side, reported as not accepted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if verify:
        context.load_verify_locations(cafile=authority) if authority else context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = versions
    context.set_ciphers(suites)
    try:
        with (
            socket.create_connection((host, port), timeout=SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=name or host) as secure,
        ):
            suite = (secure.cipher() or ("an unnamed suite",))[0]
            return Handshake(accepted=True, detail=f"{secure.version()} with {suite}")
    except ssl.SSLCertVerificationError as error:
        return Handshake(accepted=False, detail=f"certificate: {error.verify_message}")
    except (ssl.SSLEOFError, ConnectionResetError) as error:
        return Handshake(accepted=False, detail=f"the server ended the connection ({type(error).__name__})")
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        if any(refusal in reason for refusal in _REFUSALS):
            return Handshake(accepted=False, detail=f"refused: {reason}")
        raise KitError(f"{host} port {port}: the handshake decided nothing: {reason}") from error
    except OSError as error:
        raise KitError(f"{host} port {port}: no connection: {error}") from error


def anonymous_status(host: str, port: int, path: str) -> int | None:
    """GET a path over TLS without credentials and return the status; None where nobody answers at all.

    The certificate is not looked at: the question is what the server gives away, not who it is.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
    try:
        connection.connect()
    except (ssl.SSLError, ConnectionResetError) as error:
        raise KitError(f"{host} port {port}: no TLS: {error}") from error
    except OSError:
        return None
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise KitError(f"{host} port {port}: no answer over TLS: {error}") from error
    finally:
        connection.close()


def is_open(host: str, port: int) -> bool:
    """Whether a port takes connections."""
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def plain_http(host: str, port: int) -> str:
    """Send a plain HTTP request to a port, and return the first line of the answer, empty when it was closed."""
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as raw:
            raw.sendall(f"GET /api HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return raw.recv(200).decode(errors="replace").split("\r\n")[0]
    except (ConnectionResetError, BrokenPipeError):
        return ""
    except OSError as error:
        raise KitError(f"{host} port {port}: no connection: {error}") from error
