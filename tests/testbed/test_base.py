"""The base root is used only while it is whole."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed import base
from testbed.topology import TOPOLOGIES, load

DAMAGES: dict[str, Callable[[Path], object]] = {
    "a file is gone": lambda root: (root / "etc/passwd").unlink(),
    "a file is shorter": lambda root: (root / "etc/passwd").write_text("r"),
    "a file is new": lambda root: (root / "etc/new").write_text(""),
    "a folder is gone": lambda root: (root / "empty").rmdir(),
    "the seal is gone": lambda root: root.with_name("root.seal").unlink(),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a small root with its seal."""
    made = tmp_path / "root"
    (made / "etc").mkdir(parents=True)
    (made / "empty").mkdir()
    (made / "etc/passwd").write_text("root")
    (made / "etc/link").symlink_to("/nowhere")
    (tmp_path / "root.seal").write_text(base.census(made))
    return made


def test_a_root_as_it_was_made_is_whole(root: Path) -> None:
    """Nothing changed: it is used as it is, wherever the cache was moved to."""
    assert base.is_whole(root)
    (root.parent / "root.seal").rename(root.parent / "moved.seal")
    assert base.is_whole(root.rename(root.parent / "moved"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_root_is_seen(root: Path, damage: str) -> None:
    """A file that is missing, new or of another size, or a seal that is gone: the root is made anew."""
    DAMAGES[damage](root)
    assert not base.is_whole(root)


def test_only_hosts_beside_services_get_more_packages() -> None:
    """Ordinary nodes stay small: only a cluster with a host of services has roots of their own, by role."""
    egc, plain = load(TOPOLOGIES / "egc.yaml"), load()
    assert all(base.packages(plain, host) == base.PACKAGES for host in plain.placed())
    wanted = {host.name: base.packages(egc, host) for host in egc.placed()}
    assert wanted["egc-2"] == base.PACKAGES
    assert "python3-boto3" in wanted["egc-1"]
    assert len({base.digest(packages) for packages in wanted.values()}) == 3


def test_programs_of_the_root_are_valid() -> None:
    """The script that prepares each host is one that its shell can read."""
    done = subprocess.run(["sh", "-n", str(base.FILES / "prepare-host")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
