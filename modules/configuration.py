"""The platform team's own settings in YAML, read as typed models: every mistake at once, by its field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import KitError
from modules.model import Model


class Settings(Model):
    """Base of such models: names have hyphens in the file."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))


S = TypeVar("S", bound=BaseModel)


def read(path: Path, model: type[S]) -> S:
    """Read a YAML file as ``model``. Raises KitError with a line for each mistake: file, field, what is wrong."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
        raise KitError(f"{path}: cannot be read: {reason}", "give the path of a YAML file") from error
    except yaml.YAMLError as error:
        raise KitError(f"{path}: not YAML: {' '.join(str(error).split())}", "correct that line") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise KitError("\n".join(f"{path}: {line}" for line in _lines(error)), "correct these fields") from error


def _lines(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        field = ".".join(str(part) for part in detail["loc"]) or "file"
        match detail["type"]:
            case "missing":
                yield f"{field}: is missing"
            case "extra_forbidden":
                yield f"{field}: is not a field of this file"
            case "value_error":
                yield f"{field}: {detail['ctx']['error']}"
            case _:
                yield f"{field}: {detail['input']!r} cannot be used: {detail['msg']}"
