"""What every section of a target file is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.networks import HttpUrl, UrlConstraints

HttpsUrl = Annotated[HttpUrl, UrlConstraints(allowed_schemes=["https"])]
Word = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """Settings of every model of the target file: nothing unknown is read, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_Content = TypeVar("_Content", bound=Strict)


def placed(value: Path, info: ValidationInfo) -> Path:
    """Place a path beside the target file, unless it is absolute."""
    path: Path = (info.context or {}).get("folder", Path()) / value.expanduser()
    return path


def _beside(value: Path, info: ValidationInfo) -> Path:
    """Place a path beside the target file, and see that it can be read."""
    path = placed(value, info)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error


File = Annotated[Path, AfterValidator(_beside)]
"""A file beside the target file, or with an absolute path, that can be read."""


def read(model: type[_Content], path: Path) -> _Content:
    """Read what a file of YAML holds, as a model."""
    return model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def holds(model: type[Strict], fields: str) -> AfterValidator:
    """Return a validator of files that `read` can read; a mistake names file and ``fields``, never what it holds."""

    def check(path: Path) -> Path:
        try:
            read(model, path)
        except (UnicodeDecodeError, ValueError, yaml.YAMLError):
            raise ValueError(f"{path} must hold the fields {fields}, as YAML") from None
        return path

    return AfterValidator(check)
