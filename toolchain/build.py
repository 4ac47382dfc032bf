"""The upstream programs in the cache: building what is missing, and telling what is there."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.progress import Progress, TaskID

from core.console import progress, say
from core.errors import KitError
from core.paths import cache_dir
from toolchain import golang, store
from toolchain.compile import MANIFEST, Report, compile_family
from toolchain.programs import Family, families_of, load

NEEDED_SPACE = 12_000_000_000
"""Bytes that must be free where a build starts: Go's build cache of all families grows to 6 GB, their modules to 4 GB,
the programs to 1 GB. What an interrupted build has left in Go's build cache counts as free: it is used again."""


@dataclass(frozen=True)
class Status:
    """What is known of one program; ``path``, ``size`` and ``sha256`` only when it is ready."""

    name: str
    family: str
    version: str
    licence: str
    state: Literal["ready", "missing", "damaged"]
    detail: str = ""
    path: Path | None = None
    size: int = 0
    sha256: str = ""


def ensure(names: Sequence[str] = ()) -> dict[str, Path]:
    """Return the path of each named program (or family's programs; all when none is named), building what is missing.

    Raises KitError for an unknown name, too little disk, or a build that fails.
    """
    families = families_of(names)
    go = golang.find()
    if any(_problem(family, go) is not None for family in families):
        require_space(cache_dir(), NEEDED_SPACE - _used(golang.build_cache()))
    found: dict[str, Path] = {}
    for family in families:
        folder = _ensure_family(family, go)
        found |= {name: folder / "bin" / name for name in family.programs}
    if golang.build_cache().exists() and all(_problem(family, go) is None for family in load().values()):
        store.empty(golang.build_cache())
    if names:
        wanted = set(names)
        chosen = {p for family in families for p in family.programs if wanted & {family.name, p}}
        return {name: path for name, path in found.items() if name in chosen}
    return found


def built(name: str) -> Path:
    """Return the path of a program that is built already. Raises KitError where it is not."""
    (family,) = families_of([name])
    if problem := _problem(family, golang.find()):
        raise KitError(
            f"{name} is not built" if problem == "missing" else f"{name}: {problem}", f"govcloud toolchain build {name}"
        )
    return folder_of(family, golang.find()) / "bin" / name


def status(*, thorough: bool = False) -> list[Status]:
    """Tell of every program if it is ready; ``thorough`` reads all files anew instead of trusting sizes and times."""
    go = golang.find()
    return [entry for family in load().values() for entry in _status_of(family, go, thorough=thorough)]


def digests(programs: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 of each program that `ensure` returned, by name, without reading the programs."""
    return {name: store.sealed_digests(path.parent.parent)[f"bin/{name}"] for name, path in programs.items()}


def folder_of(family: Family, go: golang.Go) -> Path:
    """Where the family's programs are, or would be."""
    return store.place(_parent(), family.name, _digest(family, go))


def require_space(where: Path, needed: int = NEEDED_SPACE) -> None:
    """Raise KitError when the file system of ``where`` has less than ``needed`` bytes free."""
    while not where.exists():
        where = where.parent
    free = shutil.disk_usage(where).free
    if free < needed:
        raise KitError(
            f"{where} has {free / 1e9:.1f} GB free; building the programs takes {needed / 1e9:.0f} GB",
            "free some space, or set GOVCLOUD_CACHE to a folder on a larger disk",
        )


def _used(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _parent() -> Path:
    return cache_dir() / "toolchain"


def _digest(family: Family, go: golang.Go) -> str:
    return family.digest(go.version, f"linux/{golang.architecture()}")


def _problem(family: Family, go: golang.Go) -> str | None:
    return store.damage(folder_of(family, go))


def _ensure_family(family: Family, go: golang.Go) -> Path:
    def make(into: Path) -> None:
        started = time.monotonic()
        with store.in_use(golang.build_cache()), progress() as display:
            task = display.add_task(f"{family.name} {family.version}", total=None)
            compile_family(family, go, into, _shown_in(display, task, family))
        say(f"Built {family.name} {family.version} in {time.monotonic() - started:.0f} s: {', '.join(family.programs)}")

    return store.provide(_parent(), family.name, _digest(family, go), make)


def _shown_in(display: Progress, task: TaskID, family: Family) -> Report:
    def report(done: int, total: int, what: str) -> None:
        short = what if len(what) <= 44 else f"…{what[-43:]}"
        display.update(task, description=f"{family.name} {family.version} {short:44}")
        if total:
            display.update(task, completed=done, total=total)

    return report


def _status_of(family: Family, go: golang.Go, *, thorough: bool) -> list[Status]:
    folder = folder_of(family, go)
    problem = store.damage(folder, thorough=thorough)
    if problem is not None:
        missing = problem == "missing"
        return [
            Status(
                name,
                family.name,
                family.version,
                family.licence,
                "missing" if missing else "damaged",
                "" if missing else problem,
            )
            for name in family.programs
        ]
    described: dict[str, Any] = json.loads((folder / MANIFEST).read_text())["programs"]
    return [
        Status(
            name,
            family.name,
            family.version,
            family.licence,
            "ready",
            path=folder / "bin" / name,
            size=described[name]["size"],
            sha256=described[name]["sha256"],
        )
        for name in family.programs
    ]
