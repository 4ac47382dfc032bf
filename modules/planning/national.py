"""The plan for all units at once: names, addresses, budget, cluster, gateway and the reasons, for each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modules.addresses.blocks import Prefix
from modules.addresses.changes import Need, reserve
from modules.addresses.ledger import Holding, Ledger
from modules.planning.estates import Estate
from modules.planning.placement import Cluster, Placed, Placements, place
from modules.planning.quotas import Grants, grant
from modules.planning.settings import Planning


@dataclass(frozen=True, slots=True)
class PlannedZone:
    """A zone of a system."""

    zone: str
    namespace: str
    addresses: tuple[Prefix, ...]
    """A /64, and where it has IPv4 a block of that."""


@dataclass(frozen=True, slots=True)
class PlannedSystem:
    """A system of a unit."""

    system: str
    level: int
    cluster: str
    quota: Mapping[str, str]
    """What it was granted; empty when it was refused."""
    zones: tuple[PlannedZone, ...]


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """One unit in the plan."""

    key: str
    code: str
    effective: dt.date
    name: str
    english: str | None
    kind: str
    parent: str | None
    stack: str
    """Name of its stack, its DNS label and start of its other names."""
    ipv6: tuple[Prefix, ...]
    ipv4: tuple[Prefix, ...]
    cluster: str
    gateway: str
    budget: Mapping[str, str]
    """What it and all below it have together; empty when it was refused."""
    systems: tuple[PlannedSystem, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedCluster:
    """A cluster in the plan."""

    cluster: str
    units: int
    namespaces: int
    gateways: int
    load: float
    """Share of the most namespaces that a cluster carries, 0 to 1."""


@dataclass(frozen=True, slots=True)
class NationalPlan:
    """The whole plan."""

    units: tuple[PlannedUnit, ...]
    clusters: tuple[PlannedCluster, ...]
    refused: tuple[str, ...]
    """Everything that cannot be had as things are, one line each."""
    placements: Mapping[str, Placed]
    """For the next plan, so that it moves nobody: units of earlier plans included."""


def plan(
    estates: Sequence[Estate],
    planning: Planning,
    ledger: Ledger,
    on: dt.date,
    kept: Mapping[str, Placed] | None = None,
) -> NationalPlan:
    """Plan for units together. What they lack is added to ``ledger``, which is for the caller to write or forget.

    Raises KitError when IPv6 is used up.
    """
    reserve(ledger, [Need(it.key, it.unit.kind, it.zones) for it in estates], on)
    placements = place([it.tenant() for it in estates], planning.placement, kept)
    grants = grant([it.wish(planning) for it in estates])
    most = planning.placement.namespaces_per_cluster
    return NationalPlan(
        units=tuple(_unit(it, ledger, placements, grants) for it in estates),
        clusters=tuple(_cluster(it, most) for it in placements.clusters.values()),
        refused=(*placements.refused, *map(str, grants.refused)),
        placements=placements.placed,
    )


def _unit(estate: Estate, ledger: Ledger, placements: Placements, grants: Grants) -> PlannedUnit:
    unit, holding = estate.unit, ledger.units.get(estate.key, Holding())
    placed = placements.placed.get(estate.key)
    budget = grants.budgets.get(estate.key)
    return PlannedUnit(
        key=estate.key,
        code=unit.key.code,
        effective=unit.key.effective,
        name=unit.name,
        english=unit.english,
        kind=unit.kind,
        parent=estate.parent,
        stack=unit.slug,
        ipv6=tuple(holding.of(6)),
        ipv4=tuple(holding.of(4)),
        cluster=placed.cluster if placed else "",
        gateway=placed.gateway if placed else "",
        budget=budget.texts() if budget else {},
        systems=tuple(_systems(estate, ledger, placed, grants)),
        reasons=tuple(it for it in (estate.source, placed.why if placed else "not placed", holding.why) if it),
    )


def _systems(estate: Estate, ledger: Ledger, placed: Placed | None, grants: Grants) -> Iterator[PlannedSystem]:
    granted = grants.systems.get(estate.key, {})
    for system in estate.systems:
        zones = tuple(
            PlannedZone(zone=zone, namespace=name, addresses=ledger.zone(name))
            for zone, name in estate.namespaces[system.name].items()
        )
        yield PlannedSystem(
            system=system.name,
            level=system.level,
            cluster=placed.alone.get(system.name, placed.cluster) if placed else "",
            quota=granted[system.name].texts() if system.name in granted else {},
            zones=zones,
        )


def _cluster(cluster: Cluster, most: int) -> PlannedCluster:
    return PlannedCluster(
        cluster=cluster.name,
        units=cluster.units,
        namespaces=cluster.namespaces,
        gateways=len(cluster.gateways),
        load=round(cluster.namespaces / most, 4),
    )
