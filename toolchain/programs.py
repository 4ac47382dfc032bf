"""The programs that the kit builds: what `programs.yaml` and the modules in `sources/` say, as a typed model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from core.errors import KitError

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"

BUILD_FLAGS = "-mod=readonly -trimpath -buildvcs=false"
"""In GOFLAGS of every build: nothing of the machine's paths or of the checkout gets into a program."""

LINK_FLAGS = "-s -w"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Program(_Strict):
    """One program: the Go package it is made from and what it is for."""

    package: str
    title: str

    @property
    def built_name(self) -> str:
        """The name that `go build` gives to the program: the last part of its path, a `/v3` left out."""
        parts = self.package.split("/")
        return parts[-2] if re.fullmatch(r"v[0-9]+", parts[-1]) else parts[-1]


class Family(_Strict):
    """Programs that come from one Go module and are built together."""

    name: str
    title: str
    licence: str
    version: str
    module: str = ""
    ldflags: str = ""
    tags: tuple[str, ...] = ()
    programs: Mapping[str, Program]

    @model_validator(mode="before")
    @classmethod
    def _version_of_module(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "module" not in data:
            return data
        if "version" in data:
            raise ValueError("state either module or version")
        return data | {"version": required_version(SOURCES / data["name"] / "go.mod", data["module"])}

    @property
    def link_flags(self) -> str:
        """What `go build -ldflags` gets, with the family's version filled in."""
        bare = self.version.removeprefix("v")
        major, minor, *_ = bare.split(".")
        extra = self.ldflags.format(version=self.version, bare=bare, major=major, minor=minor)
        return f"{LINK_FLAGS} {extra}".strip()

    @property
    def sources(self) -> Path:
        """The folder of the family's go.mod, go.sum and, where it has any, Go files."""
        return SOURCES / self.name

    def digest(self, go: str, platform: str) -> str:
        """Name what the family's programs are made of: sources, flags, Go's version and the platform."""
        files = [file for file in sorted(self.sources.rglob("*")) if file.is_file()]
        inputs = {
            "files": {
                file.relative_to(self.sources).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
                for file in files
            },
            "flags": [BUILD_FLAGS, self.link_flags, ",".join(self.tags)],
            "programs": {name: program.package for name, program in self.programs.items()},
            "go": go,
            "platform": platform,
        }
        return digest_of(inputs)


def digest_of(inputs: Any) -> str:
    """Digest of a value that JSON can hold, short enough for a folder's name (16 hexadecimal digits)."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def required_version(go_mod: Path, module: str) -> str:
    """Return the version of ``module`` that a go.mod requires."""
    found = re.search(rf"^(?:require)?\s+{re.escape(module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if not found:
        raise ValueError(f"{go_mod} does not require {module}")
    return found[1]


@cache
def load(path: Path = HERE / "programs.yaml") -> dict[str, Family]:
    """Read the families, in the order they are built in."""
    entries = yaml.safe_load(path.read_text())["families"]
    try:
        return {name: Family.model_validate({"name": name, **entry}) for name, entry in entries.items()}
    except (ValidationError, OSError, ValueError) as error:
        detail = " ".join(str(error).split())
        raise KitError(f"{path.name}: {detail}", "restore the file from the repository") from error


def families_of(names: Iterable[str]) -> list[Family]:
    """Return the families that hold the named programs, or bear the names, in building order; no name means all."""
    wanted = set(names)
    families = list(load().values())
    known = {family.name for family in families} | {p for family in families for p in family.programs}
    if unknown := sorted(wanted - known):
        programs = ", ".join(p for family in families for p in family.programs)
        raise KitError(f"unknown program: {', '.join(unknown)}", f"known programs: {programs}")
    if not wanted:
        return families
    return [family for family in families if wanted & {family.name, *family.programs}]
