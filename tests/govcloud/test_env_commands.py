"""What a shell gets from ``govcloud env``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from core.errors import KitError
from govcloud import env_commands


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """Give the command alone, with a state folder whose name needs quoting, and a Pulumi distribution on PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("GOVCLOUD_PULUMI", "system")
    monkeypatch.setenv("GOVCLOUD_STATE", f"{tmp_path}/it's a $HOME")
    made = typer.Typer()
    env_commands.register(made)
    return made


def cluster(tmp_path: Path, name: str, testbed: str = "demo") -> Path:
    path = tmp_path / "it's a $HOME" / "testbeds" / testbed / "clusters" / f"{name}.kubeconfig"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_shell_takes_the_variables_whatever_the_paths_hold(app: typer.Typer, tmp_path: Path) -> None:
    """``eval`` sets exactly what was meant, with quotes, spaces and dollars in paths."""
    path = cluster(tmp_path, "cgc")
    printed = CliRunner().invoke(app, []).stdout
    shown = subprocess.run(
        [
            "sh",
            "-c",
            'eval "$1"; printf "%s\\n" "$KUBECONFIG" "$PULUMI_BACKEND_URL" "$GOVCLOUD_RECORDS"',
            "sh",
            printed,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = path.parent.parent
    assert shown.stdout.splitlines() == [str(path), f"file://{folder}/stacks", f"{folder}/records"]
    assert shown.stderr == ""


def test_programs_take_json(app: typer.Typer, tmp_path: Path) -> None:
    """The same as JSON, for another cluster of another testbed."""
    path = cluster(tmp_path, "west", "big")
    printed = CliRunner().invoke(app, ["--json", "--testbed", "big", "--cluster", "west"]).stdout
    assert json.loads(printed)["KUBECONFIG"] == str(path)


def test_without_a_cluster_the_shell_keeps_its_own(app: typer.Typer) -> None:
    """Before there are clusters, nothing is said about KUBECONFIG and the records."""
    printed = CliRunner().invoke(app, []).stdout
    assert "KUBECONFIG" not in printed
    assert "GOVCLOUD_RECORDS" not in printed


@pytest.mark.usefixtures("app")
def test_records_go_with_the_stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the local clouds while there are any, unless the shell names records or stacks of its own."""
    for name in ("PULUMI_BACKEND_URL", "GOVCLOUD_RECORDS"):
        monkeypatch.delenv(name, raising=False)
    own = tmp_path / "it's a $HOME" / "records"
    assert env_commands.records_folder() == own
    local = cluster(tmp_path, "cgc").parent.parent / "records"
    assert env_commands.records_folder() == local
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://stacks")
    assert env_commands.records_folder() == own
    monkeypatch.setenv("GOVCLOUD_RECORDS", str(tmp_path / "office"))
    assert env_commands.records_folder() == tmp_path / "office"


@pytest.mark.usefixtures("app")
def test_unknown_cluster_is_told_with_those_there_are(tmp_path: Path) -> None:
    """A mistyped name is answered with the names there are."""
    cluster(tmp_path, "cgc")
    with pytest.raises(KitError, match=r"no cluster 'agc'.*it has cgc"):
        env_commands.kubeconfig_of("demo", "agc")
    with pytest.raises(KitError, match="testbed 'other' has no cluster"):
        env_commands.kubeconfig_of("other", "cgc")
