"""A tenant that takes much of its quota is told so, in time, and nobody else is."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from conformance import quotas, workloads
from conformance.alerts import FIRING, Alert, Channel, Told
from conformance.declared import Alerts
from conformance.object_store import CLOCKS, Account, date_of
from conformance.plugin import EvidenceBook, requirement, serial
from conformance.probes import Tenant
from conformance.quotas import Share
from conformance.target import Target
from core.errors import KitError

Cross = Callable[[Tenant], "Crossing"]


@dataclass(frozen=True)
class Crossing:
    """A tenant took more of a resource than the lowest threshold."""

    before: Share
    after: Share
    at: dt.datetime
    """When the API server had granted it, by its own clock."""
    told: Told | None
    """The alert of it in the tenant's channel, where it came in time."""


@pytest.fixture(scope="session")
def channels(alerts: Alerts, account_a: Account, account_b: Account) -> Mapping[str, Channel]:
    """Return where the two tenants read their alerts."""
    return {"a": Channel(account_a, alerts.buckets.a), "b": Channel(account_b, alerts.buckets.b)}


@pytest.fixture(scope="session")
def cross(alerts: Alerts, channels: Mapping[str, Channel], audit_target: Target, run_id: str) -> Cross:
    """Cross the lowest threshold once as a tenant, and wait for the alert; what was taken is given back."""
    done: dict[str, Crossing] = {}

    def once(tenant: Tenant) -> Crossing:
        if tenant.name not in done:
            sample = workloads.pod(
                f"audit-{run_id}-much", audit_target.probe_image, run=run_id, role="much", account=tenant.account
            )
            done[tenant.name] = take_much(tenant, channels[tenant.name], alerts, sample)
        return done[tenant.name]

    return once


def take_much(tenant: Tenant, channel: Channel, alerts: Alerts, sample: workloads.Manifest) -> Crossing:
    """Run a pod that by itself takes more than the lowest threshold, until that is told or the time for it is over."""
    lowest = alerts.thresholds[0]
    before = below(in_use(tenant), lowest, tenant)
    limits = tenant.api.must("GET", tenant.path("limitranges"))["items"]
    manifest = quotas.beyond(sample, before.up_to(lowest), quotas.container_limit(limits, before.resource))
    since = channel.account.now() - CLOCKS
    known = {alert.starts for alert in channel.alerts(since) if alert.namespace == tenant.namespace}
    answer = tenant.api.request("POST", tenant.path("pods"), manifest)
    began = time.monotonic()
    if not answer.ok:
        raise KitError(f"tenant {tenant.name} cannot take {lowest}% of its quota, so no alert can be tried: {answer}")
    try:
        at = date_of(answer.headers)
        after = next(share for share in in_use(tenant) if share.resource == before.resource)
        if after.percent < lowest:
            raise KitError(f"the quota does not count the pod that takes {lowest}% of it, so there is nothing to tell")

        def wanted(alert: Alert) -> bool:
            about = (alert.namespace, alert.resource, alert.threshold)
            new = alert.status == FIRING and alert.starts >= at - CLOCKS and alert.starts not in known
            return new and about == (tenant.namespace, before.resource, str(lowest))

        told = channel.await_alert(wanted, since, began, alerts.within_seconds)
    finally:
        tenant.api.remove(f"{tenant.path('pods')}/{manifest['metadata']['name']}")
    return Crossing(before, after, at, told)


def in_use(tenant: Tenant) -> list[Share]:
    """Return how much of each compute resource the tenant has in use. Raises KitError."""
    listed: list[Mapping[str, Any]] = tenant.api.must("GET", tenant.path("resourcequotas"))["items"]
    return list(quotas.shares(listed))


def below(found: list[Share], threshold: int, tenant: Tenant) -> Share:
    """Return the first resource with room for a threshold beside what is in use. Raises KitError where none has it."""
    for share in found:
        if share.percent + threshold < 100 and share.percent < threshold:
            return share
    said = ", ".join(f"{share.resource} {share.percent:.0f}%" for share in found) or "no quota of memory or processors"
    raise KitError(f"tenant {tenant.name} has no room for {threshold}% of a quota beside what is in use: {said}")


def describe(crossing: Crossing, tenant: Tenant, alerts: Alerts, evidence: EvidenceBook) -> None:
    """Note what was taken, and what was told of it."""
    before, after = crossing.before, crossing.after
    evidence.add(
        f"run a pod of tenant {tenant.name} that takes more than {alerts.thresholds[0]}% of {before.resource}",
        f"{before.percent:.0f}% in use before, {after.percent:.0f}% after, granted at {crossing.at:%H:%M:%S} UTC",
    )
    told = crossing.told
    evidence.add(
        f"look for a new alert as tenant {tenant.name} for at most {alerts.within_seconds:g} s",
        f"there {told.seconds:.1f} s after the crossing, in {told.alert.key}: {told.alert}" if told else "not there",
    )


@requirement("GVC-MON-01")
@serial("quotas")
def test_crossing_a_threshold_is_told_in_time(
    cross: Cross, tenant_a: Tenant, alerts: Alerts, evidence: EvidenceBook
) -> None:
    """A tenant that takes more than the lowest threshold of its quota is told so in its own channel, in time."""
    declared = ", ".join(f"{threshold}%" for threshold in alerts.thresholds)
    evidence.add("read at which thresholds the operator says that it alerts", declared)
    crossing = cross(tenant_a)
    describe(crossing, tenant_a, alerts, evidence)
    assert crossing.told, (
        f"no new alert that {crossing.before.resource} is at {alerts.thresholds[0]}% "
        f"came within {alerts.within_seconds:g} s of the crossing"
    )


@requirement("GVC-MON-01", "GVC-ISO-03")
@serial("quotas")
def test_alerts_stay_with_their_tenant(
    cross: Cross,
    channels: Mapping[str, Channel],
    tenant_a: Tenant,
    tenant_b: Tenant,
    alerts: Alerts,
    evidence: EvidenceBook,
) -> None:
    """Each tenant is told of its own namespaces and of none of the other's, and neither reads the other's channel."""
    keys, since = {}, None
    for tenant in (tenant_a, tenant_b):
        crossing = cross(tenant)
        describe(crossing, tenant, alerts, evidence)
        if crossing.told is None:
            raise KitError(f"tenant {tenant.name} was told nothing, so nothing could have gone to the other one")
        keys[tenant.name] = crossing.told.alert.key
        since = since or crossing.at - CLOCKS
    assert since is not None
    wrong = []
    for own, other in ((tenant_a, tenant_b), (tenant_b, tenant_a)):
        channel, stranger = channels[own.name], channels[other.name].account
        spaces = sorted({alert.namespace for alert in channel.alerts(since)})
        evidence.add(f"read what came into {channel.place.bucket} as {channel.account.name}", f"about {spaces}")
        wrong += [f"tenant {own.name} is told of {it}" for it in spaces if it in other.namespaces]
        for operation, more in (("list_objects_v2", {}), ("get_object", {"Key": keys[own.name]})):
            reply = stranger.request(operation, Bucket=channel.place.bucket, **more)
            evidence.add(reply.asked, reply)
            wrong += [] if reply.shut else [f"{reply.asked}: {reply.status}"]
    assert not wrong, "; ".join(wrong)
