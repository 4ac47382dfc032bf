"""Security levels 1 to 5 (Decree 331/2026, Articles 11-15) and what the kit does at each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

Level = Annotated[int, Field(ge=1, le=5)]
"""A security level. The higher, the stricter."""

Cpu = Annotated[str, Field(pattern=r"^([1-9][0-9]*|[0-9]+\.[0-9]{1,3}|[1-9][0-9]*m)$")]
"""Processor time as Kubernetes writes it: cores (``2``, ``0.5``) or thousandths (``500m``)."""
Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$")]
"""Memory as Kubernetes writes it, in binary units: ``512Mi``, ``4Gi``."""


class Quota(BaseModel):
    """The most that the pods of one namespace may have together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: Cpu
    memory: Memory
    pods: Annotated[int, Field(ge=1, le=1000)]


class LevelProfile(BaseModel):
    """What the kit gives a system because of its level, where its file says nothing else."""

    model_config = ConfigDict(frozen=True)

    level: Level
    quota: Quota
    replicas: int
    """Copies of a workload: two from level 3 on, spread over nodes (availability and containment of failures)."""
    shares_cluster: bool
    """False at level 5, which asks for machines of its own (GVC-ISO-04)."""


_SMALL = Quota(cpu="1", memory="1Gi", pods=10)
_LARGE = Quota(cpu="2", memory="2Gi", pods=20)

LEVELS: Final[Mapping[int, LevelProfile]] = MappingProxyType(
    {
        1: LevelProfile(level=1, quota=_SMALL, replicas=1, shares_cluster=True),
        2: LevelProfile(level=2, quota=_SMALL, replicas=1, shares_cluster=True),
        3: LevelProfile(level=3, quota=_LARGE, replicas=2, shares_cluster=True),
        4: LevelProfile(level=4, quota=_LARGE, replicas=2, shares_cluster=True),
        5: LevelProfile(level=5, quota=_LARGE, replicas=2, shares_cluster=False),
    }
)
