"""What a running container shows of itself: files of the kernel, read from inside."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from conformance.probes import Tenant
from core.errors import KitError

FILTERED = "2"
"""Mode of seccomp in which a filter judges every system call (proc(5))."""
_READ_SECONDS = 10.0
_CGROUP = "/sys/fs/cgroup"


def _read(tenant: Tenant, pod: str, path: str) -> str:
    """Return a file as a program in the pod sees it, empty where there is none."""
    done = tenant.api.execute(
        tenant.namespace, pod, ["/agnhost", "mounttest", f"--file_content={path}"], seconds=_READ_SECONDS
    )
    return done.output if done.code == 0 else ""


def process_status(tenant: Tenant, pod: str) -> dict[str, str]:
    """Read what the kernel says of a process that runs in a tenant's pod (proc(5), /proc/self/status)."""
    output = _read(tenant, pod, "/proc/self/status")
    lines = [line.partition(":") for line in output.splitlines()]
    status = {name: value.strip() for name, _, value in lines if value}
    if not {"CapBnd", "Seccomp"} <= status.keys():
        raise KitError(f"pod {pod} does not show the state of its processes: {output[:200]}")
    return status


def filters(status: Mapping[str, str]) -> tuple[str, int]:
    """Return the mode of seccomp and the number of filters; the node itself may stand under some already."""
    mode = status["Seccomp"]
    return mode, int(status.get("Seccomp_filters", "1" if mode == FILTERED else "0"))


@dataclass(frozen=True)
class Processor:
    """What a container has taken of the processors by a point in time."""

    at: float
    """Seconds on the monotonic clock."""
    seconds: float
    """Seconds of processor since it was started."""
    held_back: int
    """How often it was stopped because it had used up its limit."""

    def cores_since(self, before: Processor) -> float:
        """Return how many processors it kept busy since then, on average."""
        return (self.seconds - before.seconds) / (self.at - before.at)


def processor(tenant: Tenant, pod: str) -> Processor:
    """Read what the container of a pod has taken, from its control group of either version."""
    statistics, at = _read(tenant, pod, f"{_CGROUP}/cpu.stat"), time.monotonic()
    if used := _number("usage_usec", statistics):
        return Processor(at, used / 1e6, _number("nr_throttled", statistics) or 0)
    taken, at = _read(tenant, pod, f"{_CGROUP}/cpuacct/cpuacct.usage"), time.monotonic()
    numbers = re.findall(r"(?m)(?:^|\s)(\d+)\s*$", taken)
    if not numbers:
        raise KitError(f"pod {pod} does not show what it takes of the processors")
    statistics = _read(tenant, pod, f"{_CGROUP}/cpu/cpu.stat")
    return Processor(at, int(numbers[0]) / 1e9, _number("nr_throttled", statistics) or 0)


def _number(name: str, text: str) -> int | None:
    found = re.search(rf"\b{name} (\d+)", text)
    return int(found[1]) if found else None
