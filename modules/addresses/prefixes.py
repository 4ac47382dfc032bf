"""The national prefixes and how much of them an agency gets: settings of the platform team."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from core.paths import REPOSITORY
from modules.addresses.blocks import Block, Prefix
from modules.addresses.pool import OverlapError, Taken
from modules.configuration import Settings, read

DEFAULT: Final = REPOSITORY / "data" / "addresses.yaml"
ZONE_LENGTH: Final = 64
"""Length of a zone's IPv6 prefix: below it, hosts cannot make their own addresses (RFC 4291, section 2.5.1)."""


def _apart(prefixes: tuple[Block, ...], family: int) -> tuple[Block, ...]:
    taken = Taken()
    for prefix in prefixes:
        if prefix.family != family:
            raise ValueError(f"{prefix} is not of IPv{family}")
        try:
            taken.put(prefix, "this list")
        except OverlapError as error:
            raise ValueError(f"{prefix} overlaps {error.other} in the same list") from None
    return prefixes


class IPv6(Settings):
    """The IPv6 side of the plan."""

    prefixes: Annotated[tuple[Prefix, ...], Field(min_length=1)]
    """The national prefixes; no two overlap."""
    agency: Mapping[str, Annotated[int, Field(ge=8, lt=ZONE_LENGTH)]]
    """Length of the prefix that an agency gets, by its kind."""
    otherwise: Annotated[int, Field(ge=8, lt=ZONE_LENGTH)]
    """The same for a kind that is not listed."""

    @field_validator("prefixes")
    @classmethod
    def _family(cls, prefixes: tuple[Block, ...]) -> tuple[Block, ...]:
        return _apart(prefixes, 6)

    @model_validator(mode="after")
    def _fits(self) -> IPv6:
        longest = min(prefix.length for prefix in self.prefixes)
        for kind, length in {**self.agency, "otherwise": self.otherwise}.items():
            if length < longest:
                raise ValueError(f"{kind}: a /{length} does not fit into any of the national prefixes")
        return self

    def length(self, kind: str) -> int:
        """Return the length of the prefix that an agency of this kind gets."""
        return self.agency.get(kind, self.otherwise)


class IPv4(Settings):
    """The IPv4 side of the plan."""

    prefixes: tuple[Prefix, ...] = ()
    """The national prefixes; none means IPv6 alone."""
    zone: Annotated[int, Field(ge=16, le=32)] = 28
    """Length of a zone's part; an agency's block is as large as its zones need together."""
    kinds: tuple[str, ...] = ()
    """Kinds of agency that get IPv4, the first one first. All others get IPv6 alone."""

    @field_validator("prefixes")
    @classmethod
    def _family(cls, prefixes: tuple[Block, ...]) -> tuple[Block, ...]:
        return _apart(prefixes, 4)


class Prefixes(Settings):
    """The whole address plan: what is given out, and in which sizes."""

    ipv6: IPv6
    ipv4: IPv4 = IPv4()
    quarantine_days: Annotated[int, Field(ge=0)] = 180
    """Days that a released block is kept back: caches, logs and rules elsewhere still name its old owner."""

    def of(self, family: int) -> tuple[Block, ...]:
        """Return the national prefixes of a family, 4 or 6."""
        return self.ipv4.prefixes if family == 4 else self.ipv6.prefixes


def load(path: Path = DEFAULT) -> Prefixes:
    """Read the address plan. Raises KitError with every mistake."""
    return read(path, Prefixes)
