"""Whether what a target file names can be reached from here, each address family apart, and in bounded time."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.networks import AnyUrl

from conformance.probes import Family

SECONDS = 4.0
_KINDS = {"": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


@dataclass(frozen=True)
class Place:
    """A server that the target file names, and that is to speak TLS."""

    what: str
    """Where the target file names it, such as ``object_store.endpoint``."""
    host: str
    port: int
    authority: Path | None = None
    """PEM of the authorities that sign its certificate; without it, the machine's."""
    addresses: tuple[str, ...] = ()
    """Where the name leads, if the target file says so; otherwise it is looked up."""


@dataclass(frozen=True)
class Finding:
    """What one attempt showed."""

    what: str
    ok: bool
    detail: str


def places(section: str, value: Any) -> Iterator[Place]:
    """Find the servers in a section of a target file: every https URL, with the authority and addresses beside it."""
    match value:
        case AnyUrl() if value.scheme == "https" and value.host:
            yield Place(section, value.host.strip("[]"), value.port or 443)
        case BaseModel():
            given = getattr(value, "addresses", ())  # a list, or one of each family
            listed = [address for _, address in given] if isinstance(given, BaseModel) else given
            addresses = tuple(str(address) for address in listed if address)
            authority = getattr(value, "authority", None)
            for name in type(value).model_fields:
                for place in places(f"{section}.{name}", getattr(value, name)):
                    yield replace(place, authority=place.authority or authority, addresses=place.addresses or addresses)
        case list() | tuple():
            for index, item in enumerate(value):
                yield from places(f"{section}.{index}", item)
        case dict():
            for key, item in value.items():
                yield from places(f"{section}.{key}", item)


def look_up(host: str, family: str = "") -> list[str]:
    """Ask this machine's resolver for the addresses of a name, of one family (``ipv4``, ``ipv6``) or of both.

    Raises OSError where there is none.
    """
    found = socket.getaddrinfo(host, None, _KINDS[family], socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def attempt(place: Place) -> list[Finding]:
    """Shake hands with a server over each family that its name has."""
    try:
        addresses = place.addresses or look_up(place.host)
    except OSError as error:
        return [Finding(place.what, ok=False, detail=f"{place.host}: the name is not found: {error.strerror}")]
    return [
        Finding(f"{place.what}, {family}", *_handshake(place, address))
        for family in Family
        if (address := family.of(addresses))
    ]


def _handshake(place: Place, address: str) -> tuple[bool, str]:
    where = f"{place.host} port {place.port}"
    try:
        context = ssl.create_default_context(cafile=str(place.authority) if place.authority else None)
        with (
            socket.create_connection((address, place.port), timeout=SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=place.host) as secure,
        ):
            return True, f"{where}: {secure.version()}, the certificate holds"
    except ssl.SSLCertVerificationError as error:
        return False, f"{where}: certificate: {error.verify_message}"
    except TimeoutError:
        return False, f"{where}: no answer within {SECONDS:.0f} s"
    except OSError as error:
        return False, f"{where}: {error.strerror or getattr(error, 'reason', None) or error}"
