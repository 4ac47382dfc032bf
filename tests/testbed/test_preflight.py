"""Each preflight check passes on a good machine and fails on a broken one."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from core.errors import KitError
from testbed import checks
from testbed.topology import load

GOOD = dict.fromkeys(checks.FEATURES, "y")


def test_a_kernel_is_judged_by_its_options() -> None:
    """Built in or as a module is good; an option that is absent is named by what it gives."""
    assert checks.kernel(GOOD | {"CONFIG_VETH": "m"}, "6.1").ok
    without = {option: value for option, value in GOOD.items() if option != "CONFIG_NF_TABLES"}
    found = checks.kernel(without, "6.1")
    assert (found.ok, found.detail, found.warning) == (False, "6.1 lacks nftables", False)
    assert found.remedy


def test_a_kernel_that_does_not_tell_is_a_warning() -> None:
    """Not knowing is said, and does not stop anyone."""
    assert checks.kernel(None, "6.1").warning


@pytest.mark.parametrize("version", [1, 2])
def test_missing_controllers_are_named(version: int) -> None:
    """Memory accounting is off on some kernels: the check says which controller is missing."""
    assert checks.controllers({"cpu", "cpuset", "memory", "pids", "io"}, version=version).ok
    found = checks.controllers({"cpu", "pids"}, version=version)
    assert (found.ok, found.detail) == (False, f"version {version}, missing: cpuset, memory")


@pytest.mark.parametrize(("content", "ok"), [("0\n", True), ("1\n", False), (None, False)])
def test_ipv6_must_be_there_and_on(tmp_path: Path, content: str | None, ok: bool) -> None:  # noqa: FBT001
    """Half of everything is IPv6: switched off or absent is a failure with its remedy."""
    setting = tmp_path / "disable_ipv6"
    if content is not None:
        setting.write_text(content)
    found = checks.ipv6(setting)
    assert (found.ok, bool(found.remedy)) == (ok, not ok)


def test_disk_space_is_judged_at_12_gb() -> None:
    """The limit is exact, and the line says how much there is, where, and what to do."""
    assert checks.disk("cache", Path("/x"), 12 * 10**9).ok
    found = checks.disk("state", Path("/x"), 12 * 10**9 - 1)
    assert not found.ok
    assert found.detail == "12 GB free at /x"
    assert found.remedy == "free 12 GB there, or set GOVCLOUD_STATE to a folder elsewhere"


def test_a_file_system_that_cannot_hold_disks_is_refused() -> None:
    """A container's own overlay cannot carry another one."""
    assert checks.upper_layer(Path("/x"), "ext4").ok
    assert not checks.upper_layer(Path("/x"), "overlay").ok


def test_this_machine_is_looked_at_without_changing_it() -> None:
    """All checks run for any user and each has a name of its own."""
    found = checks.preflight(load())
    assert len({check.name for check in found}) == len(found)
    assert {"system", "root", "kernel", "cgroups", "IPv6", "disk (cache)", "disk (state)"} <= {c.name for c in found}


@pytest.mark.parametrize(
    ("module", "function", "value", "line"),
    [(platform, "system", "Darwin", "system: Darwin"), (os, "geteuid", 1000, "root: user id 1000")],
)
def test_what_fails_is_one_line_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, module: object, function: str, value: object, line: str
) -> None:
    """Not Linux, or not root: one clear line each."""
    monkeypatch.setattr(module, function, lambda: value)
    with pytest.raises(KitError) as caught:
        checks.require(load())
    assert line in caught.value.message.splitlines()
    assert caught.value.hint
