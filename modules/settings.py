"""The configuration of the stacks, as typed models: what is missing or wrong is named by its key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from core.errors import KitError
from modules import labels
from modules.contract import Gateway
from modules.inheritance import Inheritance
from modules.levels import Level
from modules.model import Title
from modules.workloads import DEFAULT_IMAGE


def _service_name(value: str) -> str:
    if not labels.is_name(value) or len(value) > 40:
        raise ValueError("a name of small letters, digits and hyphens, 40 characters at most")
    return value


def _usual_gateways(known: dict[str, Any]) -> Mapping[Gateway, str]:
    return {"state": "exchange"} if "exchange" in known.get("services", ()) else {}


class Settings(BaseModel):
    """What every stack is told."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-"))

    kubeconfig: Path | None = None
    """Path of the kubeconfig of the cluster; without it, the environment variable KUBECONFIG."""
    image: str = DEFAULT_IMAGE
    """Image of the workloads."""

    def kubeconfig_path(self, environment: Mapping[str, str]) -> Path:
        """Return the kubeconfig to use. Raises KitError if none is given or it is no file."""
        path = self.kubeconfig or Path(environment.get("KUBECONFIG", ""))
        if path == Path():
            raise KitError(
                "no kubeconfig: neither the configuration key 'kubeconfig' nor the variable KUBECONFIG is set",
                "pulumi config set kubeconfig PATH",
            )
        if not path.is_file():
            raise KitError(f"kubeconfig: {path} is not a file", "pulumi config set kubeconfig PATH")
        return path.resolve()


class CentralSettings(Settings):
    """Configuration of the stack of the central cloud."""

    level: Level = 4
    """Security level of the shared services."""
    services: Annotated[tuple[Annotated[str, AfterValidator(_service_name)], ...], Field(min_length=1)] = (
        "exchange",
        "identity",
    )
    """Names of the shared services."""
    gateways: Mapping[Gateway, str] = Field(default_factory=_usual_gateways)
    """Names of those through which calls from outside an agency come: ``state`` from other agencies, ``internet``."""

    @field_validator("gateways")
    @classmethod
    def _known(cls, gateways: Mapping[Gateway, str], info: ValidationInfo) -> Mapping[Gateway, str]:
        if unknown := set(gateways.values()) - set(info.data.get("services", ())):
            raise ValueError(f"{min(unknown)!r} is not among the services")
        return gateways

    def gateways_of(self, service: str) -> list[Gateway]:
        """Return the gateways that a service is."""
        return [gateway for gateway, name in self.gateways.items() if name == service]


class ConformingSettings(Settings):
    """Whose certificates of conformance a stack relies on; without all three, on none."""

    certificate_authority: Path | None = None
    """File with the authorities (PEM) that vouch for who signs certificates of conformance, from the stack's folder."""
    certificate_signer: str = ""
    """Common name of the auditor whose certificates of conformance count."""
    certificate_revocations: Path | None = None
    """The register's list of certificates that were taken back, from the stack's folder."""


class AgencySettings(ConformingSettings):
    """Configuration of the stack of one agency."""

    agency: Path
    """Path of the agency file, from the folder of the stack."""
    central: bool = True
    """False where ``kubeconfig`` names another cluster than the central cloud's, such as that of the province above."""
    cgc_stack: str = "organization/cgc/demo"
    """The central cloud's stack, whose contract this one reads."""
    logs: Annotated[str, Field(pattern=r"^([a-z][a-z0-9+.-]*://\S+)?$")] = ""
    """Address of the store to which the nodes' collector sends logs; without one, they stay on the nodes."""
    egc_stack: str = ""
    """The stack by which the platform team took the commercial cloud into use, whose placement this one reads."""
    quarantined: bool = False
    """Whether the agency leaves: every way shut, no rights, no running copy, its data kept."""
    inherited: tuple[Inheritance, ...] = ()
    """Systems that it took over in reforms, which stay in the namespaces of the units that had them."""
    alone: Mapping[str, Path] = {}
    """Kubeconfigs of the clusters on which systems of level 5 stand alone, by the system's name."""

    def check_stack(self, stack: str, slug: str) -> None:
        """Refuse a stack that is not the agency's own, so that no mistake reaches a second agency."""
        if stack != slug:
            raise KitError(
                f"{self.agency} is the file of {slug}, and this is the stack {stack}",
                f"pulumi stack select --create {slug}",
            )


class AdmissionSettings(Settings):
    """Configuration of the stack of a cluster's admission policies."""

    waivers: Path | None = None
    """Path of the file of waivers, from the folder of the stack."""


class EnterpriseSettings(ConformingSettings, AdmissionSettings):
    """Configuration of the stack that takes a commercial cloud (EGC) into use."""

    cloud: Title
    """Name of the cloud, as its certificate and agency files name it."""
    level: Level
    """Highest security level of the systems that are to run there."""
    location: Annotated[str, Field(pattern=r"^VN-[A-Z0-9]{2,3}$")]
    """Province of Viet Nam where its data is stored (ISO 3166-2, such as VN-HN): GVC-DAT-01 allows no other country."""
    certificate: Path
    """File with the cloud's certificate of conformance, from the stack's folder."""


S = TypeVar("S", bound=Settings)


def read(model: type[S], project: str, configuration: Mapping[str, str]) -> S:
    """Read the keys of ``project`` from a stack's whole configuration, as Pulumi gives it to a program.

    Raises KitError that names each key that is missing, wrong or unknown.
    """
    given: dict[str, Any] = {}
    for key, text in configuration.items():
        namespace, _, name = key.partition(":")
        if namespace == project:
            given[name] = _plain(text)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        details = error.errors()
    known = ", ".join(sorted(field.alias or "" for field in model.model_fields.values()))
    problems = []
    for detail in details:
        key = ".".join(str(part) for part in detail["loc"])
        wrong = {"missing": "is not set", "extra_forbidden": "is not a key of this stack"}.get(
            detail["type"], f"{detail['input']!r} cannot be used: {detail['msg']}"
        )
        problems.append(f"{project}:{key} {wrong}")
    raise KitError("; ".join(problems), f"keys: {known}; set one with: pulumi config set KEY VALUE")


def _plain(text: str) -> Any:
    """Pulumi gives lists and objects as JSON, and everything else as text."""
    if text[:1] not in {"[", "{"}:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
