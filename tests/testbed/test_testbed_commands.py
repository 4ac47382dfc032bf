"""The command `govcloud testbed`, as far as it needs no host."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from core.errors import KitError
from govcloud.testbed_commands import app
from testbed import state

TOPOLOGY = """
name: nothere
backbone: {ipv4: 10.249.240.0/24, ipv6: "fd63:7663:f9:1::/64"}
hosts: [{name: alone, role: bare}]
"""


@pytest.fixture(autouse=True)
def topology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a topology that is not up, in a state folder of its own."""
    monkeypatch.setenv("GOVCLOUD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(state, "CLAIMS", tmp_path / "claims")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    path = tmp_path / "topology.yaml"
    path.write_text(TOPOLOGY)
    return path


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("shell", "alone")])
def test_what_is_not_up_is_said_to_be_so(topology: Path, words: tuple[str, ...]) -> None:
    """Asked about a testbed that is not up, the command says so and how to bring it up."""
    error = call(*words, "--topology", topology).exception
    assert isinstance(error, KitError)
    assert (error.message, error.hint) == ("testbed nothere is not up", "bring it up with 'govcloud testbed up'")


def test_down_of_nothing_is_no_error(topology: Path) -> None:
    """Taking down what is not up succeeds and lists nothing."""
    assert call("down", "--topology", topology).exit_code == 0
    done = call("down", "--dry-run", "--json", "--topology", topology)
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_a_mistake_in_the_topology_stops_every_command(topology: Path) -> None:
    """No command goes on with a topology that is wrong."""
    topology.write_text(TOPOLOGY.replace("bare", "master"))
    for words in (("up",), ("down",), ("status",), ("shell", "alone")):
        error = call(*words, "--topology", topology).exception
        assert isinstance(error, KitError)
        assert "hosts[0].role: 'master' is unknown" in error.message


def test_only_root_gets_an_answer(topology: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody else is told to be root, in one line, before anything is read or made."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for words in (("up",), ("down",), ("status",), ("shell", "alone")):
        error = call(*words, "--topology", topology).exception
        assert isinstance(error, KitError)
        assert "root: user id 1000" in error.message
