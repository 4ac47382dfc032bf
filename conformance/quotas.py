"""Arithmetic on quotas: how much a namespace has left, and a pod that asks for more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from conformance.workloads import Manifest

_RESOURCES = ("requests.memory", "requests.cpu", "limits.memory", "limits.cpu", "memory", "cpu")
_UNIT = {"cpu": Decimal("0.001"), "memory": Decimal(1 << 20)}
_MOST_CONTAINERS = 100


@dataclass(frozen=True)
class Room:
    """What a quota leaves of one resource, in cores or bytes."""

    name: str
    resource: str
    """As the quota names it, such as ``requests.memory``."""
    left: Decimal

    @property
    def kind(self) -> str:
        """``cpu`` or ``memory``."""
        return self.resource.rpartition(".")[2]


def tightest(listed: Sequence[Mapping[str, Any]]) -> Room | None:
    """Return the first compute resource that a quota without scope limits, None where there is none."""
    for resource in _RESOURCES:
        if rooms := [Room(name, resource, left) for name, _, left in _bounds(listed, resource)]:
            return min(rooms, key=lambda room: room.left)
    return None


def _bounds(listed: Sequence[Mapping[str, Any]], resource: str) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Yield each quota without scope that limits a resource, with how much there may be and how much is left."""
    for quota in listed:
        status = quota.get("status", {})
        hard, used = status.get("hard", {}), status.get("used", {})
        scoped = quota["spec"].get("scopes") or quota["spec"].get("scopeSelector")
        if resource in hard and not scoped:
            most = parse_quantity(hard[resource])
            yield quota["metadata"]["name"], most, most - parse_quantity(used.get(resource, "0"))


@dataclass(frozen=True)
class Share:
    """How much of one resource is in use, by the quota that leaves the smallest part of it."""

    name: str
    resource: str
    used: Decimal
    hard: Decimal

    @property
    def percent(self) -> Decimal:
        """Of what may be used."""
        return self.used * 100 / self.hard

    def up_to(self, percent: int) -> Room:
        """Return so many per cent of what may be used, as if nothing were in use yet."""
        return Room(self.name, self.resource, self.hard * percent / 100)


def shares(listed: Sequence[Mapping[str, Any]]) -> Sequence[Share]:
    """Return how much is in use of each compute resource that quotas without scope limit; memory first."""
    found = []
    for resource in _RESOURCES:
        rooms = [Share(name, resource, hard - left, hard) for name, hard, left in _bounds(listed, resource) if hard > 0]
        if rooms:
            found.append(max(rooms, key=lambda room: room.percent))
    return found


def container_limit(ranges: Sequence[Mapping[str, Any]], resource: str) -> Decimal | None:
    """Return the most that one container may have of a resource, None where no LimitRange says."""
    kind = resource.rpartition(".")[2]
    limits = [
        parse_quantity(limit["max"][kind])
        for item in ranges
        for limit in item["spec"]["limits"]
        if limit["type"] == "Container" and kind in limit.get("max", {})
    ]
    return min(limits, default=None)


def beyond(pod: Manifest, room: Room, most: Decimal | None) -> Manifest:
    """Return the pod with as many containers, each within ``most``, as go one unit beyond the room."""
    unit = _UNIT[room.kind]
    wanted = max(room.left, Decimal(0)) + unit
    count = min(math.ceil(wanted / most), _MOST_CONTAINERS) if most else 1
    each = math.ceil(wanted / count / unit)
    amount = f"{each}m" if room.kind == "cpu" else f"{each}Mi"
    (container,) = pod["spec"]["containers"]
    resources = {part: {**container["resources"][part], room.kind: amount} for part in ("requests", "limits")}
    containers = [{**container, "name": f"probe-{index}", "resources": resources} for index in range(count)]
    return {**pod, "spec": {**pod["spec"], "containers": containers}}


def describe(quota: Mapping[str, Any]) -> str:
    """Return a quota in one line: what is used of what."""
    status = quota.get("status", {})
    used = status.get("used", {})
    parts = [f"{name} {used.get(name, '?')} of {hard}" for name, hard in sorted(status.get("hard", {}).items())]
    return f"{quota['metadata']['name']}: {', '.join(parts)}"
