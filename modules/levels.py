"""Security levels 1 to 5 (Decree 331/2026, Articles 11-15) and what the kit does at each; what each class of data asks.

Figures by level are least values: an agency may ask for more, never for less.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Level = Annotated[int, Field(ge=1, le=5)]
"""A security level. The higher, the stricter."""

_CPU = r"^([1-9][0-9]{0,4}|[1-9][0-9]{0,4}\.[0-9]{1,3}|0\.(0{0,2}[1-9]|0?[1-9][0-9]|[1-9][0-9]{2})|[1-9][0-9]{0,7}m)$"
Cpu = Annotated[
    str,
    Field(pattern=_CPU),
    WithJsonSchema({"type": ["string", "number"], "pattern": _CPU, "exclusiveMinimum": 0}),
]
"""Processor time as Kubernetes writes it: cores (``2``, ``0.5``) or thousandths (``500m``)."""
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}(Mi|Gi|Ti)$")]
"""Memory or storage as Kubernetes writes it, in binary units: ``512Mi``, ``4Gi``."""
Pods = Annotated[int, Field(ge=1, le=1000)]

Zone = Literal["edge", "application", "database", "administration"]
DataClass = Literal["public", "internal", "personal", "important", "core"]


class Quota(BaseModel):
    """The most that a system may have in one namespace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: Cpu
    memory: Size
    storage: Size
    pods: Pods


class LevelProfile(BaseModel):
    """What the kit gives a system because of its level, where its file says nothing else."""

    model_config = ConfigDict(frozen=True)

    level: Level
    quota: Quota
    replicas: int
    """Copies of a workload: two from level 3 on, spread over nodes (availability and containment of failures)."""
    shares_cluster: bool
    """False at level 5, which asks for machines of its own (GVC-ISO-04)."""
    zones: tuple[Zone, ...]
    """Zones that a system has at least: from level 3 databases and administration have their own (GVC-NET-02)."""
    zones_open: bool
    """True up to level 3: pods of one zone may call each other. Above that each way is declared (GVC-NET-03)."""
    logs: int
    """Months that logs are kept at least (GVC-LOG-02: no figure at level 1, where the month is the kit's choice)."""
    copies: int
    """Copies of the data, the live one included: apart from production from level 2, 3-2-1 from 3 (GVC-BKP-01)."""
    test: int
    """Months between two trials of a restore at most (GVC-BKP-02: periodic below level 4, where a year is ours)."""
    second_site: bool
    """True at level 5: a standby at least 30 km away (GVC-BKP-04)."""


_SMALL = Quota(cpu="1", memory="1Gi", storage="10Gi", pods=10)
_LARGE = Quota(cpu="2", memory="2Gi", storage="20Gi", pods=20)
_FEW: Final[tuple[Zone, ...]] = ("edge", "application")
_ALL: Final[tuple[Zone, ...]] = ("edge", "application", "database", "administration")


def _profile(level: int, quota: Quota, *, logs: int, copies: int, test: int) -> LevelProfile:
    return LevelProfile(
        level=level,
        quota=quota,
        replicas=2 if level >= 3 else 1,
        shares_cluster=level < 5,
        zones=_ALL if level >= 3 else _FEW,
        zones_open=level <= 3,
        logs=logs,
        copies=copies,
        test=test,
        second_site=level == 5,
    )


LEVELS: Final[Mapping[int, LevelProfile]] = MappingProxyType(
    {
        1: _profile(1, _SMALL, logs=1, copies=1, test=12),
        2: _profile(2, _SMALL, logs=1, copies=2, test=12),
        3: _profile(3, _LARGE, logs=3, copies=3, test=12),
        4: _profile(4, _LARGE, logs=6, copies=3, test=6),
        5: _profile(5, _LARGE, logs=12, copies=3, test=3),
    }
)

PROVIDER_LOGS: Final = 12
"""Months that a provider's cloud keeps logs at every level (Decree 333/2026 Art. 16(6)c, 20(3); GVC-LOG-02)."""

LEAST_LEVEL: Final[Mapping[DataClass, Level]] = MappingProxyType(
    {"public": 1, "internal": 2, "personal": 2, "important": 3, "core": 5}
)
"""The least level of a system that holds data of a class.

The sources give levels by what a system is for (Decree 331/2026 Art. 11-15), and one class only: the central store of
specially important national data is level 5 (Art. 15(2)). That every system with core data is, is the kit's stricter
reading. The others are the kit's choice, after the level from which a class has a duty of its own:
public: none, so 1.
internal, personal: non-public data is encrypted from level 2 (TCVN 14423:2026 4.4.2.4; GVC-CRY-03).
important: encrypted and kept apart from level 3 (TCVN 14423:2026 5.4.2.4 a, 5.4.2.7 b; GVC-CRY-03, GVC-DAT-05).
"""
