"""Programs that come as archives."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from core.errors import KitError
from toolchain import archives

MAVEN = """#!/bin/sh
for word; do case $word in -DoutputDirectory=*) folder=${word#*=} ;; esac; done
mkdir -p "$folder" && printf other >"$folder/any.tar.gz"
"""


def test_each_archive_is_pinned() -> None:
    """An archive has a version and a digest, and names no place."""
    for name, archive in archives.load().items():
        assert archive.coordinates[2][0].isdigit(), name
        assert "://" not in archive.artifact


def test_what_is_not_as_pinned_is_not_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that brings something else leaves nothing in the cache; the message has both digests."""
    client = tmp_path / "bin" / "mvn"
    client.parent.mkdir()
    client.write_text(MAVEN)
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    with pytest.raises(KitError, match=r"has the SHA-256 d9298a10d1b0.* not 9fe5f9213ecf"):
        archives.ensure("keycloak")
    assert [path.name for path in (cache / "archives").iterdir() if not path.name.startswith(".keycloak.lock")] == []
    assert [entry.state for entry in archives.status()] == ["missing"]


def test_java_libraries_are_read_from_file_names(tmp_path: Path) -> None:
    """Name and version are told apart where the version begins with a digit."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name in ("k-1/lib/lib/main/org.one.two-three-4.5.Final.jar", "k-1/lib/app/run.jar", "k-1/README.md"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert archives.libraries(tmp_path / "a.tar.gz") == [("org.one.two-three", "4.5.Final")]


@pytest.mark.toolchain
def test_keycloak_is_fetched_and_listed() -> None:
    """The archive is there with the digest it was pinned with, and brings its libraries."""
    path = archives.ensure("keycloak")
    assert [entry.state for entry in archives.status(thorough=True)] == ["ready"]
    assert any("keycloak" in name for name, _ in archives.libraries(path))
