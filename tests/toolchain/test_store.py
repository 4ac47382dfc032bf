"""Folders that are whole or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import KitError
from toolchain import store


def fill(into: Path) -> None:
    (into / "bin").mkdir()
    (into / "bin" / "one").write_text("first program")
    (into / "bin" / "two").write_text("second program")


def made(parent: Path) -> Path:
    return store.provide(parent, "things", "d1", fill)


def names(parent: Path) -> set[str]:
    return {path.name for path in parent.iterdir()} - {".things.lock"}


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    """What stands is used; making it again is not tried."""
    folder = made(tmp_path)
    assert (folder / "bin" / "one").read_text() == "first program"
    assert store.provide(tmp_path, "things", "d1", lambda _: pytest.fail("made again")) == folder
    assert names(tmp_path) == {"things-d1"}


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """A folder that could not be finished is not there at all."""

    def fail(into: Path) -> None:
        fill(into)
        raise KitError("it broke")

    with pytest.raises(KitError, match="it broke"):
        store.provide(tmp_path, "things", "d1", fail)
    assert names(tmp_path) == set()


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    """A temporary folder whose maker is no more goes away with the next making, another name's stays."""
    (tmp_path / ".things.abc.tmp").mkdir(parents=True)
    (tmp_path / ".others.abc.tmp").mkdir()
    made(tmp_path)
    assert names(tmp_path) == {"things-d1", ".others.abc.tmp"}


def keep_times(path: Path, change: Callable[[], object]) -> None:
    before = path.stat()
    change()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda f: os.truncate(f / "bin/one", 3),
    "changed": lambda f: (f / "bin/one").write_text("fIrst program"),
    "replaced": lambda f: (f / "bin/two").replace(f / "bin/one"),
    "truncated, time kept": lambda f: keep_times(f / "bin/one", lambda: os.truncate(f / "bin/one", 3)),
    "removed": lambda f: (f / "bin/one").unlink(),
    "added": lambda f: (f / "bin/three").touch(),
    "seal removed": lambda f: (f / store.SEAL).unlink(),
    "seal damaged": lambda f: (f / store.SEAL).write_text("{"),
    "seal of another kind": lambda f: (f / store.SEAL).write_text("[]"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_told_and_mended(damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not as it was made is made anew, and the person is told why."""
    folder = made(tmp_path)
    DAMAGES[damage](folder)
    assert store.damage(folder)
    assert made(tmp_path) == folder
    assert "The cache of things is damaged" in capsys.readouterr().err
    assert store.damage(folder, thorough=True) is None
    assert (folder / "bin" / "one").read_text() == "first program"
    assert names(tmp_path) == {"things-d1"}


def test_a_thorough_look_notices_what_times_hide(tmp_path: Path) -> None:
    """A change that keeps size and time escapes the quick look, not the thorough one."""
    folder = made(tmp_path)
    one = folder / "bin" / "one"
    keep_times(one, lambda: one.write_text("fIrst program"))
    assert store.damage(folder) is None
    assert store.damage(folder, thorough=True) == "bin/one does not have the content it was made with"


def test_a_copy_of_the_cache_is_as_good(tmp_path: Path) -> None:
    """A cache that was copied to another machine has new times, and is used; only the first look reads it."""
    folder = made(tmp_path / "here")
    copy = tmp_path / "there" / folder.name
    shutil.copytree(folder, copy, copy_function=shutil.copy)
    before = (copy / store.SEAL).read_text()
    assert store.damage(copy) is None
    assert (copy / store.SEAL).read_text() != before
    assert store.sealed_digests(copy) == store.sealed_digests(folder)


def test_a_folder_in_use_is_not_emptied(tmp_path: Path) -> None:
    """Go's build cache is emptied only when no build uses it."""
    folder = tmp_path / "go-build"
    with store.in_use(folder), store.in_use(folder):
        (folder / "package").touch()
        assert not store.empty(folder)
    assert (folder / "package").exists()
    assert store.empty(folder)
    assert not folder.exists()
    assert not store.empty(folder)
