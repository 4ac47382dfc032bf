"""What every part stands on."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core import paths
from core.errors import KitError, ProgramError
from core.files import sha256, write_atomic
from core.programs import run


def test_an_error_carries_what_is_wrong_and_what_to_do() -> None:
    """The message and the way out are both in the text of an error."""
    assert str(KitError("no IPv6", "load the module")) == "no IPv6 (load the module)"
    assert str(KitError("no IPv6")) == "no IPv6"


def test_a_private_file_is_private_and_whole(tmp_path: Path) -> None:
    """A file is written with its mode, replaces the old one, and leaves no temporary beside it."""
    target = tmp_path / "deep" / "secret"
    write_atomic(target, "one", mode=0o600)
    write_atomic(target, b"two", mode=0o600)
    assert target.read_text() == "two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in target.parent.iterdir()] == ["secret"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    """When the target cannot be replaced, what was there stays and no temporary is left."""
    target = tmp_path / "folder"
    target.mkdir()
    (target / "inside").write_text("kept")
    with pytest.raises(OSError, match="directory"):
        write_atomic(target, "x")
    assert (target / "inside").read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_sha256_is_the_files(tmp_path: Path) -> None:
    """The digest is the one that sha256sum prints."""
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    assert sha256(file) == subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout[:64]


def test_a_program_that_fails_is_named_with_its_last_line() -> None:
    """A failing program's error says which, with what code, and the last thing it said."""
    with pytest.raises(ProgramError, match="ended with code 3: the reason") as caught:
        run([sys.executable, "-c", "import sys; print('the reason', file=sys.stderr); sys.exit(3)"])
    assert caught.value.output == "the reason"


def test_a_program_that_is_absent_or_hangs_is_an_error() -> None:
    """A missing program and one past its time are errors of the kit, not of Python."""
    with pytest.raises(ProgramError, match="not installed"):
        run(["no-such-program-here"])
    with pytest.raises(ProgramError, match="did not end within"):
        run([sys.executable, "-c", "import time; time.sleep(30)"], timeout=0.2)


def test_an_argument_never_reaches_a_shell() -> None:
    """What looks like shell syntax arrives as it is."""
    assert run(["printf", "%s", "$(id); `id` > x"]).stdout == "$(id); `id` > x"


def test_folders_can_be_moved_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """GOVCLOUD_CACHE and GOVCLOUD_STATE say where things are kept; XDG_CACHE_HOME is respected."""
    monkeypatch.setenv("GOVCLOUD_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("GOVCLOUD_STATE", str(tmp_path / "s"))
    assert (paths.cache_dir(), paths.state_dir()) == (tmp_path / "c", tmp_path / "s")
    monkeypatch.delenv("GOVCLOUD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert paths.cache_dir() == tmp_path / "govcloud"
