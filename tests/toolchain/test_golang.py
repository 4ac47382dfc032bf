"""Which Go is used, and what of a person's settings reaches it."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolchain import golang


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.26.6", True), ("1.26.10", True), ("1.26.5", False), ("1.27.0", False), ("1.19.8", False), ("2.26.6", False)],
)
def test_which_go_fits(version: str, *, expected: bool) -> None:
    """The pinned minor version fits from the pinned patch on; older ones and other minor versions do not."""
    assert golang.fits(version, "1.26.6") is expected


def a_go(folder: Path, says: str) -> None:
    folder.mkdir()
    (folder / "go").write_text(f"#!/bin/sh\necho {says}\n")
    (folder / "go").chmod(0o755)


def test_the_machines_go_is_used_where_it_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go on PATH of a version that fits needs no other."""
    a_go(tmp_path / "bin", "go1.26.99")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert golang.find() == golang.Go("1.26.99", tmp_path / "bin" / "go")


@pytest.mark.parametrize("says", ["go1.19.8", "devel", ""])
def test_the_wheels_go_is_named_where_the_machines_does_not_fit(
    says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian 12's own Go is too old: the wheel's is taken, and nothing is installed by looking."""
    a_go(tmp_path / "bin", says)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert golang.find() == golang.Go(golang.pinned_version(), None)


def test_a_persons_go_settings_do_not_reach_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the person's Go settings only those of the module proxy count: the same inputs give the same programs."""
    monkeypatch.setenv("GOFLAGS", "-race")
    monkeypatch.setenv("GOAMD64", "v3")
    monkeypatch.setenv("GOPROXY", "off")
    found = golang.environment()
    assert found["GOFLAGS"] == "-mod=readonly -trimpath -buildvcs=false"
    assert "GOAMD64" not in found
    assert found["GOPROXY"] == "off"
