"""Which cluster and which gateway each unit gets. Whoever is placed stays; the others fill what is free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import Field

from modules.configuration import Settings
from modules.model import Model
from modules.units.names import fit, fold

Where = Literal["own", "above", "shared"]
SHARED: Final = "cgc"
"""Start of the names of the central cloud's shared clusters."""


class Rules(Settings):
    """What the platform team decides about clusters."""

    namespaces_per_cluster: Annotated[int, Field(ge=1)] = 6000
    """Most namespaces that a cluster carries."""
    units_per_gateway: Annotated[int, Field(ge=1)] = 64
    """Most units that share a gateway."""
    where: Mapping[str, Where] = {}
    """Where units of a kind go: ``own``, a cluster of their own; ``above``, that of the nearest unit above them that
    has one; ``shared``, one of the central cloud. A kind that is not listed is shared."""


class Placed(Model):
    """Where a unit is, as a plan gives it and the next one takes it."""

    cluster: str
    gateway: Annotated[str, Field(pattern=r"^.+-gateway-[0-9]+$")]
    namespaces: Annotated[int, Field(ge=0)]
    """How many it has on that cluster."""
    alone: Mapping[str, str] = {}
    """Clusters of its systems of level 5, by the system's name."""
    why: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """A unit that is to be placed."""

    unit: str
    """Its key."""
    slug: str
    kind: str
    parent: str | None
    namespaces: int
    """How many it needs on a cluster that it shares."""
    alone: Mapping[str, int] = field(default_factory=dict)
    """Systems that need machines of their own (level 5), and how many namespaces each has."""
    chosen: str = ""
    """What its file asks for: ``own``, ``shared``, or a commercial cloud's name after ``egc:``; '' leaves it to the
    rules."""


@dataclass
class Cluster:
    """What a cluster carries."""

    name: str
    namespaces: int = 0
    gateways: dict[int, int] = field(default_factory=dict)
    """How many units each gateway has, by its number."""

    @property
    def units(self) -> int:
        """How many units it carries."""
        return sum(self.gateways.values())


@dataclass(frozen=True)
class Placements:
    """Where all units are, what the clusters carry, and what could not be placed."""

    placed: Mapping[str, Placed]
    clusters: Mapping[str, Cluster]
    refused: Sequence[str]
    """One line for each unit that could not be placed, or has outgrown its cluster."""


def place(tenants: Iterable[Tenant], rules: Rules, kept: Mapping[str, Placed] | None = None) -> Placements:
    """Place units; those in ``kept`` stay where they are, and count even when they are not among the tenants.

    A unit whose file asks for another place than it has is placed anew: what a file says wins over the rules.
    The order of the tenants changes nothing. Within a kind of place, clusters and gateways are filled one by one.
    """
    desk = _Desk(rules)
    by_unit = {tenant.unit: tenant for tenant in tenants}
    owners = {it.unit for it in by_unit.values() if desk.where(it) == "own"}
    for unit, placed in sorted((kept or {}).items()):
        tenant = by_unit.get(unit)
        if tenant is None or not tenant.chosen or _is_at(placed.cluster, desk.home(tenant, by_unit, owners)[0]):
            desk.keep(unit, placed)
    for tenant in sorted(by_unit.values(), key=lambda it: (it.unit not in owners, it.unit)):
        if tenant.unit in desk.placed:
            desk.grow(tenant)
        else:
            desk.add(tenant, *desk.home(tenant, by_unit, owners))
    return Placements(dict(sorted(desk.placed.items())), dict(sorted(desk.clusters.items())), desk.refused)


def _is_at(cluster: str, home: str) -> bool:
    """Tell whether a cluster is one of those of a home: the home itself, or the home with a number."""
    rest = cluster.removeprefix(home)
    return cluster.startswith(home) and (not rest or (rest[0] == "-" and rest[1:].isdigit()))


class _Desk:
    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.placed: dict[str, Placed] = {}
        self.clusters: dict[str, Cluster] = {}
        self.refused: list[str] = []

    def keep(self, unit: str, placed: Placed) -> None:
        self.placed[unit] = placed
        cluster = self.cluster(placed.cluster)
        cluster.namespaces += placed.namespaces
        number = int(placed.gateway.rpartition("-")[2])
        cluster.gateways[number] = cluster.gateways.get(number, 0) + 1
        for name in placed.alone.values():
            self.cluster(name)

    def cluster(self, name: str) -> Cluster:
        return self.clusters.setdefault(name, Cluster(name))

    def where(self, tenant: Tenant) -> str:
        return tenant.chosen or self.rules.where.get(tenant.kind, "shared")

    def home(self, tenant: Tenant, by_unit: Mapping[str, Tenant], owners: set[str]) -> tuple[str, str]:
        """Return the name that the clusters for a unit begin with, and the reason."""
        where = self.where(tenant)
        if where == "own":
            why = "its file asks for it" if tenant.chosen else f"every {tenant.kind} has one"
            return tenant.slug, f"a cluster of its own: {why}"
        if where.startswith("egc:"):
            return fit(f"egc-{fold(where.removeprefix('egc:'))}"), "its file names this commercial cloud"
        above = (tenant.parent or "") if where == "above" else ""
        while above in by_unit and above not in owners:
            above = by_unit[above].parent or ""
        if above in owners:
            return by_unit[above].slug, f"shares the cluster of {above} above it"
        if above in self.placed and not self.placed[above].cluster.startswith(f"{SHARED}-"):
            return self.placed[above].cluster, f"shares the cluster of {above} above it"
        missing = "no unit above it has a cluster of its own; it " if where == "above" else ""
        asked = ": its file asks for it" if tenant.chosen else ""
        return SHARED, f"{missing}shares the central cloud{asked}"

    def add(self, tenant: Tenant, home: str, why: str) -> None:
        most = self.rules.namespaces_per_cluster
        if tenant.namespaces > most:
            self.refused.append(f"{tenant.unit}: has {tenant.namespaces} namespaces, and a cluster carries {most}")
            return
        cluster, number = self.roomy(home, tenant.namespaces)
        if number > 1 and home != SHARED:
            why += f", of which {number - 1} are full"
        gateway = next(
            it
            for it in range(1, len(cluster.gateways) + 2)
            if cluster.gateways.get(it, 0) < self.rules.units_per_gateway
        )
        cluster.namespaces += tenant.namespaces
        cluster.gateways[gateway] = cluster.gateways.get(gateway, 0) + 1
        alone = self.alone(tenant, {})
        self.placed[tenant.unit] = Placed(
            cluster=cluster.name,
            gateway=f"{cluster.name}-gateway-{gateway}",
            namespaces=tenant.namespaces,
            alone=alone,
            why="; ".join([why, *(f"{system} is of level 5 and has {name} alone" for system, name in alone.items())]),
        )

    def roomy(self, home: str, namespaces: int) -> tuple[Cluster, int]:
        """Return the first cluster of a home that has room, and its number; a new one when all are full."""
        number = 1
        while True:
            name = f"{home}-{number}" if home == SHARED or number > 1 else home
            cluster = self.cluster(name)
            if cluster.namespaces + namespaces <= self.rules.namespaces_per_cluster:
                return cluster, number
            number += 1

    def alone(self, tenant: Tenant, had: Mapping[str, str]) -> dict[str, str]:
        """Return the clusters of the systems that stand alone: each has one that nothing else is put on."""
        names = {system: had.get(system, fit(f"l5-{tenant.slug}-{system}")) for system in tenant.alone}
        for system, name in names.items():
            self.cluster(name).namespaces = tenant.alone[system]
        return names

    def grow(self, tenant: Tenant) -> None:
        """Let a unit that stays have as many namespaces as it needs now, if its cluster has room."""
        placed = self.placed[tenant.unit]
        cluster, most = self.clusters[placed.cluster], self.rules.namespaces_per_cluster
        new = cluster.namespaces - placed.namespaces + tenant.namespaces
        if new > most and tenant.namespaces > placed.namespaces:
            self.refused.append(
                f"{tenant.unit}: needs {tenant.namespaces} namespaces on {cluster.name}, {new} with the others there; "
                f"a cluster carries {most}"
            )
            return
        cluster.namespaces = new
        update = {"namespaces": tenant.namespaces, "alone": self.alone(tenant, placed.alone)}
        self.placed[tenant.unit] = placed.model_copy(update=update)
