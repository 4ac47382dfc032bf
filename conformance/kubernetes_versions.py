"""What is known of Kubernetes' minor versions: until when each is supported, and how many conformance tests it has."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from core.errors import KitError

FILE = Path(__file__).with_suffix(".yaml")
_MINOR = re.compile(r"v?(\d+)\.(\d+)\b")


class Version(BaseModel):
    """One minor version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ends: dt.date
    """Last day of its maker's support."""
    tests: Annotated[int, Field(ge=0)]
    """Number of its conformance tests; 0 is not known."""
    of: str
    """Where both are written."""


@cache
def known() -> dict[str, Version]:
    """Return the versions that the kit knows, by ``major.minor``, oldest first."""
    return TypeAdapter(dict[str, Version]).validate_python(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def minor(text: str) -> str:
    """Return ``1.36`` of ``v1.36.3-vendor.1``. Raises KitError where it is no version of Kubernetes."""
    if (found := _MINOR.match(text)) is None:
        raise KitError(f"{text[:60]!r} is not a version of Kubernetes")
    return f"{found[1]}.{found[2]}"


def supported(text: str, on: dt.date) -> tuple[bool, str]:
    """Say whether a version is supported by its maker on a day, and by which line of the table.

    Raises KitError where it is newer than all that the kit knows, so that nothing can be said.
    """
    number, versions = minor(text), known()
    if (version := versions.get(number)) is not None:
        return on <= version.ends, f"until {version.ends} ({version.of})"
    oldest = next(iter(versions))
    if _order(number) < _order(oldest):
        return False, f"ended before that of {oldest}, the oldest version that the kit knows"
    raise KitError(
        f"the kit does not know until when Kubernetes {number} is supported", f"add the version to {FILE.name}"
    )


def _order(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split("."))
