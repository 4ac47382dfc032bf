"""What a cloud offers beside Kubernetes, on real hosts: made once, healed when broken, and no secret told."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from playbooks import runner
from playbooks.runner import Outcome
from testbed.state import State
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

STORE, CONTROL_PLANE = "egc-s", "egc-1"
KUBECTL = "kubectl --kubeconfig /etc/kubernetes/admin.conf"
DAMAGES = {
    "a door that is shut": (STORE, "systemctl disable --now govcloud-object-store-door"),
    "a collector that is stopped": (CONTROL_PLANE, "systemctl disable --now govcloud-log-collector"),
    "an alerter that is stopped": (CONTROL_PLANE, "systemctl disable --now govcloud-alerts"),
    "an alerter's credential that is gone": (CONTROL_PLANE, "rm /etc/kubernetes/pki/govcloud-alerts.json"),
    "an alerter without rights": (CONTROL_PLANE, f"{KUBECTL} delete clusterrole system:govcloud:alerts"),
    "a certificate for other names": (STORE, "echo DNS:other.test > /etc/govcloud/certificates/object-store.names"),
    "a secret that is gone": (STORE, "rm /etc/govcloud/object-store/accounts/tenant-a.yaml"),
    "TLS of other days": (STORE, "sed -i s/TLSv1.2/TLSv1.0/ /etc/govcloud/object-store/door.cfg"),
}


def configured(egc: Any, folder: Path) -> Outcome:
    """Run the playbooks."""
    outcome = runner.run(egc.state / "inventory.yaml", folder)
    assert outcome.failures == ()
    return outcome


def services(egc: Any) -> dict[str, Any]:
    """Return what the services are, as the playbooks wrote it down."""
    return dict(yaml.safe_load(State(egc.state).services.read_text()))


def client(egc: Any, tenant: str, keys: Any = None) -> Any:
    """Return the object store as a tenant sees it, or whoever has other keys, by its first address."""
    store = services(egc)["object_store"]
    keys = keys or yaml.safe_load((egc.state / store["accounts"][tenant]["credentials"]).read_text())
    return boto3.client(
        "s3",
        endpoint_url=f"https://{store['addresses'][0]}:7070",
        region_name=store["region"],
        aws_access_key_id=keys["access"],
        aws_secret_access_key=keys["secret"],
        verify=str(egc.state / store["authority"]),
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


def logged(egc: Any, mark: str) -> list[dict[str, Any]]:
    """Return the events in tenant a's log that name ``mark``; wait for the first."""
    store = client(egc, "a")

    def look() -> list[dict[str, Any]]:
        pages = store.get_paginator("list_objects_v2").paginate(Bucket="logs-audit-a")
        names = sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))
        found = []
        for name in names[-10:]:
            lines = store.get_object(Bucket="logs-audit-a", Key=name)["Body"].read().splitlines()
            found += [json.loads(line) for line in lines if mark.encode() in line]
        return found

    return eventually(look, f"{mark} is in the log", pause=0.5)


def act(egc: Any) -> str:
    """Ask for an object of tenant a that has a name of its own, and return the name."""
    mark = f"mark-{secrets.token_hex(6)}"
    asked = f"kubectl --kubeconfig /etc/kubernetes/admin.conf -n govcloud-audit-a get configmap {mark}"
    assert "NotFound" in egc.ssh(CONTROL_PLANE, asked).stderr
    return mark


def test_a_second_run_changes_nothing(egc: Any, tmp_path: Path) -> None:
    """What is as it should be is left alone."""
    configured(egc, tmp_path / "first")
    assert configured(egc, tmp_path / "second").changes == ()


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_broken_is_mended(egc: Any, tmp_path: Path, damage: str) -> None:
    """A run brings it back, the next one has nothing to do, and the tenant's account works."""
    host, command = DAMAGES[damage]
    assert egc.ssh(host, command).returncode == 0
    assert configured(egc, tmp_path / "first").changes
    assert configured(egc, tmp_path / "second").changes == ()
    assert client(egc, "a").list_objects_v2(Bucket="logs-audit-a")["Name"] == "logs-audit-a"
    with pytest.raises(ClientError, match="AccessDenied"):
        client(egc, "b").list_objects_v2(Bucket="logs-audit-a")
    assert len(logged(egc, act(egc))) == 1


def test_what_happens_while_the_store_is_away_is_logged_once(egc: Any) -> None:
    """The log waits for the store, also over a restart of the collector."""
    assert egc.ssh(STORE, "systemctl stop govcloud-object-store").returncode == 0
    try:
        mark = act(egc)
        since = egc.ssh(CONTROL_PLANE, "date +%s").stdout.strip()
        tries = f"journalctl --unit govcloud-log-collector --since @{since} --output cat | grep -c 'not shipped'"
        eventually(lambda: int(egc.ssh(CONTROL_PLANE, tries).stdout) >= 2, "the collector tries in vain", pause=0.5)
        assert egc.ssh(CONTROL_PLANE, "systemctl kill -s KILL govcloud-log-collector").returncode == 0
    finally:
        assert egc.ssh(STORE, "systemctl start govcloud-object-store").returncode == 0
    assert len(logged(egc, mark)) == 1


def test_no_secret_is_told(egc: Any) -> None:
    """Neither what a run leaves nor the lists of processes nor the journals hold an account's secret."""
    paths = [egc.state / entry["credentials"] for entry in services(egc)["object_store"]["accounts"].values()]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in paths)
    told = [file.read_text(errors="replace") for file in (egc.state / "runs").rglob("*") if file.is_file()]
    told += [egc.ssh(host, "ps axww; journalctl --no-pager").stdout for host in (STORE, CONTROL_PLANE)]
    for path in paths:
        secret = yaml.safe_load(path.read_text())["secret"]
        assert len(secret) >= 40
        assert not [text for text in told if secret in text]


def test_services_run_with_few_rights(egc: Any) -> None:
    """None runs as root; the collector reads the log and not the authority's key, the alerter lists quotas alone."""
    units = ((STORE, "object-store"), (CONTROL_PLANE, "log-collector"), (CONTROL_PLANE, "alerts"))
    for host, name in units:
        unit = f"govcloud-{name}"
        shown = egc.ssh(host, f"ps -o user= -p $(systemctl show -P MainPID {unit})").stdout.strip()
        assert shown not in {"", "root"}
    as_collector = "runuser -u govcloud-log-collector -- test -r"
    assert egc.ssh(CONTROL_PLANE, f"{as_collector} /var/log/kubernetes/audit/audit.log").returncode == 0
    assert egc.ssh(CONTROL_PLANE, f"{as_collector} /etc/govcloud/log-collector/account.yaml").returncode == 1
    assert egc.ssh(CONTROL_PLANE, f"{as_collector} /etc/kubernetes/admin.conf").returncode == 1
    as_alerter = "runuser -u govcloud-alerts -- test -r"
    for file in ("/etc/govcloud/alerts/account.yaml", "/etc/kubernetes/pki/govcloud-alerts.json"):
        assert egc.ssh(CONTROL_PLANE, f"{as_alerter} {file}").returncode == 1
    may = f"{KUBECTL} --as system:govcloud:alerts auth can-i --all-namespaces"
    asked = ("list resourcequotas", "get resourcequotas", "list pods", "list secrets", "create pods")
    granted = [what for what in asked if egc.ssh(CONTROL_PLANE, f"{may} {what}").stdout.strip() == "yes"]
    assert granted == ["list resourcequotas"]


def test_the_alerter_writes_alerts_and_nothing_else(egc: Any) -> None:
    """Its account of the store puts objects into the tenants' buckets of alerts, reads none, and has no others."""
    account = yaml.safe_load(egc.ssh(STORE, "cat /etc/govcloud/object-store/accounts/alerts.yaml").stdout)
    store = client(egc, "a", account)
    for ask in (
        lambda: store.list_objects_v2(Bucket="alerts-audit-a"),
        lambda: store.put_object(Bucket="logs-audit-a", Key="forged", Body=b""),
        lambda: store.put_object(Bucket="data-audit-a", Key="forged", Body=b""),
        lambda: store.create_bucket(Bucket="alerts-of-its-own"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            ask()
    with pytest.raises(ClientError, match="AccessDenied"):
        client(egc, "a").put_object(Bucket="alerts-audit-a", Key="forged", Body=b"")
