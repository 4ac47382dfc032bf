"""The alerter: each threshold that a quota crosses is told once, to whom it concerns, and again when it is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from playbooks.alerter import service, thresholds
from playbooks.alerter.service import Settings

BEGIN = datetime(2026, 11, 23, 8, tzinfo=UTC)
STEPS = (70, 80, 90)
TENANTS = {"alerts-a": ("one", "one-more"), "alerts-b": ("two",)}


def quota(namespace: str, used: str, hard: str = "100", resource: str = "requests.memory") -> dict[str, Any]:
    return {"metadata": {"namespace": namespace}, "status": {"hard": {resource: hard}, "used": {resource: used}}}


@pytest.mark.parametrize(
    "text", ["0", "10", "200m", "1.5", "2Gi", "512Mi", "3k", "7E", "1e3", "2E-1", "64Ki", "5n", "-1"]
)
def test_quantities_are_what_kubernetes_takes_them_for(text: str) -> None:
    """Every suffix and exponent; what is no quantity is no number."""
    assert thresholds.quantity(text) == parse_quantity(text)


def test_what_is_no_quantity_is_refused() -> None:
    """A word is not taken for a number."""
    with pytest.raises(ValueError, match="not a quantity: 'many'"):
        thresholds.quantity("many")


def test_the_tightest_quota_of_a_namespace_counts() -> None:
    """Quotas of strangers and those of nothing at all count for nothing."""
    listed = [
        quota("one", "1Gi", "2Gi"),
        quota("one", "768Mi", "1Gi"),
        quota("one", "0", "0", "services.nodeports"),
        quota("stranger", "99"),
        {"metadata": {"namespace": "two"}, "spec": {"hard": {"pods": "1"}}},
    ]
    assert thresholds.shares(listed, ["one", "two"]) == {("one", "requests.memory"): Decimal(75)}


@given(st.integers(0, 200), st.integers(1, 200))
def test_a_threshold_is_crossed_from_its_number_on(used: int, hard: int) -> None:
    """Exactly those at or below the share in use."""
    over = thresholds.crossed(thresholds.shares([quota("one", str(used), str(hard))], ["one"]), STEPS)
    assert {threshold for _, _, threshold in over} == {it for it in STEPS if used * 100 >= it * hard}


class World:
    """Quotas that change, and an alerter that looks at them, newly started each time."""

    def __init__(self, folder: Path, hold: float = 0) -> None:
        self.state = folder / "standing.json"
        self.settings = Settings("", "", "", TENANTS, STEPS, hold, 1)
        self.now = BEGIN
        self.refuses = False
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def put(self, bucket: str, name: str, content: bytes) -> None:
        if self.refuses:
            raise ConnectionError("the store does not answer")
        assert name == f"{self.now:%Y/%m/%d/%H%M%S.%f}.json"
        self.sent.append((bucket, json.loads(content)))

    def look(self, **used: int) -> list[tuple[str, str, str, str]]:
        """Look once, a second later; return bucket, status, namespace and threshold of what is told."""
        self.now += timedelta(seconds=1)
        self.sent.clear()
        quotas = [quota(namespace, str(share)) for namespace, share in used.items()]
        service.step(self.settings, self.state, quotas, self.put, self.now)
        return [
            (bucket, it["status"], it["labels"]["namespace"], it["labels"]["threshold"])
            for bucket, message in self.sent
            for it in message["alerts"]
        ]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_threshold_is_told_once_and_when_it_is_over(world: World) -> None:
    """Also by an alerter that was started anew in between; below all of them nothing is told."""
    assert world.look(one=69) == []
    assert not world.state.exists()
    assert world.look(one=85) == [("alerts-a", "firing", "one", "70"), ("alerts-a", "firing", "one", "80")]
    assert world.look(one=85) == []
    assert world.look(one=95) == [("alerts-a", "firing", "one", "90")]
    assert world.look(one=75) == [("alerts-a", "resolved", "one", "80"), ("alerts-a", "resolved", "one", "90")]
    assert world.look() == [("alerts-a", "resolved", "one", "70")]
    assert world.look(one=70) == [("alerts-a", "firing", "one", "70")]


def test_tenants_are_told_of_their_own(world: World) -> None:
    """Of each of their namespaces, and of nobody else's."""
    told = world.look(one=70, two=70, stranger=70)
    assert told == [("alerts-a", "firing", "one", "70"), ("alerts-b", "firing", "two", "70")]


def test_what_is_told_is_what_alertmanager_sends(world: World) -> None:
    """Its webhook's fields, with the time of the crossing, and an end when it is over."""
    world.look(one=92)
    ((_, message),) = world.sent
    assert (message["version"], message["status"], message["receiver"]) == ("4", "firing", "tenant")
    assert [it["labels"]["severity"] for it in message["alerts"]] == ["info", "warning", "critical"]
    first, crossed = message["alerts"][0], world.now
    assert first["labels"]["alertname"] == "QuotaInUse"
    assert first["labels"]["resource"] == "requests.memory"
    assert first["annotations"]["summary"] == "requests.memory of namespace one, 70% of its quota: 92% of it is in use"
    assert (first["startsAt"], first["endsAt"]) == (crossed.isoformat(), "0001-01-01T00:00:00Z")
    world.look(one=0)
    ((_, message),) = world.sent
    assert message["status"] == "resolved"
    assert message["alerts"][0]["startsAt"] == crossed.isoformat()
    assert message["alerts"][0]["endsAt"] == world.now.isoformat()


def test_what_did_not_arrive_is_told_again(world: World) -> None:
    """A store that is away loses no alert."""
    world.refuses = True
    with pytest.raises(ConnectionError):
        world.look(one=70)
    world.refuses = False
    assert world.look(one=70) == [("alerts-a", "firing", "one", "70")]


def test_a_threshold_may_have_to_be_crossed_for_a_while(tmp_path: Path) -> None:
    """Before that nothing is told, neither of its beginning nor of its end."""
    world = World(tmp_path, hold=2)
    assert [world.look(one=70), world.look(one=70), world.look(one=0)] == [[], [], []]
    assert [world.look(one=70), world.look(one=70)] == [[], []]
    assert world.look(one=70) == [("alerts-a", "firing", "one", "70")]


def test_settings_are_read(tmp_path: Path) -> None:
    """What the role writes is what the alerter reads."""
    made = Settings("https://s", "/a.pem", "r", {"alerts-a": ["one"]}, [70, 80, 90], 0, 2)  # type: ignore[dict-item, arg-type]
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(made.__dict__))
    assert Settings.read(file) == made
