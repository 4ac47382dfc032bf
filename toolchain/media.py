"""The installation media: all that a bare Debian host needs to become a node, in one folder.

A data centre's operator mounts or copies the folder to the hosts; the testbed mounts it read-only into its own.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from core.paths import cache_dir
from toolchain import archives, build, images, store
from toolchain.programs import digest_of, families_of

MANIFEST = "manifest.json"

BINARIES = ("containerd", "containerd-shim-runc-v2", "ctr", "kubeadm", "kubectl", "kubelet")
SERVICES = ("coredns", "versitygw")
"""Programs of hosts of services, on the media only where one is asked for."""
ARCHIVES = ("keycloak",)
"""Archives that go with them."""
PLUGINS = ("bridge", "host-local", "loopback", "portmap")
STATED_VERSIONS = {
    "kubernetes": "kubernetes",
    "etcd": "etcd",
    "coredns": "coredns",
    "pause": "pause",
    "agnhost": "kubernetes",
    "containerd": "containerd",
    "cni": "cni",
}
"""Keys of manifest.json that state a version, and the family whose version it is."""


def ensure(*, services: bool = False) -> Path:
    """Return the folder with bin/, cni/, images/ and manifest.json, making what is missing.

    With ``services`` it holds what hosts of services need too, archives/ among it.

    manifest.json (schema 1) states the versions and the SHA-256 of every file by relative path. The folder is keyed
    by its content; its files are hard links into the cache where the file system allows, so never write to them.
    """
    image_folder = images.ensure()
    binaries = (*BINARIES, *(SERVICES if services else ()))
    programs = build.ensure([*binaries, *PLUGINS])
    files: dict[str, Path] = {
        **{f"bin/{name}": programs[name] for name in binaries},
        **{f"cni/{name}": programs[name] for name in PLUGINS},
        **{f"images/{tar.name}": tar for tar in sorted(image_folder.glob("*.tar"))},
    }
    digests = {**build.digests(programs), **store.sealed_digests(image_folder)}
    for name in ARCHIVES if services else ():
        path = archives.ensure(name)
        files[f"archives/{path.name}"] = path
        digests[path.name] = archives.load()[name].sha256
    versions = {key: families_of([family])[0].version for key, family in STATED_VERSIONS.items()}
    content = {**versions, "files": {name: digests[path.name] for name, path in files.items()}}
    manifest = {"schema": 1, "digest": digest_of(content), **content}
    return store.provide(cache_dir() / "media", "media", digest_of(content), lambda into: _make(into, files, manifest))


def _make(into: Path, files: Mapping[str, Path], manifest: Mapping[str, object]) -> None:
    for name, source in files.items():
        target = into / name
        target.parent.mkdir(exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)
    (into / MANIFEST).write_text(json.dumps(manifest, indent=2))
