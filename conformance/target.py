"""The target file: which cloud is audited, and with whose rights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, model_validator

from conformance.catalogue import Kind, Level
from conformance.declared import Services
from conformance.fields import Strict, Word, placed
from conformance.results import WHOLE_CLOUD, Subject
from conformance.workloads import DEFAULT_ACCOUNT
from core.errors import KitError

PROBE_IMAGE = "govcloud.local/agnhost:v1.36.3"
_HINT = "docs/auditor.md shows a whole target file"
_Model = TypeVar("_Model", bound=Services)

DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


def _kubeconfig(value: Path, info: ValidationInfo) -> Path:
    """Place a path beside the target file, and look into what it names."""
    path = placed(value, info)
    try:
        content: Any = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not text'}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML") from error
    if not isinstance(content, dict) or content.get("kind") != "Config":
        raise ValueError(f"{path} is not a kubeconfig (kind: Config)")
    names = {context.get("name") for context in content.get("contexts") or [] if isinstance(context, dict)}
    if content.get("current-context") not in names:
        raise ValueError(f"{path} has no current-context, so there is no account to use")
    return path


Kubeconfig = Annotated[Path, AfterValidator(_kubeconfig)]


class TenantAccess(Strict):
    """An account that a tenant of the cloud holds, and the namespaces that are the tenant's own."""

    kubeconfig: Kubeconfig
    namespaces: tuple[DnsLabel, ...] = Field(min_length=1)
    """The first is used for probe pods; all of them must be closed to the other tenant."""
    account: DnsLabel = DEFAULT_ACCOUNT
    """Service account that the probe pods run as; it needs no rights."""


class Tenants(Strict):
    """Two tenants that have nothing to do with each other."""

    a: TenantAccess
    b: TenantAccess

    @model_validator(mode="after")
    def _apart(self) -> Tenants:
        if shared := set(self.a.namespaces) & set(self.b.namespaces):
            raise ValueError(f"namespace {min(shared)} belongs to both: isolation cannot be shown inside one namespace")
        return self


class ReaderAccess(Strict):
    """An account that may read the platform's nodes; optional."""

    kubeconfig: Kubeconfig


class Target(Services):
    """A cloud to audit."""

    cloud: Word
    operator: Word
    kind: Kind
    level: Level
    scope: Word = WHOLE_CLOUD
    """The part of the cloud that the tenants stand for, such as a region: what a certificate is about."""
    tenants: Tenants
    reader: ReaderAccess | None = None
    probe_image: Word = PROBE_IMAGE
    """Kubernetes' test image 'agnhost', where the cloud's nodes can pull it or have it."""

    @property
    def subject(self) -> Subject:
        """The part that reports print: no place and no credential."""
        return Subject(cloud=self.cloud, operator=self.operator, kind=self.kind, level=self.level, scope=self.scope)


def load(path: Path, *, level: int | None = None) -> Target:
    """Read a target file; ``level`` replaces the one in it. Raises KitError with one line for each mistake."""
    content = _read(path, "a target file", "cloud, operator, kind, level, tenants")
    if level is not None:
        content["level"] = level
    return _checked(Target, path, content)


def services(path: Path) -> dict[str, Any]:
    """Read what a cloud's services are, as sections of a target file; files beside ``path`` get absolute paths.

    Raises KitError with one line for each mistake.
    """
    path = path.expanduser().absolute()
    content = _read(path, "a file of services", ", ".join(Services.model_fields))
    return _checked(Services, path, content).model_dump(mode="json", exclude_unset=True)


def _read(path: Path, what: str, fields: str) -> dict[str, Any]:
    try:
        content: Any = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise KitError(f"{path}: cannot be read: {reason}", _HINT) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise KitError(f"{path}: {where}not YAML: {getattr(error, 'problem', None) or 'cannot be parsed'}") from error
    if not isinstance(content, dict):
        raise KitError(f"{path}: not {what}: it must be a mapping with {fields}", _HINT)
    return content


def _checked(model: type[_Model], path: Path, content: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(content, context={"folder": path.parent})
    except ValidationError as error:
        raise KitError("\n".join(_mistake(path, detail) for detail in error.errors()), _HINT) from error


def _mistake(path: Path, detail: Any) -> str:
    field = ".".join(str(part) for part in detail["loc"])
    message = {
        "missing": "is missing",
        "extra_forbidden": "is not a known field",
    }.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    return f"{path}: {field}: {message}"
