"""Why an object is not ready, from what belongs to it."""

from __future__ import annotations

from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import reasons


def event(message: str, kind: str = "Warning", **when: Any) -> dict[str, Any]:
    return {"type": kind, "message": message, "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, **when}


def test_last_warning_is_told() -> None:
    """Of all events the last warning counts, wherever it has its time."""
    events = [
        event("first", lastTimestamp="2026-01-01T00:00:01Z"),
        event("last", series={"lastObservedTime": "2026-01-01T00:00:09Z"}),
        event("between", eventTime="2026-01-01T00:00:05Z", lastTimestamp=None),
        event("usual", "Normal", lastTimestamp="2026-01-01T00:01:00Z"),
    ]
    assert reasons.last_event(events, warnings_only=True) == "last"
    assert reasons.last_event(events[3:], warnings_only=True) == ""
    assert reasons.last_event(events[3:], warnings_only=False) == "usual"
    assert reasons.last_event([], warnings_only=False) == ""


def test_services_of_an_ingress_are_found() -> None:
    """The default backend and every path count; a backend that is no service does not."""

    def to(name: str) -> dict[str, Any]:
        return {"service": {"name": name, "port": {"number": 80}}}

    paths = [{"backend": to("a")}, {"backend": {"resource": {"kind": "Bucket", "name": "b"}}}]
    spec = {"defaultBackend": to("d"), "rules": [{"http": {"paths": paths}}, {"host": "only.example.org"}]}
    assert reasons.backends({"spec": spec}) == {"a", "d"}
    assert reasons.backends({}) == set()


@pytest.mark.parametrize(
    ("obj", "labels"),
    [
        ({"kind": "Deployment", "spec": {"selector": {"matchLabels": {"a": "b"}}}}, {"a": "b"}),
        ({"kind": "Service", "apiVersion": "v1", "spec": {"selector": {"a": "b"}}}, {"a": "b"}),
        ({"kind": "Service", "apiVersion": "v1", "spec": {}}, {}),
        ({"kind": "Deployment", "spec": {"selector": {"matchExpressions": [{}]}}}, {}),
        ({"kind": "Pod", "spec": {}}, {}),
    ],
)
def test_labels_of_the_pods_are_found(obj: dict[str, Any], labels: dict[str, str]) -> None:
    """A workload and a Service say in their own ways which pods are theirs."""
    assert reasons.pod_labels(obj) == labels
