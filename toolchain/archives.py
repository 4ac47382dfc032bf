"""Programs that come as an archive: fetched by Maven, taken only with the SHA-256 that is pinned here."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import debian
from core.console import say
from core.errors import KitError, ProgramError
from core.files import sha256
from core.paths import cache_dir
from core.programs import run
from toolchain import store
from toolchain.build import Status
from toolchain.programs import HERE

FETCHER = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy"
"""The plugin of Maven that fetches; an archive's own digest says what came."""
_JAR = re.compile(r"/([^/]+?)-(\d[^/]*)\.jar$")
_SECONDS = 1800


class Archive(BaseModel):
    """One archive: where it comes from and what it has to be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    licence: str
    artifact: str = Field(pattern=r"^[\w.-]+:[\w.-]+:[\w.-]+:tar\.gz$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def coordinates(self) -> tuple[str, str, str]:
        """Group, name and version."""
        group, name, version, _ = self.artifact.split(":")
        return group, name, version


@cache
def load(path: Path = HERE / "archives.yaml") -> Mapping[str, Archive]:
    """Read the archives by name."""
    try:
        return {
            name: Archive.model_validate(entry) for name, entry in yaml.safe_load(path.read_text())["archives"].items()
        }
    except (ValidationError, OSError, LookupError, TypeError) as error:
        raise KitError(
            f"{path.name}: {' '.join(str(error).split())}", "restore the file from the repository"
        ) from error


def ensure(name: str) -> Path:
    """Return the path of an archive, fetching it first where it is missing or damaged."""
    archive = load()[name]
    return _file(store.provide(_parent(), name, archive.sha256[:16], lambda into: _fetch(name, archive, into)), name)


def status(*, thorough: bool = False) -> list[Status]:
    """Tell of every archive if it is there; ``thorough`` reads all of it anew."""
    found = []
    for name, archive in load().items():
        folder = store.place(_parent(), name, archive.sha256[:16])
        problem = store.damage(folder, thorough=thorough)
        version = archive.coordinates[2]
        if problem is None:
            file = _file(folder, name)
            size = file.stat().st_size
            found.append(
                Status(name, "archive", version, archive.licence, "ready", path=file, size=size, sha256=archive.sha256)
            )
        elif problem == "missing":
            found.append(Status(name, "archive", version, archive.licence, "missing"))
        else:
            found.append(Status(name, "archive", version, archive.licence, "damaged", problem))
    return found


def libraries(archive: Path) -> list[tuple[str, str]]:
    """Return names and versions of the Java libraries that an archive brings, as its file names have them."""
    with tarfile.open(archive) as tar:
        found = {match.groups() for name in tar.getnames() if (match := _JAR.search(name))}
    return sorted((name, version) for name, version in found)


def _parent() -> Path:
    return cache_dir() / "archives"


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.tar.gz"


def _fetch(name: str, archive: Archive, into: Path) -> None:
    if shutil.which("mvn") is None:
        debian.install(["maven"])
    say(f"Fetching {name} {archive.coordinates[2]} with Maven")
    fetched, kept = into / "fetched", into / "repository"
    words = ["mvn", "--batch-mode", "--quiet", f"-Dmaven.repo.local={kept}", FETCHER]
    try:
        run([*words, f"-Dartifact={archive.artifact}", f"-DoutputDirectory={fetched}"], cwd=into, timeout=_SECONDS)
        (file,) = fetched.iterdir()
    except (ProgramError, ValueError, OSError) as error:
        raise KitError(f"{archive.artifact} could not be fetched: {error}", "check Maven's settings") from error
    if (digest := sha256(file)) != archive.sha256:
        raise KitError(
            f"{archive.artifact} has the SHA-256 {digest}, not {archive.sha256} as {name} was pinned",
            "find out why it changed before you take it",
        )
    file.rename(_file(into, name))
    shutil.rmtree(fetched)
    shutil.rmtree(kept)
