"""The section of a target file about signing in: the identity service, and the people who stand ready for the audit."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter

from conformance.fields import File, HttpsUrl, Strict, holds, read


class Secrets(Strict):
    """What a person signs in with. Without ``totp``, the seed of one-time codes, the person has no second factor."""

    username: str = Field(min_length=1)
    password: str = Field(min_length=1, repr=False)
    totp: str = Field(default="", pattern=r"^[A-Z2-7]*=*$", repr=False)


class Person(Strict):
    """A person of the identity service who stands ready for the audit."""

    credentials: Annotated[File, holds(Secrets, "username and password, and totp in base32")]
    """YAML with ``username``, ``password`` and, in base32, ``totp``; readable by you alone."""

    def secrets(self) -> Secrets:
        """Read the credentials."""
        return read(Secrets, self.credentials)


class NamedPerson(Person):
    """A person whom the API server lets in."""

    name: str = Field(min_length=1)
    """The name by which the API server has to know the person, prefix included."""


class SecondFactor(Strict):
    """How a token says that a second factor was used."""

    claim: str = "amr"
    value: str = "otp"


class Addresses(Strict):
    """An address of each family."""

    ipv4: IPv4Address
    ipv6: IPv6Address


def _https(value: str) -> str:
    TypeAdapter(HttpsUrl).validate_python(value)
    return value


class IdentityService(Strict):
    """The cloud's identity service, which speaks OpenID Connect and takes a password and a code of people directly."""

    issuer: Annotated[str, AfterValidator(_https)]
    """As it stands in tokens, letter by letter."""
    addresses: Addresses | None = None
    """Where its host is, when the name service that the audit uses does not know it."""
    authority: File | None = None
    """PEM of the authorities that sign its certificate, where the usual ones do not."""
    client: str = Field(min_length=1)
    """Public client whose ID tokens the API server takes."""
    other_client: str = ""
    """Public client whose ID tokens it must not take."""
    brief_client: str = ""
    """Public client whose ID tokens it takes, and that end after some seconds."""
    second_factor: SecondFactor = SecondFactor()
    user: NamedPerson
    user_without_second_factor: Person | None = None
    user_to_lock: Person | None = None
    """Gets locked by wrong passwords, so nobody else may need the account."""
