"""Image layers as tar files that are the same, byte for byte, whoever makes them and when."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\nnobody:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
"""What every image holds besides its program: names for its users, and where host names are looked up."""


@dataclass(frozen=True)
class Item:
    """One entry of a layer: a file (``content`` or ``source``), a link (``target``), or else a folder."""

    name: str
    mode: int = 0o755
    content: bytes | None = None
    source: Path | None = None
    target: str = ""


def write_layer(path: Path, items: Iterable[Item]) -> None:
    """Write a layer: sorted, every entry owned by root and from the epoch, with the folders that the items lie in."""
    by_name = {item.name.strip("/"): item for item in items}
    parents = {str(parent) for name in by_name for parent in PurePosixPath(name).parents} - {"."}
    for parent in parents - by_name.keys():
        by_name[parent] = Item(parent)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(by_name):
            _add(tar, name, by_name[name])


def root_layer(path: Path) -> None:
    """Write the layer that all images share."""
    files = [Item(name, 0o644, content=text.encode()) for name, text in ROOT_FILES.items()]
    write_layer(path, [*files, Item("tmp", 0o1777), Item("usr/local/bin")])


def program_layer(path: Path, name: str, program: Path, links: Iterable[str]) -> None:
    """Write the layer of one program at /usr/local/bin, with symbolic links to it."""
    place = f"usr/local/bin/{name}"
    linked = [Item(link.strip("/"), target=f"/{place}") for link in links]
    write_layer(path, [Item(place, source=program), *linked])


def _add(tar: tarfile.TarFile, name: str, item: Item) -> None:
    info = tarfile.TarInfo(name)
    info.mode = item.mode
    info.mtime = 0
    if item.source is not None:
        info.size = item.source.stat().st_size
        with item.source.open("rb") as file:
            tar.addfile(info, file)
    elif item.content is not None:
        info.size = len(item.content)
        tar.addfile(info, io.BytesIO(item.content))
    elif item.target:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, item.target, 0o777
        tar.addfile(info)
    else:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
