"""The checks of alerts: right ones pass, and wrong, late, missing and misdirected ones do not."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from email.utils import format_datetime
from typing import Any

import pytest

from conformance.alerts import Channel, alerts_of
from conformance.api import Answer, Api
from conformance.checks import test_alerts as checks
from conformance.declared import Alerts, TenantBucket, TenantBuckets
from conformance.object_store import Account, Reply
from conformance.plugin import EvidenceBook
from conformance.probes import Tenant
from conformance.workloads import pod
from core.errors import KitError

Change = Callable[[dict[str, Any]], None]
HARD = {"requests.memory": "1000Mi", "limits.memory": "1000Mi", "pods": "10"}
ALERTS = Alerts(
    buckets=TenantBuckets(a=TenantBucket(bucket="alerts-a", prefix="eu/"), b=TenantBucket(bucket="alerts-b")),
    thresholds=(70, 80, 90),
    within_seconds=0.3,
)


def alert(namespace: str, starts: dt.datetime, **labels: str) -> dict[str, Any]:
    named = {"alertname": "Q", "namespace": namespace, "resource": "requests.memory", "threshold": "70", **labels}
    return {"status": "firing", "labels": named, "annotations": {}, "startsAt": starts.isoformat()}


class Cloud(Api, Account):
    """An API server with a quota for each tenant, and a store where its alerts arrive, both as they are told to be."""

    def __init__(self, used: str = "100Mi") -> None:
        self.used = {"one": used, "two": used}
        self.hard: Mapping[str, str] = HARD
        self.name = "a tenant"
        self.pods: dict[str, Any] = {}
        self.objects: dict[str, dict[str, bytes]] = {"alerts-a": {}, "alerts-b": {}}
        self.change: Change = lambda _alert: None
        self.silent = False
        self.counts = True
        self.also: str = ""
        self.open_to_strangers = False

    def must(self, asked: str, /, path: str = "", *_: Any, **more: Any) -> Any:
        if asked == "get_object":
            return Reply(asked, 200, data={"Body": self.objects[more["Bucket"]][more["Key"]]})
        namespace, kind = path.split("/")[-2:]
        quota = {
            "metadata": {"name": "limits"},
            "spec": {},
            "status": {"hard": self.hard, "used": {"requests.memory": self.used[namespace]}},
        }
        return {"items": [quota] if kind == "resourcequotas" else []}

    def request(self, asked: str, /, path: str = "", manifest: Any = None, **_: Any) -> Any:
        if asked in {"list_objects_v2", "get_object"}:  # whoever asks so is the other tenant
            return Reply(asked, 200) if self.open_to_strangers else Reply(asked, 403, "AccessDenied")
        namespace = path.split("/")[-2]
        self.pods[manifest["metadata"]["name"]] = manifest
        if self.counts:
            self.used[namespace] = manifest["spec"]["containers"][0]["resources"]["requests"]["memory"]
        if not self.silent:
            self.tell(namespace)
        return Answer(f"{asked} {path}", 201, headers={"Date": format_datetime(self.now())})

    def tell(self, namespace: str) -> None:
        made = alert(namespace, self.now())
        self.change(made)
        content = json.dumps({"version": "4", "alerts": [made]}).encode()
        own = {"one": "alerts-a", "two": "alerts-b"}[namespace]
        for bucket in {own, self.also or own}:
            self.objects[bucket][f"{'eu/' * (bucket == 'alerts-a')}{namespace}.json"] = content

    def remove(self, path: str) -> None:
        del self.pods[path.rpartition("/")[2]]
        self.used = dict.fromkeys(self.used, "100Mi")

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def pages(self, _operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        keys = [key for key in self.objects[parameters["Bucket"]] if key.startswith(parameters["Prefix"])]
        yield {"Contents": [{"Key": key, "LastModified": self.now()} for key in keys]}


def judge(cloud: Cloud) -> tuple[EvidenceBook, Callable[[], None]]:
    """Make the first check, and return its evidence and the second one."""
    evidence, done = EvidenceBook(), dict[str, checks.Crossing]()
    tenants = [Tenant("a", cloud, ("one",)), Tenant("b", cloud, ("two",))]
    channels = {"a": Channel(cloud, ALERTS.buckets.a), "b": Channel(cloud, ALERTS.buckets.b)}

    def cross(tenant: Tenant) -> checks.Crossing:
        if tenant.name not in done:
            sample = pod("much", "image", run="run", role="much")
            done[tenant.name] = checks.take_much(tenant, channels[tenant.name], ALERTS, sample)
        return done[tenant.name]

    def second() -> None:
        checks.test_alerts_stay_with_their_tenant(cross, channels, tenants[0], tenants[1], ALERTS, evidence)

    try:
        checks.test_crossing_a_threshold_is_told_in_time(cross, tenants[0], ALERTS, evidence)
    finally:
        assert cloud.pods == {}
    return evidence, second


def test_right_alerts_pass() -> None:
    """The measured time is in the evidence, and what was taken is given back."""
    cloud = Cloud()
    evidence, second = judge(cloud)
    second()
    said = [entry.saw for entry in evidence.entries]
    assert said[0] == "70%, 80%, 90%"
    assert said[1].startswith("10% in use before, 70% after, granted at")
    assert "there 0.0 s after the crossing, in eu/one.json: firing since" in said[2]
    assert cloud.pods == {}


def _long_ago(it: dict[str, Any]) -> None:
    it["startsAt"] = "2026-01-01T00:00:00Z"


def _label(name: str, value: str) -> Change:
    return lambda it: it["labels"].update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        _long_ago,
        lambda it: it.update(status="resolved"),
        _label("namespace", "elsewhere"),
        _label("resource", "requests.cpu"),
        _label("threshold", "80"),
        lambda it: it["labels"].pop("threshold"),
    ],
    ids=["old", "resolved", "elsewhere", "other-resource", "other-threshold", "no-threshold"],
)
def test_a_wrong_alert_is_none(change: Change) -> None:
    """One that fired before, is over, or is about something else."""
    cloud = Cloud()
    cloud.change = change
    with pytest.raises(AssertionError, match=r"no new alert that requests.memory is at 70% came within 0.3 s"):
        judge(cloud)


def test_where_nothing_is_told_nothing_can_go_astray() -> None:
    """Silence fails the first check, and the second decides nothing by it."""
    cloud = Cloud()
    _, second = judge(cloud)
    cloud.silent = True
    with pytest.raises(KitError, match="tenant b was told nothing"):
        second()
    with pytest.raises(AssertionError, match="no new alert"):
        judge(cloud)


def test_an_alert_that_can_be_read_too_late_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts when it could be read, not when it says that it began."""
    clock = iter(range(1000))
    monkeypatch.setattr("conformance.alerts.time.monotonic", lambda: float(next(clock)))
    with pytest.raises(AssertionError, match="no new alert"):
        judge(Cloud())


@pytest.mark.parametrize(
    ("also", "said"), [("alerts-b", "tenant b is told of one"), ("alerts-a", "tenant a is told of two")]
)
def test_an_alert_that_goes_astray_is_found(also: str, said: str) -> None:
    """In either direction."""
    cloud = Cloud()
    cloud.also = also
    _, second = judge(cloud)
    with pytest.raises(AssertionError, match=said):
        second()


def test_a_channel_that_is_open_is_found() -> None:
    """A stranger who may list or read it is named."""
    cloud = Cloud()
    _, second = judge(cloud)
    cloud.open_to_strangers = True
    with pytest.raises(AssertionError, match="list_objects_v2: 200; get_object: 200"):
        second()


@pytest.mark.parametrize(
    ("hard", "used", "said"),
    [
        ({"pods": "10"}, "0", "no quota of memory or processors"),
        (HARD, "400Mi", "no room for 70% of a quota beside what is in use: requests.memory 40%"),
    ],
    ids=["no-quota", "no-room"],
)
def test_a_quota_that_cannot_be_crossed_decides_nothing(hard: Mapping[str, str], used: str, said: str) -> None:
    """Neither a pass nor a fail."""
    cloud = Cloud(used)
    cloud.hard = {name: value for name, value in hard.items() if name != "limits.memory"}
    with pytest.raises(KitError, match=said):
        judge(cloud)


def test_a_quota_that_does_not_count_decides_nothing() -> None:
    """What is not counted cannot be told."""
    cloud = Cloud()
    cloud.counts = False
    with pytest.raises(KitError, match="does not count the pod"):
        judge(cloud)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "is not JSON"),
        (b"[]", "no list of alerts"),
        (b'{"alerts": {}}', "no list of alerts"),
        (b'{"alerts": [{"status": "firing", "startsAt": "2026-01-01T00:00:00Z"}]}', "alert 1: .*labels"),
        (b'{"alerts": [{"status": "firing", "labels": {}, "startsAt": "now"}]}', "alert 1: .*now"),
        (b'{"alerts": [{"status": "firing", "labels": {}, "startsAt": "2026-01-01T00:00:00"}]}', "no time zone"),
        (b'{"alerts": [1]}', "alert 1"),
    ],
)
def test_what_is_no_alert_is_explained(content: bytes, said: str) -> None:
    """The object and the place in it are named."""
    with pytest.raises(KitError, match=f"object key.*{said}"):
        list(alerts_of("key", content))


def test_an_alert_about_something_else_is_read() -> None:
    """A cloud sends other alerts as well; only what every one has is asked for."""
    (found,) = alerts_of(
        "key", b'{"alerts": [{"status": "firing", "labels": {}, "startsAt": "2026-11-23T08:00:00.5Z"}]}'
    )
    assert (found.namespace, found.resource, found.threshold) == ("", "", "")
