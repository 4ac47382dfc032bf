"""Arithmetic on quotas."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from conformance import quotas, workloads
from conformance.quotas import Room


def quota(name: str, hard: dict[str, str], used: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"hard": hard, **spec}, "status": {"hard": hard, "used": used}}


def test_the_tightest_quota_counts() -> None:
    """Of several quotas on one resource the one with the least left decides; a scoped one does not bind every pod."""
    listed = [
        quota("wide", {"requests.memory": "4Gi"}, {"requests.memory": "1Gi"}),
        quota("narrow", {"requests.memory": "1Gi"}, {"requests.memory": "512Mi"}),
        quota("scoped", {"requests.memory": "1Mi"}, {}, scopes=["BestEffort"]),
        quota("pods", {"pods": "3"}, {}),
    ]
    assert quotas.tightest(listed) == Room("narrow", "requests.memory", Decimal(512 << 20))


def test_how_much_is_in_use_is_said_of_what_is_nearest_to_its_end() -> None:
    """In per cent of the tightest quota, memory first; nothing can be in use of what there is none of."""
    listed = [
        quota("wide", {"requests.memory": "4Gi", "limits.cpu": "0"}, {"requests.memory": "1Gi"}),
        quota("narrow", {"requests.memory": "1Gi", "requests.cpu": "2"}, {"requests.memory": "512Mi"}),
    ]
    memory, processors = quotas.shares(listed)
    assert (memory.name, memory.resource, memory.percent) == ("narrow", "requests.memory", 50)
    assert (processors.resource, processors.percent) == ("requests.cpu", 0)
    assert memory.up_to(75) == Room("narrow", "requests.memory", Decimal(768 << 20))


def test_a_quota_without_compute_gives_no_room() -> None:
    """A quota that counts pods alone does not limit CPU or memory."""
    assert quotas.tightest([quota("pods", {"pods": "3"}, {})]) is None
    assert quotas.tightest([]) is None


@given(
    left=st.integers(min_value=-(1 << 30), max_value=1 << 40),
    most=st.one_of(st.none(), st.integers(min_value=1 << 30, max_value=1 << 40)),
)
def test_a_pod_beyond_the_room_is_beyond_it_and_within_the_container_limit(left: int, most: int | None) -> None:
    """Whatever is left: the containers together ask for more, and none for more than it may have."""
    sample = workloads.pod("p", "image", run="r", role="sample")
    room = Room("quota", "requests.memory", Decimal(left))
    found = quotas.beyond(sample, room, None if most is None else Decimal(most))
    amounts = [parse_quantity(c["resources"]["requests"]["memory"]) for c in found["spec"]["containers"]]
    assert sum(amounts) > left or len(amounts) == 100
    assert most is None or len(amounts) == 100 or all(amount <= most + (1 << 20) for amount in amounts)


@pytest.mark.parametrize(("resource", "limit"), [("limits.cpu", "2"), ("requests.memory", "1073741824"), ("cpu", "2")])
def test_the_limit_of_a_container_is_found(resource: str, limit: str) -> None:
    """A LimitRange's maximum for containers is read by kind of resource."""
    limits = [
        {"type": "Pod", "max": {"cpu": "1"}},
        {"type": "Container", "max": {"cpu": "2", "memory": "1Gi"}},
        {"type": "Container", "default": {"cpu": "100m"}},
    ]
    assert quotas.container_limit([{"spec": {"limits": limits}}], resource) == Decimal(limit)
