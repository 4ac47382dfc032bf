"""What a fault is: a name, one line for people, and the two ways of a switch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from testbed.faults.cloud import Cloud

Switch = Callable[[Cloud], None]
"""Breaks or mends one thing. Called again, or after a process that was killed half way, it ends in the same state."""


@dataclass(frozen=True)
class Change:
    """One thing that can be broken and mended: what faults are put together from."""

    on: Switch
    off: Switch

    def __add__(self, other: Change) -> Change:
        """Break this one, then the other; mend them in the opposite order."""

        def switch_on(cloud: Cloud) -> None:
            self.on(cloud)
            other.on(cloud)

        def switch_off(cloud: Cloud) -> None:
            other.off(cloud)
            self.off(cloud)

        return Change(switch_on, switch_off)


@dataclass(frozen=True)
class Fault:
    """A fault to switch on."""

    name: str
    """In kebab-case, the same for ever: commands and the matrix of the tests name it."""
    summary: str
    """One line: what is broken, and what an auditor should find."""
    change: Change
    area: str = ""
    """The module that it stands in; filled in by the registry."""

    def switch_on(self, cloud: Cloud) -> None:
        """Break it."""
        self.change.on(cloud)

    def switch_off(self, cloud: Cloud) -> None:
        """Mend it; nothing happens where it is not broken."""
        self.change.off(cloud)
