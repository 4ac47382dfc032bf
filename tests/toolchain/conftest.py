"""A cache of its own for each test that builds something."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty cache that the toolchain uses for the length of a test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GOVCLOUD_CACHE", str(folder))
    return folder
