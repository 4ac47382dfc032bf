"""When a cluster is taken as healthy, and when as unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from govcloud.settled import fingerprint, is_settled, ready
from testbed.topology import TOPOLOGIES, load

READY = [{"type": "Ready", "status": "True"}]
FOUR, SIX = ({"type": "InternalIP", "address": address} for address in ("10.1.0.1", "fd00::1"))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"kind": "Node", "status": {"conditions": READY, "addresses": [FOUR, SIX]}}, True),
        ({"kind": "Node", "status": {"conditions": READY, "addresses": [FOUR]}}, False),
        ({"kind": "Node", "status": {"conditions": READY, "addresses": [SIX]}}, False),
        ({"kind": "Node", "status": {"addresses": [FOUR, SIX]}}, False),
        ({"kind": "Pod", "status": {"conditions": READY}}, True),
        ({"kind": "Pod", "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, False),
        ({"kind": "Pod", "status": {}}, False),
    ],
)
def test_ready_means_ready_and_dual_stack(item: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    """A node counts when it is Ready with an address of each family, a pod when it is Ready."""
    assert ready(item) is expected


def test_what_decides_the_hosts_decides_the_fingerprint() -> None:
    """Another topology or other media give another fingerprint; the same ones give the same."""
    one, other = (load(TOPOLOGIES / name) for name in ("default.yaml", "three-clusters.yaml"))
    found = {fingerprint(topology, Path(media)) for topology in (one, other) for media in ("/m/a", "/m/b", "/n/a")}
    assert len(found) == 4


def test_nothing_on_record_is_not_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a record, or with a damaged one, the playbooks run."""
    monkeypatch.setenv("GOVCLOUD_STATE", str(tmp_path))
    assert not is_settled(load(), tmp_path)
    record = tmp_path / "testbeds" / "demo" / "settled.json"
    record.parent.mkdir(parents=True)
    record.write_text("{damaged")
    assert not is_settled(load(), tmp_path)
