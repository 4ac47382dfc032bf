"""A tenant's log: read as it is declared, explained where it is not, and found in time on a real store."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from conformance import target
from conformance.declared import TenantBucket
from conformance.logs import Log, days_to_keep, events_of, is_about, moment, namespace_of, said
from conformance.object_store import Account, way
from core.errors import KitError
from tests import object_store
from tests.conformance.test_object_store_checks import target_of

EVENT: dict[str, Any] = {
    "kind": "Event",
    "verb": "create",
    "user": {"username": "an"},
    "sourceIPs": ["2001:db8::1"],
    "objectRef": {"resource": "pods", "namespace": "one", "name": "marked"},
    "responseStatus": {"code": 201},
    "requestReceivedTimestamp": "2026-11-23T00:35:44.862485Z",
}


def test_events_are_read_plain_and_gzipped() -> None:
    """Both give the same events, with what they say and when."""
    text = "".join(json.dumps(it) + "\n" for it in (EVENT, {"kind": "Event"})).encode()
    first, second = events_of("plain", text)
    assert [first, second] == list(events_of("packed", gzip.compress(text)))
    assert is_about(first, "marked")
    assert not is_about(second, "marked")
    assert (namespace_of(first), namespace_of(second)) == ("one", "")
    assert said(first) == {
        "when": "2026-11-23T00:35:44.862485Z",
        "who": "an",
        "from where": "2001:db8::1",
        "what": "create",
        "on what": "pods/one/marked",
        "result": "201",
    }
    assert not any(said(second).values())
    assert moment(first) == dt.datetime(2026, 11, 23, 0, 35, 44, 862485, dt.UTC)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "object key is not text"),
        (b"\x1f\x8bno", "object key is not text"),
        (b'{"kind": "Event"}\nnot json\n', "object key, line 2: not JSON"),
        (b'["Event"]\n', "object key, line 1: not an audit event"),
        (b'{"kind": "Pod"}\n', "object key, line 1: not an audit event"),
    ],
    ids=["octets", "half-gzip", "no-json", "list", "other-kind"],
)
def test_what_is_no_log_is_explained(content: bytes, reason: str) -> None:
    """The object and the line are named."""
    with pytest.raises(KitError, match=reason):
        list(events_of("key", content))


def test_an_event_without_a_time_is_explained() -> None:
    """It decides nothing about clocks."""
    with pytest.raises(KitError, match="no time"):
        moment({"kind": "Event"})


@pytest.mark.parametrize(
    ("kind", "level", "days"),
    [("CGC", 1, 0), ("CGC", 2, 30), ("AGC", 3, 90), ("AGC", 4, 180), ("CGC", 5, 365), ("EGC", 1, 365), ("EGC", 3, 365)],
)
def test_how_long_logs_are_kept(kind: str, level: int, days: int) -> None:
    """By level (TCVN 14423:2026), and twelve months for enterprises at any (Decree 333/2026)."""
    assert days_to_keep(kind, level) == days


@pytest.mark.toolchain
def test_an_event_is_found_when_it_comes(tmp_path: Path) -> None:
    """An event that is shipped later is found with its object; one that never comes is not waited for longer."""
    with object_store.running(tmp_path) as store:
        for name in ("tenant-a", "tenant-b"):
            store.account(name)
        declared = target.load(target_of(store, tmp_path)).object_store
        assert declared
        account = Account("tenant a", declared, declared.accounts.a, way(declared))
        account.must("create_bucket", Bucket="logs-a")
        log = Log(account, TenantBucket(bucket="logs-a", prefix="egc/"))
        with pytest.raises(KitError, match="log of tenant a in bucket logs-a is empty"):
            log.newest(1)
        since = account.now()
        account.put("logs-a", "egc/1.jsonl", b'{"kind": "Event"}\n')
        account.put("logs-a", "elsewhere/2.jsonl", b"not a log")
        looked = threading.Event()

        def ship() -> None:
            assert looked.wait(60)
            account.put("logs-a", "egc/3.jsonl", json.dumps(EVENT).encode())

        def wanted(event: dict[str, Any]) -> bool:
            looked.set()
            return is_about(event, "marked")

        shipping = threading.Thread(target=ship)
        shipping.start()
        found = log.await_event(wanted, since, 60)
        shipping.join()
        assert found
        assert found.entry.key == "egc/3.jsonl"
        assert found.seconds >= 0.5  # it was not there at the first look
        assert [entry.key for entry in log.newest(5)] == ["egc/1.jsonl", "egc/3.jsonl"]
        assert log.await_event(lambda event: is_about(event, "another"), since, 0.1) is None
