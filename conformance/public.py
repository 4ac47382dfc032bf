"""What a target file declares of the side of a cloud that the public sees, and where the audit looks at it from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, IPvAnyAddress

from conformance.fields import File, Strict, Word

Name = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Place = Annotated[str, Field(pattern=r"^/[!-~]*$")]
Command = Annotated[tuple[Word, ...], Field(min_length=1)]


class Endpoint(Strict):
    """A name and port where the cloud answers the public over TLS."""

    name: Name
    port: Port = 443
    path: Place = "/"
    """Something that anyone may get, the same in both address families."""
    authority: File | None = None
    """PEM of the authorities that sign its certificate, where the usual ones do not."""
    large: Place | None = None
    """Something of some MB that anyone may get, for transfers."""
    sign_in: Place | None = None
    """The page that gives a browser its session cookie."""
    plain_port: Port | None = None
    """Where plain HTTP is answered, by a way to TLS and nothing else."""
    web: bool = False
    """Whether it is a web application, which has to stand behind a filter of attacks."""

    @property
    def trust(self) -> str:
        """The authorities' PEM, empty for the usual ones."""
        return self.authority.read_text(encoding="utf-8") if self.authority else ""

    def __str__(self) -> str:
        return self.name if self.port == 443 else f"{self.name}:{self.port}"


class NameServers(Strict):
    """The servers that answer for the cloud's public names with authority."""

    zone: Name
    addresses: tuple[IPvAnyAddress, ...] = Field(min_length=1)
    anchor: File | None = None
    """The zone's DS or DNSKEY records as its parent has them, as in a zone file: what DNSSEC is verified against."""

    def answer_for(self, name: str) -> bool:
        """Tell whether a name is in the zone."""
        return f".{name}".endswith(f".{self.zone}")


class Exposed(Strict):
    """An address of the cloud that the public reaches, and every TCP port that may be open there."""

    address: IPvAnyAddress
    tcp: tuple[Port, ...] = ()


class Clients(Strict):
    """Commands that run a program somewhere outside the cloud, which needs python3 there: ``[ssh, HOST]``."""

    ipv6_only: Command | None = None
    """In a network that has IPv6 alone."""
    narrow: Command | None = None
    """Where a link of 1280 octets lies on the way, and not at the client's own end."""
    outside: Command | None = None
    """Anywhere outside, with both families; without it, the machine that the audit runs on."""
