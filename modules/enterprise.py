"""A commercial cloud (EGC) that was taken into use: what agencies' stacks are told of it, and its first namespace.

The stack ``egc`` exports the placement as an output; an agency's stack reads it through a stack reference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import KitError
from modules import guards, labels
from modules.certificate import Certificate, Digest
from modules.levels import LEVELS, PROVIDER_LOGS, Level
from modules.model import Date, Title

NAMESPACE: Final = "egc-shared"
"""Namespace for what the kit shares among the agencies on the cloud."""
_AGAIN: Final = "apply the stack of that cloud with a certificate that holds, then this one again"


class Placement(BaseModel):
    """What the platform team says of a commercial cloud that agencies may be put on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    cloud: Title
    level: Level
    """Highest security level of the systems that may run there."""
    location: str
    """Province in which data is stored (ISO 3166-2)."""
    namespace: str
    """Namespace for what the kit shares among the agencies there."""
    certificate: Digest
    until: Date
    """Last day on which the certificate holds."""


def placement(shown: Certificate, level: Level, location: str) -> Placement:
    """Return the placement of a cloud that showed this certificate."""
    return Placement(
        cloud=shown.cloud,
        level=level,
        location=location,
        namespace=NAMESPACE,
        certificate=shown.digest,
        until=shown.until,
    )


def parse(value: object, stack: str) -> Placement:
    """Read a placement from the output of ``stack``. Raises KitError saying what is missing or wrong."""
    if not isinstance(value, Mapping):
        raise KitError(f"stack {stack} has no output 'placement'", "apply the stack of that cloud first")
    try:
        return Placement.model_validate(dict(value))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "placement"
        raise KitError(f"the placement of stack {stack} is not whole: {place}: {first['msg']}", _AGAIN) from error


def check(found: Placement, stack: str, cloud: str, level: int, on: dt.date) -> None:
    """Refuse to put systems of a level on a cloud that the platform team did not take into use for it.

    Raises KitError.
    """
    wrong = ""
    if found.cloud != cloud:
        wrong = f"takes {found.cloud!r} into use, and the agency is to run on {cloud!r}"
    elif found.level < level:
        wrong = f"takes {cloud!r} into use up to level {found.level}, and the agency has a system of level {level}"
    elif on > found.until:
        wrong = f"rests on a certificate of {cloud!r} that ended on {found.until}"
    if wrong:
        raise KitError(f"stack {stack} {wrong}", _AGAIN)


def space(level: Level, location: str) -> guards.Space:
    """Return the namespace for what the kit shares on a commercial cloud."""
    months = max(LEVELS[level].logs, PROVIDER_LOGS)
    facts = {labels.ENVIRONMENT: "production", labels.LOG_MONTHS: str(months), labels.LOCATION: location}
    quota = LEVELS[level].quota
    return guards.Space(name=NAMESPACE, tier="egc", level=level, quota=quota, group="govcloud:egc", labels=facts)


def record(found: Placement) -> dict[str, Any]:
    """Return the ConfigMap by which whoever looks at the cluster sees what its use rests on."""
    metadata = {"name": "placement", "namespace": found.namespace, "labels": {labels.MANAGED_BY: "govcloud"}}
    data = {key: str(value) for key, value in found.model_dump(mode="json").items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
