"""What the engine asks for, and how it is told what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from toolchain.plugins.kubernetes_provider import kinds, values


class Teller(Protocol):
    """Shows a message about one resource; a passing one only while the resource is worked on."""

    def __call__(self, message: str, severity: str = "INFO", *, passing: bool = False) -> None: ...  # noqa: D102


class RefusedError(Exception):
    """The API refused an object, or this provider cannot serve it; the message is for the person."""


class PartialError(Exception):
    """An object is there but not as it should be; the state is kept so that the next run goes on from it."""

    def __init__(self, message: str, identity: str, state: dict[str, Any], inputs: dict[str, Any]) -> None:
        super().__init__(message)
        self.identity = identity
        self.state = state
        self.inputs = inputs


@dataclass(frozen=True)
class Request:
    """What the engine says of a resource, with the marks of secrets."""

    urn: str
    identity: str = ""
    olds: dict[str, Any] = field(default_factory=dict)
    old_inputs: dict[str, Any] = field(default_factory=dict)
    news: dict[str, Any] = field(default_factory=dict)
    timeout: float = 0.0

    @property
    def type(self) -> str:
        """The resource's type, such as ``kubernetes:core/v1:Namespace``."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.split("::", 3)[3]

    @property
    def patch(self) -> bool:
        """Whether it stands for some fields of somebody else's object."""
        return kinds.is_patch(self.type, values.plain(self.news or self.old_inputs or self.olds))
