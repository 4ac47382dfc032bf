"""What a target file may declare beside the tenants' clusters: the services of the cloud, each section optional.

A check of a section that is not there is MANUAL: nothing was asked, so a person decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic.networks import HttpUrl, UrlConstraints

from core.errors import KitError

HttpsUrl = Annotated[HttpUrl, UrlConstraints(allowed_schemes=["https"])]


UNDECLARED = "the target file declares no "


class NotDeclaredError(KitError):
    """The target file does not say what a check needs, so that the check cannot be made."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{UNDECLARED}{what}")


class Strict(BaseModel):
    """Settings of every model of the target file: nothing unknown is read, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _beside(value: Path, info: ValidationInfo) -> Path:
    """Place a path beside the target file, and see that it can be read."""
    path: Path = (info.context or {}).get("folder", Path()) / value.expanduser()
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error


File = Annotated[Path, AfterValidator(_beside)]
"""A file beside the target file, or with an absolute path, that can be read."""


class S3Keys(Strict):
    """An account of the object store."""

    access: str = Field(min_length=1)
    secret: str = Field(min_length=1, repr=False)


def _keys(path: Path) -> Path:
    try:
        S3Keys.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, ValueError, yaml.YAMLError):
        raise ValueError(f"{path} must hold the fields access and secret, as YAML") from None
    return path


class S3Account(Strict):
    """A tenant's account of the object store."""

    credentials: Annotated[File, AfterValidator(_keys)]
    """YAML with ``access`` and ``secret``; readable by you alone."""

    def keys(self) -> S3Keys:
        """Read the credentials."""
        return S3Keys.model_validate(yaml.safe_load(self.credentials.read_text(encoding="utf-8")))


class S3Accounts(Strict):
    """The accounts of the two tenants; neither has anything to do with the other."""

    a: S3Account
    b: S3Account


class ObjectStore(Strict):
    """The cloud's object store, which speaks S3."""

    endpoint: HttpsUrl
    authority: File | None = None
    """PEM of the authorities that sign its certificate, where the usual ones do not."""
    region: str = "us-east-1"
    accounts: S3Accounts


def _there(value: Path, info: ValidationInfo) -> Path:
    path: Path = (info.context or {}).get("folder", Path()) / value.expanduser()
    if not path.exists():
        raise ValueError(f"cannot read {path}: there is no such file or folder")
    return path


class KubernetesConformance(Strict):
    """The result of an upstream conformance run that the operator hands in."""

    results: Annotated[Path, AfterValidator(_there)]
    """Sonobuoy's archive (tar.gz), or the folder that hydrophone wrote."""


_Name = Annotated[str, Field(min_length=1, max_length=200)]


class Provider(Strict):
    """The accounts by which the operator's people work day by day, as the API server knows them."""

    users: tuple[_Name, ...] = ()
    groups: tuple[_Name, ...] = ()

    @model_validator(mode="after")
    def _some(self) -> Provider:
        if not self.users and not self.groups:
            raise ValueError("names neither users nor groups")
        return self


class Services(Strict):
    """What a cloud offers beside Kubernetes; each section is optional, and a target file has them all."""

    object_store: ObjectStore | None = None
    kubernetes_conformance: KubernetesConformance | None = None
    provider: Provider | None = None
