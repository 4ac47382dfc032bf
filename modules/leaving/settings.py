"""Where archives go: a bucket of any store that speaks S3."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from modules import configuration
from modules.configuration import Settings


class ArchiveSettings(Settings):
    """Settings of the store. What is left out is taken from boto3's own: ``AWS_*`` variables and its files."""

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    endpoint: Annotated[str, Field(max_length=500)] = ""
    """``https://HOST:PORT``; without one, the endpoint of boto3's settings."""
    region: str = "us-east-1"
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+/)*$")] = "agencies/"
    """What all names in the bucket begin with, ending with a stroke."""
    ca: Path | None = None
    """Certificate of the authority that the endpoint's is checked with, from this file's folder; else the system's."""
    credentials: Path | None = None
    """File with ``aws_access_key_id`` and ``aws_secret_access_key`` under ``[default]``, from this file's folder."""
    image: str = "govcloud.local/archiver:3.10.2"
    """Image with GNU tar, of the pods that read volumes; it is on every node."""

    @field_validator("endpoint")
    @classmethod
    def _encrypted(cls, endpoint: str) -> str:
        if endpoint and not endpoint.startswith("https://"):
            raise ValueError("https:// at its beginning: archives cross no network in the clear")
        return endpoint


def load(path: Path) -> ArchiveSettings:
    """Read the settings; paths in them start at the file's folder. Raises KitError with every mistake."""
    found = configuration.read(path, ArchiveSettings)
    places = {name: path.parent / it for name in ("ca", "credentials") if (it := getattr(found, name)) is not None}
    return found.model_copy(update=places)
