"""An information system of an agency: one level, one owner."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from modules.levels import LEVELS, Cpu, DataClass, Level, Pods, Quota, Size, Zone
from modules.model import SHORT_ALLOWED, TITLE_ALLOWED, Model, ShortName, Title, about

Exposure = Literal["none", "agency", "state", "internet"]
Environment = Literal["production", "staging", "test", "development"]
Months = Annotated[int, Field(ge=1, le=1200)]
_CPU = "cores such as 2 or 0.5, or thousandths such as 500m"
_SIZE = "a whole number with Mi, Gi or Ti, such as 512Mi or 4Gi"
_OF_ITS_LEVEL = "the figure of its level"


class SystemNames(Model):
    """The full name of a system, as people write it, diacritics kept."""

    vi: Annotated[Title, about("Full name in Vietnamese", example="Hệ thống một cửa điện tử", allowed=TITLE_ALLOWED)]
    en: Annotated[
        Title | None, about("Full name in English", example="Electronic one-stop desk", allowed=TITLE_ALLOWED)
    ] = None


class QuotaWish(Model):
    """What of the share of its level a system wants otherwise."""

    cpu: Annotated[
        Cpu | None, about("Processor time", unit="cores", example="2", allowed=_CPU, default=_OF_ITS_LEVEL)
    ] = None
    memory: Annotated[
        Size | None,
        about("Memory", unit="Mi, Gi or Ti (binary)", example="2Gi", allowed=_SIZE, default=_OF_ITS_LEVEL),
    ] = None
    storage: Annotated[
        Size | None,
        about("Room on disk", unit="Mi, Gi or Ti (binary)", example="20Gi", allowed=_SIZE, default=_OF_ITS_LEVEL),
    ] = None
    pods: Annotated[
        Pods | None,
        about("Running parts", unit="pods", example=20, allowed="1 to 1000, a whole number", default=_OF_ITS_LEVEL),
    ] = None


class Flow(Model):
    """A way that is open from one zone of the system to another; every other way is shut."""

    source: Annotated[Zone, about("Zone that calls", example="edge"), Field(alias="from")]
    target: Annotated[Zone, about("Zone that is called", example="application"), Field(alias="to")]
    port: Annotated[
        int,
        Field(ge=1, le=65535),
        about("Port that is called", unit="port number", example=8080, allowed="a whole number from 1 to 65535"),
    ]
    protocol: Annotated[Literal["TCP", "UDP"], about("Protocol", example="TCP")] = "TCP"


class Retention(Model):
    """How long things are kept."""

    logs: Annotated[
        Months | None,
        about(
            "How long logs can be read back; not shorter than at its level: 1, 1, 3, 6, 12 months at level 1 to 5",
            unit="months",
            example=12,
            allowed="a whole number from 1 to 1200",
            default=_OF_ITS_LEVEL,
            source="GVC-LOG-02; TCVN 14423:2026 x.8.2.1 a",
        ),
    ] = None
    data: Annotated[
        Months,
        about(
            "How long data is archived after the system has ended",
            unit="months",
            example=120,
            allowed="a whole number from 1 to 1200",
        ),
    ] = 12


class Backup(Model):
    """How the system's data is saved."""

    every: Annotated[
        int,
        Field(ge=1, le=168),
        about(
            "Time between two backups",
            unit="hours",
            example=24,
            allowed="a whole number from 1 to 168",
            source="GVC-BKP-01; the figure is the kit's choice",
        ),
    ] = 24
    keep: Annotated[
        int,
        Field(ge=1, le=3650),
        about(
            "How long a backup is kept",
            unit="days",
            example=30,
            allowed="a whole number from 1 to 3650",
        ),
    ] = 30
    copies: Annotated[
        int | None,
        Field(ge=1, le=10),
        about(
            "Copies of the data, the live one included; at least 1, 2, 3, 3, 3 at level 1 to 5",
            unit="copies",
            example=3,
            allowed="a whole number from 1 to 10",
            default=_OF_ITS_LEVEL,
            source="GVC-BKP-01; TCVN 14423:2026 x.11.2",
        ),
    ] = None
    test: Annotated[
        int | None,
        Field(ge=1, le=12),
        about(
            "Time between two trials of a restore; at most 12, 12, 12, 6, 3 months at level 1 to 5",
            unit="months",
            example=6,
            allowed="a whole number from 1 to 12",
            default=_OF_ITS_LEVEL,
            source="GVC-BKP-02; TCVN 14423:2026 6.11.2.5, 7.11.2.5",
        ),
    ] = None
    site: Annotated[
        ShortName | None,
        about(
            "Second site, at least 30 km away; must be named at level 5",
            example="da-nang",
            source="GVC-BKP-04; TCVN 14423:2026 7.11.2.4, 7.12.2.2 a",
            allowed=SHORT_ALLOWED,
        ),
    ] = None


class System(Model):
    """An information system: one level, one owner."""

    name: Annotated[
        ShortName,
        about(
            "Short name, once within the agency; it goes into many names and never changes",
            example="one-stop",
            allowed=SHORT_ALLOWED,
        ),
    ]
    title: Annotated[SystemNames, about("Full name", example={"vi": "Hệ thống một cửa điện tử"})]
    level: Annotated[
        Level,
        about(
            "Security level, from its approved level dossier; at least that of the data it holds",
            example=2,
            allowed="1, 2, 3, 4 or 5",
            source="Decree 331/2026 Art. 11-15; GVC-GOV-01",
        ),
    ]
    data: Annotated[
        DataClass,
        about(
            "The most sensitive data it holds. Least level: public 1, internal 2, personal 2, important 3, core 5",
            example="personal",
            source="GVC-DAT-05, GVC-DAT-04; Decree 165/2025 Art. 3-4; the least levels are the kit's choice, "
            "that of core its reading of Decree 331/2026 Art. 15(2)",
        ),
    ]
    reason: Annotated[
        Title | None,
        about(
            "Why the level is above the least level of its data; must be given then",
            example="Serves the whole province (Decree 331/2026 Art. 13(3))",
            source="Decree 331/2026 Art. 8(2)-(3)",
            allowed=TITLE_ALLOWED,
        ),
    ] = None
    exposure: Annotated[
        Exposure,
        about(
            "Who may call it. none: nobody; agency: the other systems of this agency; state: other agencies, through "
            "the data exchange; internet: everybody",
            example="none",
            source="GVC-NET-11, GVC-INT-01",
        ),
    ] = "none"
    environment: Annotated[
        Environment,
        about("What it is used for: real work, or trying things out", example="production", source="GVC-WKL-05"),
    ] = "production"
    consumes: Annotated[
        tuple[ShortName, ...],
        about(
            "Shared services of the central cloud that it calls",
            example=["exchange"],
            allowed="a list of names such as [exchange]",
        ),
    ] = ()
    quota: Annotated[
        QuotaWish,
        about("Its share of the cluster", example={"cpu": "2", "memory": "2Gi"}, source="GVC-ISO-08"),
    ] = QuotaWish()
    zones: Annotated[
        tuple[Zone, ...],
        about(
            "Parts of its network, shut against each other; at least those of its level. Where zones or flows are "
            "given, each zone has a space of its own; else the system has one, in which no way is open",
            example=["edge", "application", "database", "administration"],
            allowed="a list of edge, application, database, administration",
            default="edge, application; from level 3 all four",
            source="GVC-NET-02, GVC-ISO-02",
        ),
    ] = ()
    flows: Annotated[
        tuple[Flow, ...],
        about(
            "Ways that are open between its zones; from level 4 on within a zone too, else a zone is open to itself",
            example=[{"from": "edge", "to": "application", "port": 8080}],
            source="GVC-ISO-02, GVC-NET-01",
        ),
    ] = ()
    retention: Annotated[Retention, about("How long things are kept", example={"logs": 12})] = Retention()
    backup: Annotated[Backup, about("How its data is saved", example={"every": 24, "keep": 30})] = Backup()

    @property
    def limits(self) -> Quota:
        """The quota that applies: what the file asks for, and the share of its level for the rest."""
        return LEVELS[self.level].quota.model_copy(update=self.quota.model_dump(exclude_none=True))

    @property
    def all_zones(self) -> tuple[Zone, ...]:
        """Its zones: those of the file, or those of its level."""
        return self.zones or LEVELS[self.level].zones

    @property
    def zoned(self) -> bool:
        """True where each zone has a namespace of its own: the file names zones, or ways between them."""
        return bool(self.zones or self.flows)

    @property
    def places(self) -> tuple[Zone | None, ...]:
        """What has a namespace of its own: each zone, or the system as a whole (None)."""
        return self.all_zones if self.zoned else (None,)

    @property
    def entry(self) -> Zone | None:
        """The place that is called from outside the system. Every level has an edge."""
        return "edge" if self.zoned else None

    @property
    def main(self) -> Zone | None:
        """The place from which the system calls others. Every level has an application zone."""
        return "application" if self.zoned else None

    @property
    def log_months(self) -> int:
        """Months that its logs are kept."""
        return self.retention.logs or LEVELS[self.level].logs
