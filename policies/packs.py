"""The policy packs: which rules each holds, and at which level it judges. Their folders beside this file start them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.errors import KitError
from policies.rules import Compiled, StackRule, about

Entry = Compiled | StackRule


@dataclass(frozen=True)
class Pack:
    """A choice of rules.

    ``level`` is the least at which objects are judged. An object in a namespace that the same objects give a higher
    level, by the kit's label, is judged at that one, as the API server does. ``areas`` are the beginnings of the
    requirements that its rules serve; none: all.
    """

    name: str
    title: str
    level: int
    areas: tuple[str, ...] = ()

    def rules(self, shipped: Iterable[Entry]) -> list[Entry]:
        """Return its rules: those of its areas, those of higher levels included."""
        return [it for it in shipped if not self.areas or any(r.startswith(self.areas) for r in about(it).requirements)]


PACKS: Final[Mapping[str, Pack]] = MappingProxyType(
    {
        pack.name: pack
        for pack in (
            Pack("baseline", "What any pod has to be, in any program: Pod Security", 1, ("GVC-WKL-",)),
            Pack("ipv6", "Every address, name and door in both families", 1, ("GVC-IP6-",)),
            *(Pack(f"level-{n}", f"All that a system of level {n} has to meet", n) for n in range(1, 6)),
        )
    }
)


def find(name: str) -> Pack:
    """Return a pack by the name of its folder. Raises KitError where there is none."""
    try:
        return PACKS[name]
    except KeyError:
        raise KitError(f"there is no policy pack {name!r}", f"there are: {', '.join(PACKS)}") from None
