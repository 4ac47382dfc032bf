"""The command `govcloud testbed fault`, as far as it needs no host."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from core.errors import KitError
from govcloud.testbed_faults import app
from testbed import state
from testbed.faults.registry import FAULTS
from testbed.state import State


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVCLOUD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(state, "CLAIMS", tmp_path / "claims")
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def call(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_the_list_names_every_fault_and_which_are_on() -> None:
    """People and programs read the same list, before a testbed is up as well."""
    folder = State.of("egc").folder / "faults"
    folder.mkdir(parents=True)
    (folder / "old-tls.json").write_text("{}")
    listed = json.loads(call("list", "--json").stdout)
    assert {entry["name"] for entry in listed} == set(FAULTS)
    assert [entry["name"] for entry in listed if entry["on"]] == ["old-tls"]
    assert all(entry["area"] and entry["summary"] for entry in listed)
    shown = call("list").stdout
    assert all(name in shown for name in FAULTS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("on", "old-tls"), "testbed egc is not up"),
        (("off", "--all"), "testbed egc is not up"),
        (("off",), "name the faults to switch off, or say --all"),
        (("off", "old-tls", "--all"), "name the faults to switch off, or say --all"),
        (("on", "old-tls", "--topology", "/nowhere.yaml"), "cannot be read"),
        (("list", "--topology", "/nowhere.yaml"), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], message: str) -> None:
    """One line says what is wrong, and nothing is written down."""
    error = call(*words).exception
    assert isinstance(error, KitError)
    assert message in error.message
    assert not (State.of("egc").folder / "faults").exists()
