"""What a container shows of itself, under control groups of both versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from conformance import inside
from conformance.api import Api, Done
from conformance.inside import Processor
from conformance.probes import Tenant
from core.errors import KitError

SHOWN = 'content of file "{}": {}'


class Pod(Api):
    """A pod with some files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def execute(self, namespace: str, pod: str, command: Sequence[str], *, seconds: float) -> Done:
        assert (namespace, pod) == ("two", "load")
        assert seconds > 0
        path = command[-1].partition("=")[2]
        return Done(0, SHOWN.format(path, self.files[path])) if path in self.files else Done(1, "no such file")


def tenant(files: Mapping[str, str]) -> Tenant:
    return Tenant("b", Pod(files), ("two",))


@pytest.mark.parametrize(
    "files",
    [
        {"/sys/fs/cgroup/cpu.stat": "usage_usec 2500000\nuser_usec 9\nnr_periods 40\nnr_throttled 7\n"},
        {
            "/sys/fs/cgroup/cpuacct/cpuacct.usage": "2500000000\n",
            "/sys/fs/cgroup/cpu/cpu.stat": "nr_periods 40\nnr_throttled 7\nthrottled_time 5\n",
        },
    ],
    ids=["v2", "v1"],
)
def test_what_a_container_took_is_read(files: Mapping[str, str]) -> None:
    """Seconds of processor, and how often it was stopped for its limit."""
    found = inside.processor(tenant(files), "load")
    assert (found.seconds, found.held_back) == (2.5, 7)


def test_a_container_that_shows_nothing_is_an_error() -> None:
    """Nothing read is not nothing taken."""
    with pytest.raises(KitError, match="pod load does not show what it takes"):
        inside.processor(tenant({}), "load")
    with pytest.raises(KitError, match="does not show the state of its processes"):
        inside.process_status(tenant({}), "load")


def test_processors_kept_busy_are_worked_out_of_two_readings() -> None:
    """Seconds of processor by seconds of the clock."""
    assert Processor(14.0, 9.0, 0).cores_since(Processor(10.0, 1.0, 0)) == 2.0
