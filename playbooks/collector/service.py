"""The collector as a service: ships what is new, remembers how far it came, tries again what failed.

What is about to be shipped is written down first, so that a collector that was killed ships the same lines under the
same names: nothing is lost, and nothing is there twice.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playbooks.collector import auditlog
from playbooks.collector.auditlog import Span

Put = Callable[[str, str, bytes, datetime], None]
"""Store an object: bucket, name, content, and until when it must not be removed."""


@dataclass(frozen=True)
class Settings:
    """What the collector is told: its log, the store, the buckets and for how many days they keep."""

    log: Path
    endpoint: str
    authority: str
    region: str
    platform: str
    tenants: Mapping[str, tuple[str, ...]]
    days: int
    seconds: float

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read them from JSON."""
        content: dict[str, Any] = json.loads(path.read_text())
        return cls(**{**content, "log": Path(content["log"])})


@dataclass(frozen=True)
class Progress:
    """How far the log is shipped. ``taken`` is the part that was taken last, ``at`` when; it may not have arrived."""

    taken: Span
    at: str
    arrived: bool

    @classmethod
    def read(cls, path: Path) -> Progress | None:
        """Read it from where it was kept; None on the first start."""
        try:
            content: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        return cls(Span(**content["taken"]), content["at"], content["arrived"])

    def keep(self, path: Path) -> None:
        """Write it down whole."""
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(path)


def name_of(at: datetime) -> str:
    """Return an object's name, in the order of time."""
    return f"{at:%Y/%m/%d/%H%M%S.%f}.jsonl"


def step(settings: Settings, state: Path, put: Put, now: Callable[[], datetime]) -> bool:
    """Ship one part of the log, the one that did not arrive before all others; tell whether there was one."""
    last = Progress.read(state)
    if last is None or last.arrived:
        found = auditlog.following(settings.log, last.taken if last else None)
        if found is None:
            return False
        span, content = found
        last = Progress(span, now().isoformat(), arrived=False)
        last.keep(state)
    else:
        content = auditlog.again(settings.log, last.taken)
    at = datetime.fromisoformat(last.at)
    for bucket, lines in auditlog.by_bucket(content, settings.tenants, settings.platform).items():
        put(bucket, name_of(at), lines, at + timedelta(days=settings.days))
    Progress(last.taken, last.at, arrived=True).keep(state)
    return True


def store(settings: Settings, account: Path) -> Put:
    """Return what puts objects into the store, each with a lock of its own."""
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
        config=Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=20, retries={"max_attempts": 1}),
    )

    def put(bucket: str, name: str, content: bytes, until: datetime) -> None:
        client.put_object(
            Bucket=bucket,
            Key=name,
            Body=content,
            ContentType="application/x-ndjson",
            ChecksumAlgorithm="SHA256",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=until,
        )

    return put


def main() -> None:
    """Run until ended: ``SETTINGS ACCOUNT STATE``."""
    given, account, state = map(Path, sys.argv[1:])
    settings = Settings.read(given)
    put = store(settings, account)
    while True:
        try:
            more = step(settings, state, put, lambda: datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next try may succeed, and the log waits
            sys.stderr.write(f"not shipped, trying again: {error}\n")
            more = False
        if not more:
            time.sleep(settings.seconds)
