"""What a target file may declare beside the tenants' clusters: the services of the cloud, each section optional.

A check of a section that is not there is MANUAL: nothing was asked, so a person decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, IPvAnyAddress, ValidationInfo, field_validator, model_validator

from conformance.fields import File, HttpsUrl, Strict, Word, holds, placed, read
from conformance.people import IdentityService
from conformance.public import Clients, Endpoint, Exposed, NameServers
from core.errors import KitError

BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
_Section = TypeVar("_Section")

UNDECLARED = "the target file declares no "


class NotDeclaredError(KitError):
    """The target file does not say what a check needs, so that the check cannot be made."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{UNDECLARED}{what}")


def declared(section: _Section | None, what: str) -> _Section:
    """Return what the target file says, where it says something. Raises NotDeclaredError."""
    if not section:
        raise NotDeclaredError(what)
    return section


class S3Keys(Strict):
    """An account of the object store."""

    access: str = Field(min_length=1)
    secret: str = Field(min_length=1, repr=False)


class S3Account(Strict):
    """A tenant's account of the object store."""

    credentials: Annotated[File, holds(S3Keys, "access and secret")]
    """YAML with ``access`` and ``secret``; readable by you alone."""
    principal: Word | None = None
    """How bucket policies name the account, where it is not by its access key."""

    def keys(self) -> S3Keys:
        """Read the credentials."""
        return read(S3Keys, self.credentials)


class S3Accounts(Strict):
    """The accounts of the two tenants; neither has anything to do with the other."""

    a: S3Account
    b: S3Account


class ObjectStore(Strict):
    """The cloud's object store, which speaks S3."""

    endpoint: HttpsUrl
    addresses: tuple[IPvAnyAddress, ...] = ()
    """Where the endpoint's name leads, for a machine whose own DNS does not know it."""
    authority: File | None = None
    """PEM of the authorities that sign its certificate, where the usual ones do not."""
    region: str = "us-east-1"
    domestic_regions: tuple[Word, ...] = ()
    """The store's regions (location constraints) that the operator declares to stand in Viet Nam; none: not asked."""
    accounts: S3Accounts


class TenantBucket(Strict):
    """Where a tenant finds what the cloud tells it alone, with its account of the object store."""

    bucket: BucketName
    prefix: str = Field("", max_length=200)


class TenantBuckets(Strict):
    """Those of the two tenants."""

    a: TenantBucket
    b: TenantBucket


class Logs(Strict):
    """The store of logs: objects, each JSON lines of Kubernetes audit events (audit.k8s.io/v1), as they are or gzipped.

    A tenant's bucket holds what was asked of its namespaces, and it reads it with its account of the object store.
    """

    buckets: TenantBuckets
    platform: BucketName | None = None
    """The bucket with the log of the platform itself, which no tenant may read."""
    within_seconds: float = Field(gt=0, le=90)
    """How long an event may take into the log; an audit waits no longer than 90 seconds."""


class Alerts(Strict):
    """Where tenants read their alerts: objects, each the JSON that Alertmanager's webhook sends (version 4).

    A tenant's bucket holds the alerts about its namespaces, and it reads it with its account of the object store.
    """

    buckets: TenantBuckets
    thresholds: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field(min_length=3)
    """Per cent of a namespace's quota in use at which the cloud says that it alerts, ascending."""
    within_seconds: float = Field(gt=0, le=60)
    """How long an alert may take from the crossing into the bucket; the requirement gives it a minute."""

    @field_validator("thresholds")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("thresholds have to ascend, each above the one before it")
        return value


class Backup(Strict):
    """A backup that the cloud makes by itself of a bucket of tenant a, by means of which a canary is tried.

    Whatever is put into ``source`` has to turn up in ``copies`` under the same key, to be read by tenant a and to be
    removed by the backup service alone.
    """

    source: BucketName
    copies: BucketName
    rpo_seconds: float = Field(gt=0, le=90)
    """How long a change may go without a copy; an audit waits no longer than 90 seconds."""
    rto_seconds: float = Field(gt=0, le=60)
    """How long it may take until the copy is back in its place."""

    @model_validator(mode="after")
    def _apart(self) -> Backup:
        if self.source == self.copies:
            raise ValueError("source and copies are the same bucket: what lies beside the original is no backup")
        return self


def _there(value: Path, info: ValidationInfo) -> Path:
    path = placed(value, info)
    if not path.exists():
        raise ValueError(f"cannot read {path}: there is no such file or folder")
    return path


class KubernetesConformance(Strict):
    """The result of an upstream conformance run that the operator hands in."""

    results: Annotated[Path, AfterValidator(_there)]
    """Sonobuoy's archive (tar.gz), or the folder that hydrophone wrote."""


class Provider(Strict):
    """The accounts by which the operator's people work day by day, as the API server knows them."""

    users: tuple[Word, ...] = ()
    groups: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _some(self) -> Provider:
        if not self.users and not self.groups:
            raise ValueError("names neither users nor groups")
        return self


class Services(Strict):
    """What a cloud offers beside Kubernetes; each section is optional, and a target file has them all."""

    object_store: ObjectStore | None = None
    identity: IdentityService | None = None
    logs: Logs | None = None
    alerts: Alerts | None = None
    backup: Backup | None = None
    kubernetes_conformance: KubernetesConformance | None = None
    provider: Provider | None = None

    endpoints: tuple[Endpoint, ...] = ()
    """What the cloud offers to the public over TLS."""
    name_servers: NameServers | None = None
    exposure: tuple[Exposed, ...] = ()
    """The cloud's public addresses, each with all that may be open there."""
    clients: Clients = Clients()

    @field_validator("logs", "alerts", "backup")
    @classmethod
    def _in_a_store(cls, value: object, info: ValidationInfo) -> object:
        if value and info.data.get("object_store", ...) is None:
            raise ValueError("lies in the object store, and there is no section object_store")
        return value
