"""What every section of a target file is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

Word = Annotated[str, Field(min_length=1, max_length=200)]


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
