"""Waiting for one object, against a server that gives its states in order."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.toolchain.plugins.test_client import Answer, Scripted, refusal, server
from toolchain.plugins.kubernetes_provider import client as http
from toolchain.plugins.kubernetes_provider import waiting
from toolchain.plugins.kubernetes_provider.client import Client
from toolchain.plugins.kubernetes_provider.discovery import Location
from toolchain.plugins.kubernetes_provider.kubeconfig import Connection
from toolchain.plugins.kubernetes_provider.waiting import NotReadyError, Waiter

__all__ = ["server"]
WHERE = Location("/api/v1", "namespaces", namespaced=False)
GONE = refusal(404, "NotFound")


def namespace(phase: str, uid: str = "1", **meta: Any) -> dict[str, Any]:
    status = {"phase": phase}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "uid": uid, **meta}, "status": status}


def waiter(address: str, *answers: Answer, cancelled: bool = False) -> Waiter:
    Scripted.answers[:] = answers
    over = threading.Event()
    if cancelled:
        over.set()
    return Waiter(Client(Connection(address), threading.Event()), over)


def test_object_is_looked_at_until_it_is_ready_and_what_lacks_is_told(server: str) -> None:
    """Each thing that lacks is told once, and an empty text takes it away when nothing lacks any more."""
    told: list[str] = []
    states = [(200, {}, namespace(phase)) for phase in ("Terminating", "Terminating", "Active")]
    ready = waiter(server, *states).until_ready(namespace("Pending"), WHERE, 60, told.append)
    assert ready["status"]["phase"] == "Active"
    assert told == ["its phase is Pending, not Active", "its phase is Terminating, not Active", ""]


def test_time_that_is_over_is_told_with_what_lacks(server: str) -> None:
    """The last state comes with the error, for the state of the stack."""
    with pytest.raises(NotReadyError, match="not ready after 0 s: its phase is Pending, not Active") as caught:
        waiter(server, (200, {}, namespace("Pending"))).until_ready(namespace("Pending"), WHERE, 0, lambda _: None)
    assert caught.value.obj == namespace("Pending")


@pytest.mark.parametrize("answer", [(0, {}, {}), GONE], ids=["away", "deleted"])
def test_object_out_of_sight_is_not_ready(server: str, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that goes away, or an object that does, ends the wait with the last state: nothing is lost."""
    monkeypatch.setattr(http, "FIRST_CONTACT", 0.2)
    with pytest.raises(NotReadyError, match="lost sight of it") as caught:
        waiter(server, answer).until_ready(namespace("Pending"), WHERE, 60, lambda _: None)
    assert caught.value.obj == namespace("Pending")


def test_cancelled_wait_keeps_the_object(server: str) -> None:
    """An interrupt ends the wait at once, with the last state."""
    with pytest.raises(NotReadyError, match="cancelled while waiting: its phase is Pending") as caught:
        waiter(server, GONE, cancelled=True).until_ready(namespace("Pending"), WHERE, 60, lambda _: None)
    assert caught.value.obj == namespace("Pending")


def test_service_whose_pods_may_not_be_seen_is_not_waited_for(server: str) -> None:
    """Who has no right to look at the endpoints of a Service cannot wait for them; a fault is no such reason."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"}}
    service["spec"] = {"selector": {"app": "s"}}
    assert waiter(server, refusal(403, "Forbidden")).judge(service).ready
    with pytest.raises(http.ApiError):
        waiter(server, refusal(404, "NotFound")).judge(service)
    assert not waiter(server, (200, {}, {"items": []})).judge(service).ready


@pytest.mark.parametrize("last", [GONE, (200, {}, namespace("Active", uid="2"))], ids=["nothing", "another"])
def test_object_is_gone_when_nothing_or_another_one_is_in_its_place(server: str, last: Answer) -> None:
    """The deletion of an object ends when its own uid is not there any more."""
    old = (200, {}, namespace("Terminating"))
    waiter(server, old, old, last).until_gone("/api/v1/namespaces/n", "1", 60, lambda _: None)


def test_deletion_that_takes_too_long_names_what_holds_it(server: str) -> None:
    """What remains in a namespace, or else the finalizers of an object, is told."""
    held = namespace("Terminating", finalizers=["example.org/held"])
    with pytest.raises(NotReadyError, match=r"not gone after 0 s: finalizers example\.org/held"):
        waiter(server, (200, {}, held)).until_gone("/x", "1", 0, lambda _: None)
    remains = {"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: pods."}
    held["status"]["conditions"] = [remains]
    with pytest.raises(NotReadyError, match="not gone after 0 s: Some resources are remaining: pods"):
        waiter(server, (200, {}, held)).until_gone("/x", "1", 0, lambda _: None)


@pytest.mark.parametrize(
    ("requested", "annotation", "seconds"),
    [(5.0, "7", 5.0), (0.0, "7", 7.0), (0.0, "soon", 600.0), (0.0, None, 600.0), (0.0, "nan", 600.0)],
)
def test_time_to_wait_is_the_options_then_the_annotations(
    requested: float, annotation: str | None, seconds: float
) -> None:
    """The resource option ``custom_timeouts`` goes first, then ``pulumi.com/timeoutSeconds``, then ten minutes."""
    marks = {} if annotation is None else {"pulumi.com/timeoutSeconds": annotation}
    assert waiting.seconds({"metadata": {"annotations": marks}}, requested) == seconds
