"""The environment in which plain ``pulumi`` runs the stacks."""

from __future__ import annotations

import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import KitError
from toolchain import pulumi


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a Pulumi distribution on PATH and have it chosen."""
    program = tmp_path / "distribution" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv(pulumi.ENGINE_CHOICE, "system")
    return program


def test_passphrase_is_made_once_and_for_this_user_alone(system: Path, tmp_path: Path) -> None:
    """However many begin at once, all use one passphrase, which nobody else can read."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: pulumi.environment(tmp_path / "state", None), range(8)))
    file = Path(made[0]["PULUMI_CONFIG_PASSPHRASE_FILE"])
    first = file.read_text()
    again = pulumi.environment(tmp_path / "state", None)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert Path(again["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text() == first
    assert len(first.strip()) >= 40
    assert sorted(entry.name for entry in file.parent.iterdir()) == ["passphrase", "stacks"]


def test_official_distribution_is_used_as_it_is(system: Path, tmp_path: Path) -> None:
    """With the distribution chosen, its own plugins and home stay; only state, passphrase and cluster are set."""
    variables = pulumi.environment(tmp_path / "state", tmp_path / "kubeconfig")
    assert variables["KUBECONFIG"] == str(tmp_path / "kubeconfig")
    assert variables["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/state/pulumi/stacks"
    assert not {"PATH", "PULUMI_HOME", "PULUMI_IGNORE_AMBIENT_PLUGINS"} & variables.keys()


def test_missing_distribution_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choosing a distribution that is not there is a mistake with a way out."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(pulumi.ENGINE_CHOICE, "system")
    with pytest.raises(KitError, match="no pulumi on PATH"):
        pulumi.environment(tmp_path / "state", None)


def test_unknown_choice_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped choice does not fall back to another engine."""
    monkeypatch.setenv(pulumi.ENGINE_CHOICE, "sistem")
    with pytest.raises(KitError, match="sistem is not understood"):
        pulumi.environment(tmp_path / "state", None)


@pytest.mark.toolchain
def test_kits_own_plugins_are_installed_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine finds the plugins as installed ones, and says nothing on standard error; PATH grows only once."""
    monkeypatch.delenv(pulumi.ENGINE_CHOICE, raising=False)
    variables = pulumi.environment(tmp_path / "state", None)
    monkeypatch.setenv("PATH", variables["PATH"])
    again = pulumi.environment(tmp_path / "state", None)
    listed = subprocess.run(
        ["pulumi", "plugin", "ls"], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    assert again["PATH"] == variables["PATH"]
    assert listed.stderr == ""
    assert "kubernetes" in listed.stdout
    assert "python" in listed.stdout
