"""A tenant's alerts in the object store: what Alertmanager's webhook sends, read with the tenant's own account."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.declared import TenantBucket
from conformance.object_store import Account
from core.errors import KitError

FIRING = "firing"
_LOOK_AGAIN = 0.5


@dataclass(frozen=True)
class Alert:
    """One alert, as far as the checks read it."""

    status: str
    """``firing`` or ``resolved``."""
    namespace: str
    resource: str
    """As quotas name it, such as ``requests.memory``; empty where the alert is about something else."""
    threshold: str
    """In per cent, as digits; empty where the alert is about something else."""
    starts: dt.datetime
    key: str
    """The object that it stands in."""

    def __str__(self) -> str:
        about = f"{self.resource} of {self.namespace} at {self.threshold}%"
        return f"{self.status} since {self.starts:%H:%M:%S} UTC: {about}"


@dataclass(frozen=True)
class Told:
    """An alert that was waited for, and how many seconds after the waiting began it could be read."""

    alert: Alert
    seconds: float


class Channel:
    """Where a tenant reads its alerts. An object is read once."""

    def __init__(self, account: Account, place: TenantBucket) -> None:
        self.account = account
        self.place = place
        self._read: dict[str, tuple[Alert, ...]] = {}

    def alerts(self, since: dt.datetime) -> Iterator[Alert]:
        """Read the alerts of all objects that the store took since then."""
        for page in self.account.pages("list_objects_v2", Bucket=self.place.bucket, Prefix=self.place.prefix):
            for item in page.get("Contents", []):
                if item["LastModified"] >= since.replace(microsecond=0):
                    yield from self._alerts(str(item["Key"]))

    def await_alert(
        self, wanted: Callable[[Alert], bool], since: dt.datetime, began: float, seconds: float
    ) -> Told | None:
        """Look for an alert until it is there, for so many seconds since ``began`` on the monotonic clock.

        Returns None where it does not come.
        """
        while True:
            for alert in filter(wanted, self.alerts(since)):
                took = time.monotonic() - began
                return Told(alert, took) if took <= seconds else None
            if time.monotonic() - began > seconds:
                return None
            time.sleep(_LOOK_AGAIN)

    def _alerts(self, key: str) -> tuple[Alert, ...]:
        if key not in self._read:
            content = self.account.must("get_object", Bucket=self.place.bucket, Key=key).data["Body"]
            self._read[key] = tuple(alerts_of(key, content))
        return self._read[key]


def alerts_of(key: str, content: bytes) -> Iterator[Alert]:
    """Return the alerts of an object. Raises KitError where it is not what was declared."""
    try:
        message: Any = json.loads(content)
    except ValueError as error:
        raise KitError(f"the object {key} of the alerts is not JSON") from error
    listed = message.get("alerts") if isinstance(message, Mapping) else None
    if not isinstance(listed, list):
        raise KitError(f"the object {key} has no list of alerts, as what Alertmanager's webhook sends has")
    for number, it in enumerate(listed, 1):
        try:
            labels = it["labels"]
            yield Alert(
                status=str(it["status"]),
                namespace=str(labels.get("namespace", "")),
                resource=str(labels.get("resource", "")),
                threshold=str(labels.get("threshold", "")),
                starts=_moment(it["startsAt"]),
                key=key,
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise KitError(
                f"the object {key}, alert {number}: not as Alertmanager's webhook has it: {error}"
            ) from error


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"startsAt has no time zone: {text}")
    return moment
