"""The alerter as a service: looks at all quotas again and again, and tells each tenant of its own in its own bucket.

What was told is written down after it was stored, so that an alerter that was killed on the way tells it again rather
than never.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playbooks.agent.client import Client
from playbooks.alerter import thresholds
from playbooks.alerter.thresholds import Key, Standing

QUOTAS = "/api/v1/resourcequotas"
Put = Callable[[str, str, bytes], None]
"""Store an object: bucket, name and content."""


@dataclass(frozen=True)
class Settings:
    """What the alerter is told: the store, whose alerts go into which bucket, and when there is one."""

    endpoint: str
    authority: str
    region: str
    tenants: Mapping[str, tuple[str, ...]]
    """Bucket -> the namespaces that are told of in it."""
    thresholds: tuple[int, ...]
    """In per cent of a quota."""
    hold_seconds: float
    """For how long a threshold has to be crossed before it is told."""
    seconds: float
    """Between two looks."""

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read them from JSON."""
        return cls(**json.loads(path.read_text()))


def remembered(path: Path) -> dict[Key, Standing]:
    """Read which thresholds are crossed; none on the first start."""
    try:
        content: list[Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return {
        (namespace, resource, threshold): Standing(datetime.fromisoformat(since), told)
        for namespace, resource, threshold, since, told in content
    }


def remember(path: Path, standing: Mapping[Key, Standing]) -> None:
    """Write down whole which thresholds are crossed."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps([[*key, entry.since.isoformat(), entry.told] for key, entry in standing.items()]))
    fresh.replace(path)


def step(settings: Settings, state: Path, quotas: Iterable[Mapping[str, Any]], put: Put, now: datetime) -> None:
    """Tell what has changed since the last look."""
    known = remembered(state)
    namespaces = {namespace for own in settings.tenants.values() for namespace in own}
    over = thresholds.crossed(thresholds.shares(quotas, namespaces), settings.thresholds)
    standing, told = thresholds.judge(known, over, settings.thresholds, now, settings.hold_seconds)
    for bucket, own in settings.tenants.items():
        if alerts := [alert for (namespace, _, _), alert in told.items() if namespace in own]:
            put(bucket, f"{now:%Y/%m/%d/%H%M%S.%f}.json", json.dumps(thresholds.message(alerts)).encode())
    if standing != known:
        remember(state, standing)


def store(settings: Settings, account: Path) -> Put:
    """Return what puts objects into the store."""
    import boto3  # noqa: PLC0415 - a Debian package of the host
    from botocore.config import Config  # noqa: PLC0415

    keys = dict(line.split(": ", 1) for line in account.read_text().splitlines())
    client = boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=keys["access"],
        aws_secret_access_key=keys["secret"],
        verify=settings.authority,
        config=Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=10, retries={"max_attempts": 1}),
    )

    def put(bucket: str, name: str, content: bytes) -> None:
        client.put_object(Bucket=bucket, Key=name, Body=content, ContentType="application/json")

    return put


def main() -> None:
    """Run until ended: ``SETTINGS ACCOUNT KUBECONFIG STATE``."""
    given, account, kubeconfig, state = map(Path, sys.argv[1:])
    settings = Settings.read(given)
    put, api = store(settings, account), Client.of(kubeconfig)
    while True:
        try:
            quotas, _ = api.list_all(QUOTAS)
            step(settings, state, quotas, put, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed
            sys.stderr.write(f"not told, trying again: {error}\n")
        time.sleep(settings.seconds)
