"""A tenant's log in the object store: JSON lines of Kubernetes audit events, read with the tenant's own account."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.declared import TenantBucket
from conformance.object_store import Account
from core.errors import KitError
from modules.levels import LEVELS, PROVIDER_LOGS

Event = Mapping[str, Any]

FIRST_LEVEL = 2
"""The lowest level for which TCVN 14423:2026 (x.8.2.1 a) says how long logs can be read back."""
DAYS_OF_MONTH = 30
DAYS_OF_YEAR = 365
_LOOK_AGAIN = 0.5


@dataclass(frozen=True)
class Entry:
    """One object of a log, with its events."""

    key: str
    version: str
    written: dt.datetime
    """When the store took it, by the store's clock."""
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Found:
    """An event, the object that it stands in, and how many seconds after it was looked for it could be read."""

    event: Event
    entry: Entry
    seconds: float


def days_to_keep(kind: str, level: int) -> int:
    """Return for how many days a cloud of this kind and level must keep its logs, 0 where no figure is set."""
    months = PROVIDER_LOGS if kind == "EGC" else LEVELS[level].logs if level >= FIRST_LEVEL else 0
    return DAYS_OF_YEAR if months == 12 else months * DAYS_OF_MONTH


class Log:
    """A tenant's log. An object is read once."""

    def __init__(self, account: Account, place: TenantBucket) -> None:
        self.account = account
        self.place = place
        self._read: dict[str, Entry] = {}

    def entries(self, since: dt.datetime) -> Iterator[Entry]:
        """Read the objects that the store took since then."""
        for item in self._items():
            if item["LastModified"] >= since.replace(microsecond=0):
                yield self._entry(item)

    def newest(self, count: int) -> Sequence[Entry]:
        """Read the objects that were written last. Raises KitError where the log is empty."""
        items = sorted(self._items(), key=lambda item: item["LastModified"])[-count:]
        if not items:
            raise KitError(f"the log of {self.account.name} in bucket {self.place.bucket} is empty")
        return [self._entry(item) for item in items]

    def await_event(self, wanted: Callable[[Event], bool], since: dt.datetime, seconds: float) -> Found | None:
        """Look for an event until it is there, for so many seconds; None where it does not come."""
        began, looked = time.monotonic(), set[str]()
        while True:
            for entry in self.entries(since):
                if entry.key not in looked:
                    looked.add(entry.key)
                    for event in filter(wanted, entry.events):
                        return Found(event, entry, time.monotonic() - began)
            if time.monotonic() - began > seconds:
                return None
            time.sleep(_LOOK_AGAIN)

    def _items(self) -> Iterator[dict[str, Any]]:
        for page in self.account.pages("list_objects_v2", Bucket=self.place.bucket, Prefix=self.place.prefix):
            yield from page.get("Contents", [])

    def _entry(self, item: Mapping[str, Any]) -> Entry:
        key = str(item["Key"])
        if key not in self._read:
            data = self.account.must("get_object", Bucket=self.place.bucket, Key=key).data
            events = tuple(events_of(key, data["Body"]))
            self._read[key] = Entry(key, str(data.get("VersionId", "")), item["LastModified"], events)
        return self._read[key]


def events_of(key: str, content: bytes) -> Iterator[Event]:
    """Return the events of an object. Raises KitError with the line where it is not what was declared."""
    try:
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise KitError(f"the log's object {key} is not text, nor gzipped text: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        try:
            event = json.loads(line)
        except ValueError as error:
            raise KitError(f"the log's object {key}, line {number}: not JSON") from error
        if not isinstance(event, dict) or event.get("kind") != "Event":
            raise KitError(f"the log's object {key}, line {number}: not an audit event of Kubernetes (kind: Event)")
        yield event


def is_about(event: Event, name: str) -> bool:
    """Tell whether an event is about an object of this name."""
    return bool((event.get("objectRef") or {}).get("name") == name)


def namespace_of(event: Event) -> str:
    """Return the namespace that an event is about, empty where it is about none."""
    return str((event.get("objectRef") or {}).get("namespace") or "")


def said(event: Event) -> dict[str, str]:
    """Return what an event says: when, who, from where, what, on what, with which result; empty where it does not."""
    reference, status = event.get("objectRef") or {}, event.get("responseStatus") or {}
    return {
        "when": str(event.get("requestReceivedTimestamp") or ""),
        "who": str((event.get("user") or {}).get("username") or ""),
        "from where": ", ".join(event.get("sourceIPs") or ()),
        "what": str(event.get("verb") or ""),
        "on what": "/".join(str(reference[it]) for it in ("resource", "namespace", "name") if reference.get(it)),
        "result": str(status.get("code") or ""),
    }


def moment(event: Event) -> dt.datetime:
    """Return when the request of an event came, by the API server's clock. Raises KitError."""
    text = str(event.get("requestReceivedTimestamp") or "")
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise KitError(f"an event of the log has no time: {text!r}") from None
