"""Who owns a testbed, and who works on it now."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import KitError
from testbed import state


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "CLAIMS", tmp_path / "claims")
    monkeypatch.setenv("GOVCLOUD_STATE", str(tmp_path / "mine"))


def test_a_name_belongs_to_one_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Namespaces and links are the whole machine's: a second state folder cannot take a name that is in use."""
    state.State.of("sample").folder.mkdir(parents=True)
    state.claim("sample")
    state.check_owner("sample")
    monkeypatch.setenv("GOVCLOUD_STATE", str(tmp_path / "theirs"))
    with pytest.raises(KitError, match="belongs to the testbed in") as caught:
        state.check_owner("sample")
    assert str(tmp_path / "mine") in caught.value.hint


def test_a_name_is_free_again_when_released() -> None:
    """After `down` anybody may take the name."""
    state.claim("sample")
    assert state.owner("sample") == state.State.of("sample").folder
    state.release("sample")
    assert state.owner("sample") is None


def test_the_second_command_says_that_it_waits(capsys: pytest.CaptureFixture[str]) -> None:
    """Two commands on one testbed work one after the other, and the waiting one says so."""
    order: list[str] = []

    def second() -> None:
        with state.locked("sample"):
            order.append("second")

    with state.locked("sample"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert "another command works on it" in capsys.readouterr().err


def test_waiting_has_an_end() -> None:
    """A command that is held up for too long gives up with one line."""
    found: list[str] = []

    def second() -> None:
        try:
            with state.locked("sample", deadline=0.1):
                pass
        except KitError as error:
            found.append(error.message)

    with state.locked("sample"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(10)
    assert found == ["testbed sample: another command has held it for 0 s"]


def test_a_killed_command_holds_nothing(tmp_path: Path) -> None:
    """The lock of a command that was killed with -9 is free at once."""
    program = (
        "import time, pathlib, testbed.state as s\n"
        f"s.CLAIMS = pathlib.Path({str(tmp_path / 'claims')!r})\n"
        "with s.locked('sample'):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
        with state.locked("sample", deadline=5):
            pass
