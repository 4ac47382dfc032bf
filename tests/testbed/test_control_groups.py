"""Control groups of version 1 and 2, whichever this machine has."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from testbed import cgroups

# Version 2 alone, in a mount namespace of its own; where version 1 holds the controllers, none are asked for.
MOUNT = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'
BOOT = """
import os, sys, time
from pathlib import Path
from testbed import boot, cgroups, hosts, leftovers, ssh, topology
from testbed.state import State

cgroups.CONTROLLERS = tuple(sorted(set(cgroups.CONTROLLERS) & cgroups.available()))
assert cgroups.unified()
found = topology.Topology.model_validate({
    "name": "tunified", "backbone": {"ipv4": "10.249.233.0/24", "ipv6": "fd63:7663:f4:1::/64"},
    "hosts": [{"name": "alone", "role": "bare"}],
})
state = State.of("tunified")
try:
    hosts.up(found, Path(sys.argv[1]))
    done = ssh.run(state.folder, "alone", "mkdir /sys/fs/cgroup/pods && stat -fc %T /sys/fs/cgroup")
    assert done.stdout == "cgroup2fs\\n", done
    os.kill(boot.identity(state.host("alone"))[0], 9)
    while boot.running(state.host("alone")):
        time.sleep(0.01)
    hosts.up(found, Path(sys.argv[1]))
    assert ssh.run(state.folder, "alone", "true").returncode == 0
finally:
    hosts.down("tunified")
assert leftovers.find("tunified") == []
"""


@pytest.mark.cluster
def test_a_host_boots_and_heals_on_version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with version 2 alone, a host boots, makes groups, heals after kill -9 and leaves nothing."""
    with tempfile.TemporaryDirectory(prefix="govcloud-test-", dir="/var/tmp") as folder:
        monkeypatch.setenv("GOVCLOUD_STATE", f"{folder}/state")
        media = Path(folder, "media", "one")
        media.mkdir(parents=True)
        inside = ["sh", "-c", MOUNT, "sh", sys.executable, "-c", BOOT, str(media)]
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", *inside], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def tree(root: Path, *folders: str) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "cgroup.procs").write_text("")


def test_version_1_gives_a_directory_in_every_hierarchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each controller gets the host's directory, and the cpuset is filled before a process may join it."""
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    monkeypatch.setattr(cgroups, "SYSTEMD", tmp_path / "no-systemd")
    tree(tmp_path, "cpu", "cpuset", "memory", "pids", "systemd")
    for setting, value in (("cpuset.cpus", "0-1"), ("cpuset.mems", "0")):
        for folder in ("", "gvc-one", "gvc-one/host"):
            (tmp_path / "cpuset" / folder).mkdir(exist_ok=True)
            (tmp_path / "cpuset" / folder / setting).write_text("" if folder else value)
    assert cgroups.available() == {"cpu", "cpuset", "memory", "pids", "systemd"}
    made = cgroups.create("one", "host")
    assert made == [tmp_path / name / "gvc-one" / "host" for name in ("cpu", "cpuset", "memory", "pids", "systemd")]
    assert (tmp_path / "cpuset/gvc-one/host/cpuset.cpus").read_text() == "0-1"
    assert cgroups.directories("one", "host") == made
    assert cgroups.directories("on") == []


def test_where_systemd_runs_it_makes_the_host_s_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In version 2 nothing is made beside systemd, and its slice is found as the testbed's."""
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    monkeypatch.setattr(cgroups, "SYSTEMD", tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    assert cgroups.create("one", "host") == []
    tree(tmp_path, "gvc_one.slice/gvc-one-host.service/payload")
    (tmp_path / "gvc_one.slice/gvc-one-host.service/payload/cgroup.procs").write_text("12\n13\n")
    (directory,) = cgroups.directories("one", "host")
    assert sorted(cgroups.processes(directory)) == [12, 13]
