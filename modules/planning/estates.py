"""What each unit brings to a plan: its systems as its file declares them, or as units of its kind usually have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from modules.agency import Agency
from modules.agency.exchange import Consumed
from modules.levels import LEVELS
from modules.planning.placement import Tenant
from modules.planning.quotas import Wish
from modules.planning.settings import Planning
from modules.quantities import Amounts
from modules.units.names import namespace
from modules.units.tree import Tree, Unit


@dataclass(frozen=True)
class Planned:
    """A system as far as a plan needs to know it."""

    name: str
    level: int
    zones: tuple[str, ...]
    needs: Amounts


@dataclass(frozen=True)
class Estate:
    """A unit and its systems."""

    unit: Unit
    systems: tuple[Planned, ...]
    chosen: str
    """Where its file wants it, as in placement.Tenant."""
    source: str
    """Where its systems are known from, in words."""
    consumes: tuple[Consumed, ...] = ()
    """Services of others that its systems use."""

    @cached_property
    def key(self) -> str:
        """The unit's key, as text."""
        return str(self.unit.key)

    @cached_property
    def parent(self) -> str | None:
        """Key of the unit above, as text."""
        return str(self.unit.parent) if self.unit.parent else None

    @cached_property
    def namespaces(self) -> Mapping[str, Mapping[str, str]]:
        """Names of its namespaces, by system and zone."""
        slug = self.unit.slug
        return {it.name: {zone: namespace(slug, it.name, zone) for zone in it.zones} for it in self.systems}

    @property
    def zones(self) -> tuple[str, ...]:
        """Names of all its namespaces."""
        return tuple(name for zones in self.namespaces.values() for name in zones.values())

    def tenant(self) -> Tenant:
        """Return it as placement sees it."""
        shared = [it for it in self.systems if LEVELS[it.level].shares_cluster]
        alone = {it.name: len(it.zones) for it in self.systems if it not in shared}
        count = sum(len(it.zones) for it in shared)
        return Tenant(self.key, self.unit.slug, self.unit.kind, self.parent, count, alone, self.chosen)

    def wish(self, planning: Planning) -> Wish:
        """Return it as quotas see it."""
        budget = planning.exceptions.get(self.key) or planning.budgets.get(self.unit.kind)
        needs = {it.name: it.needs for it in self.systems}
        return Wish(self.key, self.parent, needs, budget.amounts() if budget else None)


def assumed(tree: Tree, planning: Planning) -> list[Estate]:
    """Return what the units of a tree bring while they have no files: the systems that their kind usually has."""
    usual = {
        kind: tuple(
            Planned(name, level, LEVELS[level].zones, Amounts.of(LEVELS[level].quota)) for name, level in it.items()
        )
        for kind, it in planning.systems.items()
    }
    return [
        Estate(unit, usual.get(unit.kind, ()), "", f"no file yet: planned with what a {unit.kind} usually has")
        for unit in tree
    ]


def declared(agencies: Iterable[Agency]) -> list[Estate]:
    """Return what agencies bring, as their files say."""
    estates = []
    for it in agencies:
        systems = tuple(
            Planned(system.name, system.level, system.all_zones, Amounts.of(system.limits)) for system in it.systems
        )
        wanted = it.placement.chosen
        chosen = f"egc:{it.placement.egc}" if wanted == "egc" else wanted or ""
        estates.append(Estate(it.unit, systems, chosen, "as its file says", it.exchange.consumes))
    return estates
