"""What audits left in an object store: buckets with the prefix of the audit, emptied of all versions and removed."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.object_store import PREFIX, Account, Reply
from core.errors import KitError

LOCK_SECONDS = 12
"""How long a canary is locked: long enough for the attempts on it, short enough to be gone when the run ends."""


@dataclass(frozen=True)
class LeftBucket:
    """A bucket that an audit made and that is still there."""

    name: str
    created: str

    @property
    def run(self) -> str:
        """The run that made it."""
        return self.name.removeprefix(PREFIX).partition("-")[0]


class StillLockedError(KitError):
    """A bucket holds an object whose lock has not run out: the next tidying up removes it."""


@dataclass(frozen=True)
class Owned:
    """A bucket and the account that made it."""

    owner: Account
    bucket: str


class Buckets:
    """The buckets that a process of a run makes, and removes at its end."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._made: list[Owned] = []

    def name(self, what: str) -> str:
        """Name a bucket that no other process of the run names."""
        return f"{PREFIX}{self._run}-{what}-{secrets.token_hex(3)}"

    def ask(self, owner: Account, what: str, **more: Any) -> tuple[Owned, Reply]:
        """Ask for a bucket, and return it with the store's answer."""
        owned = Owned(owner, self.name(what))
        self._made.append(owned)
        return owned, owner.request("create_bucket", Bucket=owned.bucket, **more)

    def make(self, owner: Account, what: str) -> Owned:
        """Make a bucket that has to be granted. Raises KitError."""
        owned, reply = self.ask(owner, what)
        if not reply.ok:
            raise KitError(f"{reply.asked} has to be granted for an audit, and the store answered: {reply}")
        return owned

    def remove(self, *, wait: float) -> None:
        """Remove them all. Raises KitError with a line for each that would not go."""
        failed = []
        for owned in self._made:
            try:
                remove_bucket(owned.owner, owned.bucket, wait=wait)
            except KitError as error:
                failed.append(error.message)
        if failed:
            raise KitError("; ".join(failed), "govcloud audit clean")


def left_in(account: Account, run: str = "") -> Iterator[LeftBucket]:
    """List the buckets of an account that audits (or one run) left."""
    for bucket in account.must("list_buckets").data.get("Buckets", []):
        found = LeftBucket(str(bucket["Name"]), _written(bucket.get("CreationDate")))
        if found.name.startswith(PREFIX) and run in {"", found.run}:
            yield found


def remove_bucket(account: Account, bucket: str, *, wait: float = 0) -> None:
    """Remove a bucket with all versions of its objects; wait for locks that run out within so many seconds.

    Raises StillLockedError where a lock lasts longer, KitError for any other reason; a bucket that is gone is fine.
    """
    until = time.monotonic() + wait
    while locked := _emptied(account, bucket):
        if time.monotonic() > until:
            raise StillLockedError(f"bucket {bucket} holds locked objects: {', '.join(locked[:3])}")
        time.sleep(0.5)
    reply = account.request("delete_bucket", Bucket=bucket)
    if not reply.ok and reply.code != "NoSuchBucket":
        raise KitError(f"{reply.asked}: {reply}")


def canaries_in(account: Account, bucket: str) -> Iterator[tuple[str, str, str]]:
    """List the objects that audits left in a bucket which is not theirs: key, run, when it was written."""
    seen = set()
    for key, _, written in _versions(account, bucket, PREFIX):
        if key not in seen:
            seen.add(key)
            yield key, key.removeprefix(PREFIX).partition("-")[0], _written(written)


def remove_object(account: Account, bucket: str, key: str) -> None:
    """Remove an object with all versions. Raises KitError."""
    for name, version, _ in list(_versions(account, bucket, key)):
        if name == key:
            reply = _deleted(account, bucket, key, version)
            if not reply.ok:
                raise KitError(f"{reply.asked}: {reply}")


def sweep(account: Account, run: str = "", *, wait: float = 0) -> list[str]:
    """Remove what audits (or one run) left with an account; return a line for each bucket that would not go."""
    failed = []
    for left in list(left_in(account, run)):
        try:
            remove_bucket(account, left.name, wait=wait)
        except KitError as error:
            failed.append(error.message)
    return failed


def _emptied(account: Account, bucket: str) -> list[str]:
    """Remove what is in a bucket, and return what is locked, each with the end of its lock."""
    there = account.request("head_bucket", Bucket=bucket)
    if there.status == 404:
        return []
    # A policy that an audit put there may stand in the way of its owner.
    account.request("delete_bucket_policy", Bucket=bucket)
    for upload in account.request("list_multipart_uploads", Bucket=bucket).data.get("Uploads", []):
        account.request("abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    locked = []
    for key, version, _ in list(_versions(account, bucket)):
        reply = _deleted(account, bucket, key, version)
        if reply.denied:
            locked.append(f"{key} ({_lock(account, bucket, key, version)})")
        elif not reply.ok:
            raise KitError(f"{reply.asked}: {reply}")
    return locked


def _deleted(account: Account, bucket: str, key: str, version: str) -> Reply:
    """Remove a version; a store that keeps none may call it ``null``, and then not know it by that name."""
    reply = account.request("delete_object", Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
    if version == "null" and reply.code == "InvalidArgument":
        return account.request("delete_object", Bucket=bucket, Key=key)
    return reply


def _versions(account: Account, bucket: str, prefix: str = "") -> Iterator[tuple[str, str, dt.datetime | None]]:
    """List key, version and time of all versions; where the store knows none, the version is empty."""
    if account.request("list_object_versions", Bucket=bucket, Prefix=prefix, MaxKeys=1).ok:
        for page in account.pages("list_object_versions", Bucket=bucket, Prefix=prefix):
            for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                yield item["Key"], item.get("VersionId", ""), item.get("LastModified")
    else:
        for page in account.pages("list_objects_v2", Bucket=bucket, Prefix=prefix):
            yield from ((item["Key"], "", item.get("LastModified")) for item in page.get("Contents", []))


def _lock(account: Account, bucket: str, key: str, version: str) -> str:
    reply = account.request("get_object_retention", Bucket=bucket, Key=key, VersionId=version)
    until = reply.data.get("Retention", {}).get("RetainUntilDate")
    return f"until {_written(until)}" if until else f"refused: {reply}"


def _written(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds") if moment else ""
