"""What the central cloud promises to the agencies' stacks: its shared services, and how to reach each.

The central stack exports it as the output ``contract``; an agency's stack reads it through a stack reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import KitError

VERSION: Final = 1
"""Raised when a reader of the version before could misread the contract."""

Gateway = Literal["state", "internet"]
Port = Annotated[int, Field(ge=1, le=65535)]


class SharedService(BaseModel):
    """One shared service: where it answers, and which pods stand behind it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    namespace: str
    dns_name: str
    """Resolves to both addresses; without the cluster's own domain, which the resolver of a pod adds."""
    ipv4: IPv4Address
    ipv6: IPv6Address
    port: Port
    """Port of the Service."""
    pod_port: Port
    """Port of the pods, which is the one that network policies see."""
    pod_labels: dict[str, str]
    """Select the pods, for the egress rule of a caller."""


class Contract(BaseModel):
    """All that the central cloud promises, in one versioned value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    services: dict[str, SharedService]
    gateways: dict[Gateway, str] = {}
    """Names of the services through which calls from outside an agency come: from other agencies (``state``), and
    from the Internet. Without one, nothing is let in from there."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if unknown := sorted(set(self.gateways.values()) - set(self.services)):
            raise ValueError(f"gateways: no service {unknown[0]!r}")
        return self

    def exchange(self) -> SharedService:
        """Return the gateway of the exchange, through which agencies call each other. Raises KitError without one."""
        if (found := self.gateway("state")) is None:
            raise KitError(
                "the central cloud has no gateway of the exchange, and the agency uses services of others",
                "set gateways.state in the central stack and apply that first, or empty 'exchange.consumes'",
            )
        return found

    def gateway(self, name: Gateway) -> SharedService | None:
        """Return the service that is this gateway, if there is one."""
        return self.services[self.gateways[name]] if name in self.gateways else None

    def service(self, name: str) -> SharedService:
        """Return the shared service of this name. Raises KitError naming those there are."""
        try:
            return self.services[name]
        except KeyError:
            offered = ", ".join(sorted(self.services)) or "none"
            raise KitError(
                f"the central cloud offers no service {name!r}; it offers: {offered}",
                "correct 'consumes' in the agency file, or add the service to the central stack and apply that first",
            ) from None


def parse(value: object, stack: str) -> Contract:
    """Read a contract from the output of ``stack``. Raises KitError saying what is missing or wrong."""
    again = "apply the central stack of this version of the kit, then this one again"
    if not isinstance(value, Mapping):
        raise KitError(f"stack {stack} has no output 'contract'", again)
    found = value.get("version")
    if found != VERSION:
        raise KitError(
            f"the contract of stack {stack} has version {found}, and this kit reads version {VERSION}", again
        )
    try:
        return Contract.model_validate(dict(value))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "contract"
        raise KitError(f"the contract of stack {stack} is not whole: {place}: {first['msg']}", again) from error


def by_family(addresses: list[str]) -> dict[str, Any]:
    """Sort the cluster addresses of a dual-stack Service into the contract's fields ``ipv4`` and ``ipv6``."""
    return {f"ipv{ip_address(address).version}": address for address in addresses}
