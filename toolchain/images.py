"""The container images that the kit needs, made from its own programs with crane; nothing is pulled."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from core.console import progress, say
from core.errors import KitError
from core.files import sha256
from core.paths import cache_dir
from core.programs import run
from toolchain import build, debian, layers, store
from toolchain.golang import architecture
from toolchain.programs import HERE, digest_of, families_of

MANIFEST = "manifest.json"

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Image(BaseModel):
    """One image: its program and how the program is started."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    program: str
    user: str = ""
    arguments: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()


class Images(BaseModel):
    """What `images.yaml` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str
    debian_suite: str
    images: dict[str, Image]

    def reference(self, name: str) -> str:
        """Full name of an image, with its tag: the version of its program."""
        return f"{self.prefix}/{name}:{families_of([self.images[name].program])[0].version}"


@cache
def load() -> Images:
    """Read the images."""
    return Images.model_validate(yaml.safe_load((HERE / "images.yaml").read_text()))


def ensure() -> Path:
    """Return the folder of the image tars (``<name>.tar``, for `ctr images import`) and their manifest.json.

    What is missing is built first. The same programs and packages give the same bytes.
    """
    images = load()
    programs = build.ensure(["crane", *(image.program for image in images.images.values())])
    bases = {
        image.debian: debian.ensure(images.debian_suite, image.debian)
        for image in images.images.values()
        if image.debian
    }
    inputs = {
        "images": images.model_dump(mode="json"),
        "programs": build.digests(programs),
        "bases": {"-".join(packages): store.sealed_digests(folder) for packages, folder in bases.items()},
        "recipe": [sha256(Path(__file__)), sha256(Path(layers.__file__))],
        "architecture": architecture(),
    }
    return store.provide(
        cache_dir() / "images", "images", digest_of(inputs), lambda into: make(images, programs, bases, into)
    )


def make(images: Images, programs: dict[str, Path], bases: dict[tuple[str, ...], Path], into: Path) -> None:
    """Make all images into a folder, from programs and from the Debian layers of ``bases``."""
    started = time.monotonic()
    work = into / "work"
    work.mkdir()
    layers.root_layer(work / "root.tar")
    crane = programs["crane"]
    with _registry(crane, work) as registry, progress() as display, ThreadPoolExecutor(2) as pool:
        task = display.add_task("images", total=len(images.images))
        base = f"{registry}/base:latest"
        run([crane, "append", "--new_layer", work / "root.tar", "--new_tag", base], env=_environment(work))

        def one(name: str) -> tuple[str, dict[str, str]]:
            image = images.images[name]
            layer = work / f"{name}.tar"
            layers.program_layer(layer, image.program, programs[image.program], image.links)
            under = [bases[image.debian] / debian.LAYER] if image.debian else []
            tar = into / f"{name}.tar"
            run(
                [
                    crane,
                    "mutate",
                    base,
                    *(f"--append={part}" for part in [*under, layer]),
                    f"--set-platform=linux/{architecture()}",
                    f"--entrypoint=/usr/local/bin/{image.program}",
                    f"--env=PATH={SEARCH_PATH}",
                    *(f"--cmd={word}" for word in image.arguments),
                    *([f"--user={image.user}"] if image.user else []),
                    f"--tag={images.reference(name)}",
                    f"--output={tar}",
                ],
                env=_environment(work),
            )
            layer.unlink()
            display.update(task, advance=1, description=f"image {name}")
            return name, {"reference": images.reference(name), "file": tar.name, "config": config_digest(tar)}

        made = dict(pool.map(one, images.images))
    (into / MANIFEST).write_text(json.dumps({"schema": 1, "images": made}, indent=1, sort_keys=True))
    for leftover in work.iterdir():
        leftover.unlink()
    work.rmdir()
    say(f"Made {len(made)} images in {time.monotonic() - started:.0f} s")


def config(tar: Path) -> dict[str, Any]:
    """Read an image's configuration out of its tar."""
    with tarfile.open(tar) as file:
        found: dict[str, Any] = json.loads(_member(file, _entry(file)["Config"]))
        return found


def config_digest(tar: Path) -> str:
    """Return the image's id: the digest of its configuration."""
    with tarfile.open(tar) as file:
        return str(_entry(file)["Config"])


def _entry(file: tarfile.TarFile) -> dict[str, Any]:
    entries: list[dict[str, Any]] = json.loads(_member(file, "manifest.json"))
    return entries[0]


def _member(file: tarfile.TarFile, name: str) -> bytes:
    member = file.extractfile(name)
    if member is None:
        raise KitError(f"{file.name!s} holds no {name}", "remove the folder; it is made anew")
    return member.read()


def _environment(work: Path) -> dict[str, str]:
    """Environment of crane: a person's registry credentials are none of its business."""
    return {**os.environ, "DOCKER_CONFIG": str(work)}


@contextmanager
def _registry(crane: Path, work: Path) -> Iterator[str]:
    """Run a registry in memory on a free loopback port: crane changes an image's configuration only in a registry."""
    log = work / "registry.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", str(crane), "registry", "serve", "--address", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        yield f"127.0.0.1:{_port(process, log)}"
    finally:
        process.kill()
        process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"serving on port (\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.02)
    said = " ".join(log.read_text().split())
    raise KitError(f"crane's registry on loopback did not start: {said or 'it said nothing'}")
