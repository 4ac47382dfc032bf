"""Can this machine run a testbed? Each check looks at one thing, changes nothing, and says what to do."""

from __future__ import annotations

import gzip
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import KitError
from core.paths import cache_dir, state_dir
from testbed import cgroups, network
from testbed.topology import Topology

GIB = 1024**3
DISK = 12 * 10**9
"""Free bytes that builds, the base root and two clusters take together."""
MEMORY = 8 * GIB
FEATURES = {
    "CONFIG_OVERLAY_FS": "overlayfs",
    "CONFIG_VETH": "veth",
    "CONFIG_BRIDGE": "bridge",
    "CONFIG_BRIDGE_NETFILTER": "br_netfilter",
    "CONFIG_NF_CONNTRACK": "nf_conntrack",
    "CONFIG_NF_TABLES": "nftables",
    "CONFIG_NF_TABLES_INET": "nftables (inet)",
    "CONFIG_NFT_CT": "nftables (conntrack)",
    "CONFIG_NFT_NAT": "nftables (NAT)",
    "CONFIG_NFT_MASQ": "nftables (masquerade)",
}
"""Kernel option -> what it gives."""
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
NO_OVERLAY = frozenset({"overlay", "nfs", "nfs4", "vfat", "9p", "fuseblk", "ecryptfs"})
"""File systems that cannot hold what a host writes (the upper layer of overlayfs)."""


@dataclass(frozen=True)
class Check:
    """Outcome of one check. ``ok`` False stops ``up``, unless ``warning`` says that it is only worth knowing."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    warning: bool = False


def preflight(topology: Topology | None = None) -> list[Check]:
    """Run every check that makes sense here; with a topology, also whether its prefixes are free."""
    system = platform.system()
    first = [
        Check("system", system == "Linux", system, "use a Linux machine: the hosts share its kernel"),
        _root(),
    ]
    return first + list(_linux(topology)) if first[0].ok else first


def require_root() -> None:
    """Raise KitError for anybody but root."""
    check = _root()
    if not check.ok:
        raise KitError(f"{check.name}: {check.detail}", check.remedy)


def _root() -> Check:
    return Check("root", os.geteuid() == 0, f"user id {os.geteuid()}", "run as root: sudo -E, or a root shell")


def require(topology: Topology) -> None:
    """Raise KitError with a line for each check that failed."""
    failed = [check for check in preflight(topology) if not check.ok and not check.warning]
    if failed:
        raise KitError("\n".join(f"{check.name}: {check.detail}" for check in failed), failed[0].remedy)


def _linux(topology: Topology | None) -> Iterator[Check]:
    yield kernel(kernel_config(), platform.release())
    absent = [space for space in NAMESPACES if not Path("/proc/self/ns", space).exists()]
    detail = f"missing: {', '.join(absent)}" if absent else "all kinds"
    yield Check("namespaces", not absent, detail, "boot a kernel with these namespaces")
    yield controllers(cgroups.available(), version=2 if cgroups.unified() else 1)
    yield ipv6(Path("/proc/sys/net/ipv6/conf/all/disable_ipv6"))
    for label, folder in (("cache", cache_dir()), ("state", state_dir())):
        yield disk(label, folder, shutil.disk_usage(_existing(folder)).free)
    yield upper_layer(state_dir(), _filesystem(state_dir()))
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Check(
        "memory", total >= MEMORY * 0.95, f"{total / GIB:.1f} GiB", "two clusters want 8 GiB or more", warning=True
    )
    if topology is not None and shutil.which("ip") is not None:
        found = network.conflicts(topology)
        free = f"nothing else uses {topology.backbone.ipv4} and {topology.backbone.ipv6}"
        yield Check("prefixes", not found, "; ".join(found) or free, "take other prefixes in the topology")


def kernel(config: dict[str, str] | None, release: str) -> Check:
    """Judge the kernel by how it was configured; where it does not say, only the boot can tell."""
    if config is None:
        remedy = "if booting fails, compare this kernel with Debian's"
        return Check("kernel", ok=False, detail=f"{release} does not say how it was made", remedy=remedy, warning=True)
    absent = [name for option, name in FEATURES.items() if config.get(option) not in ("y", "m")]
    detail = f"{release} lacks {', '.join(absent)}" if absent else f"{release}, {len(FEATURES)} features present"
    return Check("kernel", not absent, detail, "boot a kernel that has it, such as Debian's own")


def kernel_config() -> dict[str, str] | None:
    """Options of the running kernel, or None where it does not tell."""
    packed, plain = Path("/proc/config.gz"), Path("/boot") / f"config-{platform.release()}"
    if packed.exists():
        text = gzip.decompress(packed.read_bytes()).decode()
    elif plain.exists():
        text = plain.read_text(encoding="utf-8")
    else:
        return None
    return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("CONFIG_") and "=" in line)


def controllers(available: set[str], *, version: int) -> Check:
    """Judge the cgroup controllers."""
    absent = [controller for controller in cgroups.CONTROLLERS if controller not in available]
    detail = f"version {version}, " + (f"missing: {', '.join(absent)}" if absent else ", ".join(cgroups.CONTROLLERS))
    return Check("cgroups", not absent, detail, "boot with cgroup_enable=memory, or mount the controllers")


def ipv6(setting: Path) -> Check:
    """Judge whether the machine speaks IPv6."""
    if not setting.exists():
        return Check("IPv6", ok=False, detail="the kernel has none", remedy="boot without ipv6.disable=1")
    off = setting.read_text(encoding="utf-8").strip() != "0"
    remedy = "sysctl -w net.ipv6.conf.all.disable_ipv6=0"
    return Check("IPv6", not off, "switched off" if off else "enabled", remedy if off else "")


def disk(label: str, folder: Path, free: int) -> Check:
    """Judge the space where the kit keeps things."""
    detail = f"{free / 1e9:.0f} GB free at {folder}"
    variable = f"GOVCLOUD_{label.upper()}"
    return Check(f"disk ({label})", free >= DISK, detail, f"free 12 GB there, or set {variable} to a folder elsewhere")


def upper_layer(folder: Path, filesystem: str) -> Check:
    """Judge whether the state folder's file system can hold the hosts' disks."""
    ok = filesystem not in NO_OVERLAY
    return Check(
        "disk type", ok, f"{folder} is on {filesystem}", "set GOVCLOUD_STATE to a folder on ext4, xfs or btrfs"
    )


def _existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists and may be looked at."""
    with suppress(PermissionError):
        if folder.exists():
            return folder
    return _existing(folder.parent)


def _filesystem(folder: Path) -> str:
    """Type of the file system that holds the folder."""
    best, found = Path("/"), "unknown"
    existing = _existing(folder).resolve()
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, point, kind, *_ = line.split(" ")
        if existing.is_relative_to(point) and Path(point).is_relative_to(best):
            best, found = Path(point), kind
    return found
