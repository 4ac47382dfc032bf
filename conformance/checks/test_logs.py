"""What a tenant does is in its own log, in time and whole, in no other one, and stays there."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.api import DRY_RUN
from conformance.declared import Logs, declared
from conformance.logs import Entry, Found, Log, days_to_keep, is_about, moment, namespace_of, said
from conformance.object_store import CLOCKS, PREFIX, Account, date_of
from conformance.plugin import EvidenceBook, requirement
from conformance.probes import Tenant
from conformance.target import Target
from conformance.workloads import pod
from core.errors import KitError


@dataclass(frozen=True)
class Marked:
    """An action of tenant a with a name that nothing else has."""

    name: str
    at: dt.datetime
    """When the API server answered, by its own clock."""
    found: Found | None
    """Its event in the tenant's log."""

    @property
    def entry(self) -> Entry | None:
        """The object that its event stands in."""
        return self.found.entry if self.found else None


@pytest.fixture(scope="session")
def log_a(logs: Logs, account_a: Account) -> Log:
    """Return the log of tenant a."""
    return Log(account_a, logs.buckets.a)


@pytest.fixture(scope="session")
def log_b(logs: Logs, account_b: Account) -> Log:
    """Return the log of tenant b."""
    return Log(account_b, logs.buckets.b)


@pytest.fixture(scope="session")
def act(tenant_a: Tenant, log_a: Log, logs: Logs, audit_target: Target, run_id: str) -> Callable[[], Marked]:
    """Act once with a name of its own, as a dry run, and look for it in the tenant's log."""
    done: list[Marked] = []

    def once() -> Marked:
        if not done:
            name = f"govcloud-audit-mark-{secrets.token_hex(6)}"
            manifest = pod(name, audit_target.probe_image, run=run_id, role="sample")
            before = log_a.account.now()
            answer = tenant_a.api.request("POST", tenant_a.path("pods"), manifest, query=DRY_RUN)
            if not answer.ok:
                raise KitError(f"an action that has to be granted was not, so the log cannot be tried: {answer}")
            at = date_of(answer.headers)
            found = log_a.await_event(lambda event: is_about(event, name), before, logs.within_seconds)
            done.append(Marked(name, at, found))
        return done[0]

    return once


def just_written(marked: Marked, log: Log) -> Entry:
    """Return the object of the log that tells of the marked action: older ones say nothing of what is done now."""
    if marked.entry is None:
        raise KitError(f"what was just done is not in the log of {log.account.name}, so nothing new can be looked at")
    return marked.entry


@requirement("GVC-LOG-01", "GVC-LOG-05")
def test_action_is_logged(act: Callable[[], Marked], tenant_a: Tenant, logs: Logs, evidence: EvidenceBook) -> None:
    """A marked action is in the tenant's own log in time, and says who did what from where, when, and how it ended."""
    marked = act()
    evidence.add(f"POST pod {marked.name} as {tenant_a.user}, as a dry run", f"answered at {marked.at:%H:%M:%S} UTC")
    found = marked.found
    evidence.add(
        f"read {logs.buckets.a.bucket} as tenant a for at most {logs.within_seconds:g} s",
        f"there after {found.seconds:.1f} s, in {found.entry.key}" if found else "not there",
    )
    assert found, f"the action was not in the log within {logs.within_seconds:g} s"
    fields = said(found.event)
    evidence.add("read the event", fields)
    missing = [name for name, value in fields.items() if not value]
    assert not missing, f"the event does not say {', '.join(missing)}"
    wanted = {"who": tenant_a.user, "what": "create", "on what": f"pods/{tenant_a.namespace}/{marked.name}"}
    wrong = {name: fields[name] for name, value in wanted.items() if fields[name] != value}
    assert not wrong, f"the event says something else than what was done: {wrong}"
    assert fields["result"] == "201", f"the event gives another result: {fields['result']}"


@requirement("GVC-HST-05")
def test_times_agree(
    act: Callable[[], Marked], log_a: Log, tenant_a: Tenant, logs: Logs, evidence: EvidenceBook
) -> None:
    """The API server and the object store give the same time, and so do an event and the store that took it."""
    answer = tenant_a.api.request("GET", tenant_a.path("pods"), query={"limit": "1"})
    stored = log_a.account.must("list_objects_v2", Bucket=log_a.place.bucket, MaxKeys=1)
    server, store = date_of(answer.headers), date_of(stored.data["ResponseMetadata"]["HTTPHeaders"])
    evidence.add("ask the API server and then the object store", f"{server:%H:%M:%S} and {store:%H:%M:%S} UTC")
    assert abs(store - server) <= CLOCKS, f"the object store's clock is {store - server} away from the API server's"
    entry = just_written(act(), log_a)
    logged = max((moment(event) for event in entry.events), default=entry.written)
    late = entry.written - logged
    evidence.add(
        f"compare the last event in {entry.key} with when the store took it", f"{late.total_seconds():.1f} s later"
    )
    assert late >= -CLOCKS, f"the store took an event {-late} before it happened"
    most = CLOCKS + dt.timedelta(seconds=logs.within_seconds)
    assert late <= most, f"the store took an event {late} after it happened, by its own clock"


@requirement("GVC-LOG-05", "GVC-ISO-03")
def test_log_is_the_tenants_own(
    act: Callable[[], Marked], log_a: Log, log_b: Log, tenant_a: Tenant, tenant_b: Tenant, evidence: EvidenceBook
) -> None:
    """No event about one tenant's namespaces is in the other's log, and neither reads the other's."""
    since = act().at - CLOCKS
    tenant_b.api.request("GET", tenant_b.path("pods"), query={"limit": "1"})
    wrong = []
    for own, log, other, stranger in ((tenant_a, log_a, tenant_b, log_b), (tenant_b, log_b, tenant_a, log_a)):
        entries = list(log.entries(since)) or log.newest(1)
        events = [event for entry in entries for event in entry.events]
        spaces = sorted({namespace_of(event) for event in events if namespace_of(event)})
        evidence.add(
            f"read the {len(entries)} newest objects of {log.place.bucket}", f"{len(events)} events about {spaces}"
        )
        wrong += [f"the log of tenant {own.name} tells of {it}" for it in spaces if it in other.namespaces]
        key = entries[-1].key
        for operation, more in (("list_objects_v2", {}), ("list_object_versions", {}), ("get_object", {"Key": key})):
            reply = stranger.account.request(operation, Bucket=log.place.bucket, **more)
            evidence.add(reply.asked, reply)
            wrong += [] if reply.shut else [f"{reply.asked}: {reply.status}"]
    assert not wrong, "; ".join(wrong)


@requirement("GVC-LOG-05", "GVC-ISO-03")
def test_platform_log_is_shut(logs: Logs, log_a: Log, log_b: Log, evidence: EvidenceBook) -> None:
    """No tenant reads the platform's own log."""
    platform = declared(logs.platform, "bucket of the platform's own log (logs.platform)")
    opened = []
    for log in (log_a, log_b):
        own = log.account.must("list_objects_v2", Bucket=log.place.bucket, MaxKeys=1)
        evidence.add(own.asked, own.status)
        key = log.newest(1)[0].key
        for operation, more in (("list_objects_v2", {}), ("list_object_versions", {}), ("get_object", {"Key": key})):
            reply = log.account.request(operation, Bucket=platform, **more)
            evidence.add(reply.asked, reply)
            opened += [] if reply.shut else [f"{reply.asked}: {reply.status}"]
    assert not opened, f"not refused: {'; '.join(opened)}"


@requirement("GVC-LOG-02", "GVC-LOG-03")
def test_log_stays(act: Callable[[], Marked], log_a: Log, audit_target: Target, evidence: EvidenceBook) -> None:
    """What is in the log is locked for as long as the level asks."""
    asked = days_to_keep(audit_target.kind, audit_target.level)
    newest = just_written(act(), log_a)
    it = {"Bucket": log_a.place.bucket, "Key": newest.key, "VersionId": newest.version}
    reply = log_a.account.request("get_object_retention", **it)
    lock = reply.data.get("Retention", {})
    evidence.add(f"read the lock of {newest.key}", lock or reply)
    assert lock.get("Mode") == "COMPLIANCE", f"no lock in compliance mode keeps the log: {lock or reply}"
    days = (lock["RetainUntilDate"] - newest.written) / dt.timedelta(days=1)
    evidence.add("count from when it was written", f"{days:.2f} days, of {asked} that are asked")
    assert days >= asked - 0.05, f"the log is kept for {days:.1f} days, and {asked} are asked"


@requirement("GVC-LOG-02", "GVC-LOG-03")
def test_log_cannot_be_changed(act: Callable[[], Marked], log_a: Log, evidence: EvidenceBook) -> None:
    """Whoever is logged can neither delete what is in the log, nor write into it, nor shorten what keeps it."""
    newest = act().entry or log_a.newest(1)[0]
    evidence.add(f"read {newest.key} as {log_a.account.name}", f"{len(newest.events)} events")
    bucket = {"Bucket": log_a.place.bucket}
    it: dict[str, Any] = {**bucket, "Key": newest.key}
    version = {**it, **({"VersionId": newest.version} if newest.version else {})}
    soon = log_a.account.now() + dt.timedelta(minutes=1)
    done: list[str] = []
    left: list[dict[str, Any]] = []
    for operation, parameters in (
        ("delete_object", it),
        ("delete_object", version),
        ("delete_object", {**version, "BypassGovernanceRetention": True}),
        ("put_object", {**it, "Body": b""}),
        ("put_object", {**bucket, "Key": f"{log_a.place.prefix}{PREFIX}forged", "Body": b""}),
        ("put_object_retention", {**version, "Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": soon}}),
        ("put_bucket_versioning", {**bucket, "VersioningConfiguration": {"Status": "Suspended"}}),
        ("delete_bucket_policy", bucket),
    ):
        reply = log_a.account.request(operation, **parameters)
        evidence.add(f"{reply.asked}{' past its lock' if 'BypassGovernanceRetention' in parameters else ''}", reply)
        done += [reply.asked] if reply.ok else []
        if reply.ok and reply.data.get("VersionId", newest.version) != newest.version:  # a marker, or what was written
            left.append({**bucket, "Key": parameters["Key"], "VersionId": reply.data["VersionId"]})
    again = log_a.account.request("get_object", **version)
    evidence.add("read it again", again.status)
    for mine in left:
        log_a.account.request("delete_object", **mine)
    assert not done, f"not refused: {'; '.join(done)}"
    assert again.ok, f"what was in the log cannot be read again: {again}"
