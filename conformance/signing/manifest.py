"""The manifest: the SHA-256 of every file of a run's folder, so that one signature covers them all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.reports import MANIFEST, SIGNATURE
from core.errors import KitError
from core.files import sha256

_MEND = "fetch the folder anew from whoever signed it"


class Manifest(BaseModel):
    """Digests by path, in the folder and with slashes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    files: Mapping[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]

    def text(self) -> bytes:
        """Return the file's content."""
        return f"{self.model_dump_json(indent=2)}\n".encode()


def build(folder: Path, instead: Mapping[str, bytes] | None = None) -> Manifest:
    """Take the digests of all files of a folder; ``instead`` has the content that some are going to have.

    Raises KitError for what is neither file nor folder, such as a link.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name in {MANIFEST, SIGNATURE} or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            raise KitError(f"{path}: is neither a file nor a folder, so nothing can be said of it", "remove it")
        content = (instead or {}).get(name)
        found[name] = sha256(path) if content is None else hashlib.sha256(content).hexdigest()
    return Manifest(files=found)


def parse(text: bytes, path: Path) -> Manifest:
    """Read a manifest. Raises KitError that names the field."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise KitError(f"{path}: {place}: {first['msg']}", _MEND) from error


def compare(signed: Manifest, found: Manifest, folder: Path) -> None:
    """Refuse a folder whose files are not those that were signed. Raises KitError with a line for each."""
    lines = []
    for name in sorted({**signed.files, **found.files}):
        if name not in found.files:
            lines.append(f"{folder / name}: was signed and is not there")
        elif name not in signed.files:
            lines.append(f"{folder / name}: was not signed")
        elif signed.files[name] != found.files[name]:
            lines.append(f"{folder / name}: was changed after it was signed")
    if lines:
        raise KitError("\n".join(lines), _MEND)
