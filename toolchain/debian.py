"""Layers of Debian packages, for the programs that need more than themselves (kube-proxy calls nft)."""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from core import debian
from core.console import say
from core.errors import KitError
from core.paths import cache_dir
from core.programs import run
from toolchain import store
from toolchain.golang import architecture
from toolchain.layers import Item, write_layer
from toolchain.programs import digest_of

LAYER = "layer.tar"
PACKAGES = "packages.json"

_KEPT = re.compile(r"(s?bin|lib(32|64)?|usr/(s?bin|lib))(/|$)|usr/share/doc/[^/]+/copyright$")
_DROPPED = re.compile(r"gconv(/|$)|lib/systemd(/|$)")


def ensure(suite: str, packages: Sequence[str]) -> Path:
    """Return a folder with layer.tar and packages.json (name to version) of the packages and all that they need.

    The layer is made once and then kept: removing the folder fetches the packages anew, with Debian's updates.
    """
    name, digest = "-".join(packages), _digest(suite, packages)
    return store.provide(cache_dir() / "debian", name, digest, lambda into: _make(into, suite, packages))


def folder_of(suite: str, packages: Sequence[str]) -> Path:
    """Where the layer of the packages is, or would be."""
    return store.place(cache_dir() / "debian", "-".join(packages), _digest(suite, packages))


def kept(name: str) -> bool:
    """Tell if a file of a package belongs into an image: programs, libraries and licences, nothing else."""
    return bool(_KEPT.match(name)) and not _DROPPED.search(name)


def packages_in(listing: str) -> dict[str, str]:
    """Read names and versions out of a list of .deb files."""
    parts = (line.split("_") for line in listing.split() if line.endswith(".deb"))
    return {name: unquote(version) for name, version, _ in parts}


def _digest(suite: str, packages: Sequence[str]) -> str:
    return digest_of([suite, list(packages), architecture(), Path(__file__).read_text()])


def _make(into: Path, suite: str, packages: Sequence[str]) -> None:
    if shutil.which("mmdebstrap") is None:
        debian.install(["mmdebstrap"])
    say(f"Fetching Debian's {', '.join(packages)} for the images")
    fetched, sources = into / "fetched.tar", into / "sources"
    mirrors = debian.mirrors(suite)
    sources.write_text(mirrors)
    run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=extract",
            "--format=tar",
            f"--include={','.join(packages)}",
            '--extract-hook=ls "$1/var/cache/apt/archives" > "$1/packages"',
            *debian.proxies(),
            suite,
            fetched,
            *([sources] if mirrors else []),
        ],
        env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
        timeout=600,
    )
    unpacked = into / "unpacked"
    with tarfile.open(fetched) as tar:
        listing = tar.extractfile("./packages")
        if listing is None:
            raise KitError("mmdebstrap left no list of packages", "install Debian's mmdebstrap 1.3 or later")
        versions = packages_in(listing.read().decode())
        items = [_item(tar, member, unpacked) for member in tar if kept(member.name.removeprefix("./"))]
    write_layer(into / LAYER, items)
    (into / PACKAGES).write_text(json.dumps(versions, indent=1, sort_keys=True))
    for leftover in (fetched, sources):
        leftover.unlink()
    shutil.rmtree(unpacked, ignore_errors=True)


def _item(tar: tarfile.TarFile, member: tarfile.TarInfo, unpacked: Path) -> Item:
    name = member.name.removeprefix("./")
    if member.issym():
        return Item(name, target=member.linkname)
    if member.isdir():
        return Item(name, member.mode)
    file = tar.extractfile(member)
    if file is None:
        raise KitError(f"{name}: an image layer holds only files, folders and links")
    unpacked.mkdir(exist_ok=True)
    copy = unpacked / digest_of(name)
    with copy.open("wb") as out:
        shutil.copyfileobj(file, out)
    return Item(name, member.mode, source=copy)
