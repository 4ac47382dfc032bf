"""Where a testbed keeps what belongs to it, who owns its name on this machine, and the lock of its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from core.console import say
from core.errors import KitError
from core.files import write_atomic
from core.paths import state_dir

CLAIMS = Path("/run/govcloud")
"""Names of namespaces and links are the whole machine's, so claims and locks are too, whatever the state folder."""


@dataclass(frozen=True)
class State:
    """The state folder of one testbed."""

    folder: Path

    @classmethod
    def of(cls, name: str) -> State:
        """Return the state of the testbed of that name; the folder need not exist."""
        return cls(state_dir() / "testbeds" / name)

    @property
    def doomed(self) -> Path:
        """Give the folder's name while it is being removed: what is half removed is never taken for a testbed."""
        return self.folder.with_name(f".removing-{self.folder.name}")

    @property
    def topology(self) -> Path:
        """Give the topology as it was applied last."""
        return self.folder / "topology.yaml"

    @property
    def key(self) -> Path:
        """Give the private key that opens every host of this testbed."""
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Give the public keys of the hosts, written before they boot."""
        return self.folder / "known_hosts"

    @property
    def inventory(self) -> Path:
        """Give the hosts as Ansible reads them."""
        return self.folder / "inventory.yaml"

    @property
    def services(self) -> Path:
        """Give what the testbed's host of services offers, as an audit reads it; the playbooks write it."""
        return self.folder / "services.yaml"

    def kubeconfig(self, cluster: str) -> Path:
        """Give the kubeconfig of a cluster's administrator."""
        return self.folder / "clusters" / f"{cluster}.kubeconfig"

    def host(self, host_name: str) -> HostState:
        """Give the folder of one host."""
        return HostState(self.folder / "hosts" / host_name)

    def host_names(self) -> list[str]:
        """Names of the hosts that have a folder, whole or not."""
        folder = self.folder / "hosts"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@dataclass(frozen=True)
class HostState:
    """The folder of one host: its disk, its keys, the record of its boot."""

    folder: Path

    @property
    def root(self) -> Path:
        """Give the mount point of the host's root file system."""
        return self.folder / "root"

    @property
    def upper(self) -> Path:
        """Give what the host wrote over the base root."""
        return self.folder / "upper"

    @property
    def work(self) -> Path:
        """Give the folder that overlayfs works in."""
        return self.folder / "work"

    @property
    def containerd(self) -> Path:
        """Give the host's /var/lib/containerd, on the machine's own file system."""
        return self.folder / "containerd"

    @property
    def base(self) -> Path:
        """Give the file that names the base root under this disk."""
        return self.folder / "base"

    @property
    def media(self) -> Path:
        """Give the file that names the folder of installation media this boot sees."""
        return self.folder / "media"

    @property
    def record(self) -> Path:
        """Give the record of the running host: process id and start time."""
        return self.folder / "machine.json"

    @property
    def console(self) -> Path:
        """Give what the host printed while it booted."""
        return self.folder / "console.log"

    @property
    def key(self) -> Path:
        """Give the host's own SSH key."""
        return self.folder / "ssh_host_ed25519_key"


@contextmanager
def locked(name: str, *, deadline: float = 1800) -> Iterator[None]:
    """Hold the testbed's name for this process; say so when another one holds it, and wait up to ``deadline`` s."""
    CLAIMS.mkdir(parents=True, exist_ok=True)
    lock = FileLock(CLAIMS / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"testbed {name}: another command works on it; waiting for it to end")
        try:
            lock.acquire(timeout=deadline)
        except Timeout as error:
            raise KitError(
                f"testbed {name}: another command has held it for {deadline:.0f} s", "end that command, then try again"
            ) from error
    try:
        yield
    finally:
        lock.release()


def owner(name: str) -> Path | None:
    """State folder of the testbed that holds this name on the machine, or None."""
    claim = CLAIMS / name
    return Path(claim.read_text(encoding="utf-8").strip()) if claim.is_file() else None


def claim(name: str) -> None:
    """Write down, before anything else is made, that this name belongs to our state folder."""
    write_atomic(CLAIMS / name, f"{State.of(name).folder}\n")


def release(name: str) -> None:
    """Give the name back."""
    (CLAIMS / name).unlink(missing_ok=True)


def check_owner(name: str) -> None:
    """Refuse to work on a testbed that belongs to another state folder."""
    held = owner(name)
    if held is not None and held != State.of(name).folder and held.exists():
        raise KitError(
            f"testbed {name}: this name belongs to the testbed in {held}",
            f"take another name in the topology, or set GOVCLOUD_STATE={held.parent.parent}",
        )
