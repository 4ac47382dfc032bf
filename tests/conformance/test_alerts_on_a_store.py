"""From the alerter over a real store to the tenant: what is sent is found, and by nobody else."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path

import pytest

from conformance import target
from conformance.alerts import Channel
from conformance.declared import TenantBucket
from conformance.object_store import Account, way
from core.paths import REPOSITORY
from playbooks.alerter.service import Settings, step
from playbooks.alerter.service import store as alerter_store
from tests import object_store
from tests.conformance.test_object_store_checks import target_of

_SETTLE = REPOSITORY / "playbooks" / "roles" / "object_store" / "files" / "settle_object_store.py"
_spec = importlib.util.spec_from_file_location("settle_object_store", _SETTLE)
assert _spec
assert _spec.loader
settling = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(settling)


@pytest.mark.toolchain
def test_what_the_alerter_sends_is_found_on_a_real_store(tmp_path: Path) -> None:
    """By whom it concerns, new, and in time; the other account is refused, and neither of the two may write."""
    with object_store.running(tmp_path) as store:
        names = ("tenant-a", "tenant-b", "alerts")
        keys = {name: store.account(name, "user" if name == "alerts" else "userplus") for name in names}
        found = target.load(target_of(store, tmp_path)).object_store
        assert found
        tenant = Account("tenant a", found, found.accounts.a, way(found))
        stranger = Account("tenant b", found, found.accounts.b, way(found))
        client = store.client()
        client.create_bucket(Bucket="alerts-a")
        grants = settling.policy("alerts-a", ["tenant-a"], "alerts")
        client.put_bucket_policy(Bucket="alerts-a", Policy=json.dumps(grants))
        settings = Settings(
            store.endpoint, str(tmp_path / "server.crt"), "us-east-1", {"alerts-a": ("one",)}, (70,), 0, 1
        )
        channel, now = Channel(tenant, TenantBucket(bucket="alerts-a")), tenant.now()
        quota = {"metadata": {"namespace": "one"}, "status": {"hard": {"pods": "10"}, "used": {"pods": "8"}}}
        step(settings, tmp_path / "standing.json", [quota], alerter_store(settings, keys["alerts"]), now)
        told = channel.await_alert(lambda it: it.resource == "pods", now, time.monotonic(), 5)
        assert told
        assert (told.alert.status, told.alert.namespace, told.alert.threshold) == ("firing", "one", "70")
        it = {"Bucket": "alerts-a", "Key": told.alert.key}
        assert stranger.request("get_object", **it).shut
        assert stranger.request("list_objects_v2", Bucket="alerts-a").shut
        assert [who.request("put_object", **it, Body=b"").denied for who in (tenant, stranger)] == [True, True]
        assert tenant.request("delete_object", **it).denied
