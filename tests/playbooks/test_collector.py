"""The log collector: whose an event is, and that every line arrives once whatever happens on the way."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbooks.collector import auditlog, service
from playbooks.collector.service import Settings

TENANTS = {"logs-a": ("ns-a", "ns-a2"), "logs-b": ("ns-b",)}
BEGIN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event(namespace: str = "", user: str = "kubernetes-admin", **more: Any) -> bytes:
    """Return a line of the log."""
    place = {"objectRef": {"resource": "pods", "namespace": namespace}} if namespace else {}
    return json.dumps({"kind": "Event", "user": {"username": user}, **place, **more}).encode() + b"\n"


OF_A = "system:serviceaccount:ns-a:auditor"


@pytest.mark.parametrize(
    ("line", "buckets"),
    [
        (event("ns-a"), {"logs-a"}),
        (event("ns-a2"), {"logs-a"}),
        (event("ns-b", OF_A), {"logs-b"}),
        (event("kube-system"), set()),
        (event("", OF_A), {"logs-a"}),
        (event("", "system:serviceaccount:ns-alike:auditor"), set()),
        (event("", "kubernetes-admin"), set()),
        (b'{"user": "text", "objectRef": []}\n', set()),
        (b"not JSON\n", set()),
        (b"\xff[]\n", set()),
    ],
    ids=["own", "second", "intruder", "system", "clusterwide", "alike", "admin", "odd", "text", "octets"],
)
def test_an_event_goes_to_the_platform_and_to_whose_it_is(line: bytes, buckets: set[str]) -> None:
    """By the namespace where it happened, else by the account that acted; what cannot be read is the platform's."""
    assert set(auditlog.by_bucket(line, TENANTS, "platform")) == {"platform", *buckets}


def test_lines_keep_their_order_and_their_octets() -> None:
    """What is shipped is what was written, line by line."""
    first, second, third = event("ns-a", n=1), event("ns-b", n=2), event("ns-a", n=3)
    found = auditlog.by_bucket(first + second + third, TENANTS, "platform")
    assert found == {"platform": first + second + third, "logs-a": first + third, "logs-b": second}


class World:
    """A log that grows and rotates, a collector that may be killed, and a store that may refuse."""

    def __init__(self, folder: Path) -> None:
        self.log, self.state = folder / "log", folder / "state.json"
        self.log.mkdir()
        self.current = self.log / auditlog.CURRENT
        self.written = b""
        self.objects: dict[tuple[str, str], tuple[bytes, datetime]] = {}
        self.refusing = -1
        self.clock = self.moments()
        self.settings = Settings(self.log, "", "", "", "platform", TENANTS, days=366, seconds=1)
        self.rotations = 0

    def moments(self) -> Iterator[datetime]:
        """Give a time that moves on."""
        for seconds in range(10**6):
            yield BEGIN + timedelta(seconds=seconds)

    def append(self, content: bytes) -> None:
        """Write to the log as the API server does."""
        with self.current.open("ab") as file:
            file.write(content)
        self.written += content

    def rotate(self) -> None:
        """Rename the log and begin anew."""
        if self.current.exists():
            self.rotations += 1
            self.current.rename(self.log / f"audit-2026-11-22T12-00-00.{self.rotations:03}.log")

    def put(self, bucket: str, name: str, content: bytes, until: datetime) -> None:
        """Store an object, or be killed before it arrives."""
        if self.refusing == 0:
            self.refusing = -1
            raise ConnectionError("the store does not answer")
        self.refusing -= 1
        self.objects[bucket, name] = (content, until)

    def step(self) -> bool:
        """Let the collector, newly started, make one step; what happens to it is the next one's affair."""
        try:
            return service.step(self.settings, self.state, self.put, lambda: next(self.clock))
        except ConnectionError:
            return True

    def drain(self) -> None:
        """Let it ship all that there is."""
        assert any(not self.step() for _ in range(1000)), "the same is shipped over and over"

    def shipped(self, bucket: str = "platform") -> bytes:
        """Return the lines of a bucket in the order of its objects' names."""
        return b"".join(self.objects[key][0] for key in sorted(self.objects) if key[0] == bucket)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_line_is_shipped_when_it_is_whole(world: World) -> None:
    """Half a line waits for its other half."""
    line = event("ns-a")
    world.append(line + line[:10])
    world.drain()
    assert world.shipped() == line
    world.append(line[10:])
    world.drain()
    assert world.shipped() == world.shipped("logs-a") == line + line


def test_objects_are_locked_for_as_long_as_logs_must_be_kept(world: World) -> None:
    """Each object has its own date, counted from when it was taken."""
    world.append(event("ns-a"))
    world.drain()
    assert {until for _, until in world.objects.values()} == {BEGIN + timedelta(days=366)}
    assert {name for _, name in world.objects} == {"2026/11/22/120000.000000.jsonl"}


def test_what_was_written_before_a_rotation_is_not_lost(world: World) -> None:
    """The rest of the renamed file comes first, then the new one, also over several rotations at once."""
    world.append(event(n=1))
    world.drain()
    world.append(event(n=2))
    world.rotate()
    world.append(event(n=3))
    world.rotate()
    world.append(event(n=4))
    world.drain()
    assert world.shipped() == world.written


def test_when_the_file_is_gone_the_oldest_that_is_left_begins(world: World) -> None:
    """A collector that was off for longer than the log keeps ships what there still is, once."""
    world.append(event(n=1))
    world.drain()
    kept = world.shipped()
    world.rotate()
    lost = next(world.log.glob(auditlog.ROTATED))
    world.append(event(n=2))
    world.rotate()
    world.append(event(n=3))
    lost.unlink()
    world.drain()
    assert world.shipped() == kept + event(n=2) + event(n=3)


def test_a_killed_collector_ships_the_same_under_the_same_names(world: World) -> None:
    """Of two objects one arrived: the next start ships both again, and neither more nor under other names."""
    world.append(event("ns-a"))
    world.refusing = 1
    world.step()
    assert len(world.objects) == 1
    world.append(event("ns-b"))
    world.drain()
    assert world.shipped() == world.written
    assert len({name for _, name in world.objects}) == 2


def test_no_state_of_a_part_is_kept_before_the_part_is_known(world: World) -> None:
    """An empty log leaves no state, and a second look at the same log ships nothing."""
    world.drain()
    assert not world.state.exists()
    world.append(event())
    world.drain()
    objects = dict(world.objects)
    world.drain()
    assert world.objects == objects


ACTIONS = st.lists(st.one_of(st.integers(1, 60), st.sampled_from(["rotate", "step", "kill first", "kill second"])))


@given(ACTIONS, st.integers(20, 200))
def test_every_line_arrives_once_and_in_order(actions: list[int | str], most: int) -> None:
    """Whatever the order of writing, rotating, shipping and being killed."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditlog.lines_from, "__defaults__", (most,))
        world = World(Path(folder))
        for number, action in enumerate(actions):
            if isinstance(action, int):
                world.append(event(("ns-a", "ns-b", "")[action % 3], n=number, text="x" * action))
            elif action == "rotate":
                world.rotate()
            else:
                world.refusing = {"step": -1, "kill first": 0, "kill second": 1}[action]
                world.step()
        world.refusing = -1
        world.drain()
        assert world.shipped() == world.written
        lines = world.written.splitlines(keepends=True)
        for bucket, (namespace, *_) in TENANTS.items():
            assert world.shipped(bucket) == b"".join(line for line in lines if namespace.encode() in line)


def test_settings_and_progress_read_back(tmp_path: Path) -> None:
    """What the role writes is what the collector reads; progress survives a restart."""
    made = Settings(tmp_path, "https://s", "/a.pem", "r", "platform", {"logs-a": ["ns-a"]}, 366, 3)  # type: ignore[dict-item]
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(made.__dict__ | {"log": str(tmp_path)}))
    assert Settings.read(file) == made
    progress = service.Progress(auditlog.Span(1, 2, 3), "2026-11-22T12:00:00+00:00", arrived=False)
    progress.keep(tmp_path / "progress.json")
    assert service.Progress.read(tmp_path / "progress.json") == progress
    assert service.Progress.read(tmp_path / "progress.json") != replace(progress, arrived=True)
