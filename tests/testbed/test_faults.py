"""Faults end as they should: whatever order they end in, and whatever a killed process left."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import KitError
from testbed import state
from testbed.faults import host_files, objects, registry, switching
from testbed.faults.cloud import Cloud, Phase
from testbed.faults.fault import Change, Fault
from testbed.topology import DEFAULT, load

TEXT = "one=1\ntwo=2\n"
ONE, TWO, NONE = "s/^one=.*/one=wrong/", "s/^two=.*/two=wrong/", "s/^three=.*/three=wrong/"


class Machine(Cloud):
    """A cloud whose hosts are this machine's shell."""

    def ssh(self, _host: str, command: str, *, seconds: float = 120) -> str:
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode:
            raise KitError(done.stderr.strip())
        return done.stdout


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("GOVCLOUD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(state, "CLAIMS", tmp_path / "claims")
    monkeypatch.setattr(host_files, "KEPT", str(tmp_path / "kept"))
    made = Machine(load(DEFAULT), "cgc")
    made.state.folder.mkdir(parents=True)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings with a blank"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make changes known as faults of the given names."""

    def add(**changes: Change) -> None:
        found = {name: Fault(name, "a fault of the tests", change) for name, change in changes.items()}
        monkeypatch.setattr(registry, "FAULTS", found)
        monkeypatch.setattr(switching, "FAULTS", found)

    return add


def edit(file: Path, script: str) -> Change:
    return host_files.edited(lambda _: ["host"], {str(file): script})


@pytest.mark.parametrize("order", [["one", "two"], ["two", "one"]])
def test_faults_of_one_file_end_in_any_order(
    cloud: Machine, file: Path, known: Callable[..., None], order: list[str]
) -> None:
    """Two faults edit one file; each that ends takes its own edit along, and the file ends as it was, mode and all."""
    known(one=edit(file, ONE), two=edit(file, TWO))
    switching.switch_on(cloud, ["one", "two"])
    assert file.read_text() == "one=wrong\ntwo=wrong\n"
    switching.switch_off(cloud, order[:1])
    assert file.read_text() == TEXT.replace(*{"one": ("2", "wrong"), "two": ("1", "wrong")}[order[0]])
    switching.switch_off(cloud, order[1:])
    assert (file.read_text(), file.stat().st_mode & 0o777) == (TEXT, 0o640)
    assert not Path(host_files.KEPT, str(file)[1:]).exists()
    assert switching.active(cloud) == []


def test_one_fault_edits_several_files(cloud: Machine, file: Path, known: Callable[..., None]) -> None:
    """Every edit that a fault is put together from is made, on one host as well."""
    other = file.with_name("other")
    other.write_text(TEXT)
    known(both=edit(file, ONE) + edit(other, TWO))
    switching.switch_on(cloud, ["both"])
    assert (file.read_text(), other.read_text()) == (TEXT.replace("1", "wrong"), TEXT.replace("2", "wrong"))
    switching.switch_off(cloud, ["both"])
    assert (file.read_text(), other.read_text()) == (TEXT, TEXT)


def test_switching_twice_is_like_once(cloud: Machine, file: Path, known: Callable[..., None]) -> None:
    """On again keeps what was there first; off again, or without on, touches nothing."""
    known(one=edit(file, ONE))
    switching.switch_off(cloud, ["one"])
    switching.switch_on(cloud, ["one"])
    switching.switch_on(cloud, ["one"])
    assert file.read_text() == "one=wrong\ntwo=2\n"
    switching.switch_off(cloud, ["one"])
    switching.switch_off(cloud, ["one"])
    assert file.read_text() == TEXT


def test_an_edit_that_changes_nothing_is_a_mistake_and_ends(
    cloud: Machine, file: Path, known: Callable[..., None]
) -> None:
    """A fault that breaks nothing would prove nothing."""
    known(none=edit(file, NONE))
    with pytest.raises(KitError, match="changes nothing"):
        switching.switch_on(cloud, ["none"])
    assert switching.switch_all_off(cloud) == ["none"]
    assert file.read_text() == TEXT


def test_a_fault_is_written_down_before_anything_is_touched(cloud: Machine, known: Callable[..., None]) -> None:
    """A fault that breaks off half way is on, and ends with all."""
    touched = []

    def on(cloud: Cloud) -> None:
        cloud.record.keep("value", "as it was")
        cloud.record.keep("value", "broken already")
        touched.append(switching.active(cloud))
        raise KitError("killed here")

    known(half=Change(on, lambda cloud: touched.append(cloud.record.kept("value"))))
    with pytest.raises(KitError, match="killed here"):
        switching.switch_on(cloud, ["half"])
    assert switching.switch_all_off(cloud) == ["half"]
    assert touched == [["half"], "as it was"]


def test_one_that_cannot_end_does_not_keep_others_on(cloud: Machine, file: Path, known: Callable[..., None]) -> None:
    """Every fault is tried; the one that fails is named, and stays written down."""

    def fail(_: Cloud) -> None:
        raise KitError("the server is gone")

    known(bad=Change(lambda _: None, fail), one=edit(file, ONE))
    switching.switch_on(cloud, ["bad", "one"])
    with pytest.raises(KitError, match="bad: the server is gone"):
        switching.switch_all_off(cloud)
    assert file.read_text() == TEXT
    assert switching.active(cloud) == ["bad"]


def test_servers_are_renewed_once_after_every_edit(cloud: Machine, file: Path, known: Callable[..., None]) -> None:
    """What reads a file is started anew once for all edits, and what needs it is looked after last."""
    seen: list[str] = []
    reader = host_files.Reader("server", lambda _, host: seen.append(f"{host}: {file.read_text()}"))
    settle = Change(lambda c: c.later("last", lambda _: seen.append("settled"), Phase.SETTLE), lambda _: None)
    changes = [host_files.edited(lambda _: ["host"], {str(file): script}, reader) for script in (ONE, TWO)]
    known(one=settle + changes[0], two=changes[1])
    switching.switch_on(cloud, ["one", "two"])
    assert seen == ["host: one=wrong\ntwo=wrong\n", "settled"]


def test_an_unknown_fault_is_refused_with_those_like_it() -> None:
    """A name that is wrong by a word leads to the right one."""
    with pytest.raises(KitError, match="no fault called 'quota-absent'") as found:
        registry.fault("quota-absent")
    assert "quota-missing" in str(found.value.hint)


@pytest.mark.parametrize(
    ("patch", "before", "expected"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 0, "c": 2}}, {"a": {"b": 0}}),
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": None}}),
        ({"a": {"b": 1}}, {}, {"a": None}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
    ],
)
def test_a_patch_is_undone_field_by_field(
    patch: dict[str, object], before: dict[str, object], expected: dict[str, object]
) -> None:
    """The fields that a patch changes, and no others, get their values back, or go where there were none."""
    assert objects.reverse(patch, before) == expected


def test_templates_name_the_tenants(cloud: Machine) -> None:
    """Names are filled in at every depth."""
    filled = cloud.named({"path": "/{a}", "list": [{"name": "{b}"}], "number": 3})
    assert filled == {"path": "/govcloud-audit-a", "list": [{"name": "govcloud-audit-b"}], "number": 3}
