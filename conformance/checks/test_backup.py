"""The backup that the cloud makes by itself: a canary is copied in time, its copy stays, and it comes back whole."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from conformance import store_cleaning
from conformance.declared import Backup, declared
from conformance.object_store import PREFIX, Account, whole
from conformance.plugin import EvidenceBook, requirement
from conformance.target import Target
from core.errors import KitError

OCTETS = 256 << 10
_LOOK_AGAIN = 0.5


@dataclass(frozen=True)
class Canary:
    """An object with content that nothing else has."""

    key: str
    content: bytes
    copied_after: float | None
    """Seconds until its copy was there, None where it did not come in time."""

    @property
    def digest(self) -> str:
        """SHA-256 of what it holds."""
        return hashlib.sha256(self.content).hexdigest()


@pytest.fixture(scope="session")
def backup(audit_target: Target) -> Backup:
    """Return what is backed up, and where to."""
    return declared(audit_target.backup, "backup of a bucket (backup)")


@pytest.fixture(scope="module")
def canary(backup: Backup, account_a: Account, run_id: str) -> Iterator[Callable[[], Canary]]:
    """Put a canary once, and wait for its copy; remove it at the end. Its copy goes when the backup forgets it."""
    key = f"{PREFIX}{run_id}-canary-{secrets.token_hex(3)}"
    made: list[Canary] = []

    def once() -> Canary:
        if not made:
            content = secrets.token_bytes(OCTETS)
            account_a.put(backup.source, key, content)
            began = time.monotonic()
            while not (there := account_a.request("head_object", Bucket=backup.copies, Key=key)).ok:
                if there.denied:
                    break
                if time.monotonic() - began > backup.rpo_seconds:
                    break
                time.sleep(_LOOK_AGAIN)
            made.append(Canary(key, content, time.monotonic() - began if there.ok else None))
        return made[0]

    yield once
    store_cleaning.remove_object(account_a, backup.source, key)


@requirement("GVC-BKP-01")
def test_change_is_copied_in_time(
    backup: Backup, canary: Callable[[], Canary], account_a: Account, evidence: EvidenceBook
) -> None:
    """What is put into the bucket is copied with nobody's doing, within the declared time (RPO), octet by octet."""
    it = canary()
    evidence.add(f"put {it.key} of {OCTETS} octets into {backup.source}", f"SHA-256 {it.digest}")
    after = f"there after {it.copied_after:.1f} s" if it.copied_after is not None else "not there"
    evidence.add(f"look for its copy in {backup.copies} for at most {backup.rpo_seconds:g} s", after)
    assert it.copied_after is not None, f"no copy came within the declared {backup.rpo_seconds:g} s"
    read = account_a.must("get_object", Bucket=backup.copies, Key=it.key).data["Body"]
    evidence.add("read the copy", f"SHA-256 {hashlib.sha256(read).hexdigest()}")
    assert read == it.content, "the copy is not what was put"


@requirement("GVC-BKP-02")
def test_lost_object_comes_back(
    backup: Backup, canary: Callable[[], Canary], account_a: Account, evidence: EvidenceBook
) -> None:
    """An object that was lost with all versions is brought back from its copy in the declared time (RTO), unchanged."""
    it = canary()
    store_cleaning.remove_object(account_a, backup.source, it.key)
    gone = account_a.request("get_object", Bucket=backup.source, Key=it.key)
    evidence.add(f"remove {it.key} from {backup.source} with all versions, and read it", gone)
    if gone.ok:
        raise KitError("the canary cannot be removed, so it cannot be brought back either")
    began = time.monotonic()
    copy = account_a.request("get_object", Bucket=backup.copies, Key=it.key)
    assert copy.ok, f"there is no copy to bring back: {copy}"
    account_a.put(backup.source, it.key, copy.data["Body"])
    back = account_a.must("get_object", Bucket=backup.source, Key=it.key).data["Body"]
    took = time.monotonic() - began
    evidence.add("bring it back from its copy", f"{took:.1f} s, SHA-256 {hashlib.sha256(back).hexdigest()}")
    assert back == it.content, f"what came back is not what was lost: SHA-256 {it.digest} before"
    assert took <= backup.rto_seconds, f"it took {took:.1f} s, and {backup.rto_seconds:g} s are declared"


@requirement("GVC-BKP-01")
def test_copies_are_apart(
    backup: Backup, canary: Callable[[], Canary], account_a: Account, account_b: Account, evidence: EvidenceBook
) -> None:
    """Whoever owns the data reads its copies and cannot remove or change them; nobody else reads them."""
    # comes last: where the copy can be changed, it is no longer what the other checks look for
    it = {"Bucket": backup.copies, "Key": canary().key}
    listed = account_a.must("list_objects_v2", Bucket=backup.copies, MaxKeys=1)
    evidence.add(listed.asked, listed.status)
    if not listed.data.get("Contents"):
        raise KitError(f"there is no copy in {backup.copies}, so what may be done with one cannot be tried")
    done = []
    for account, operation, more in (
        (account_a, "delete_object", it),
        (account_a, "put_object", {**it, **whole(b"changed")}),
        (account_a, "delete_bucket_policy", {"Bucket": backup.copies}),
        (account_b, "get_object", it),
        (account_b, "list_objects_v2", {"Bucket": backup.copies}),
    ):
        reply = account.request(operation, **more)
        evidence.add(reply.asked, reply)
        done += [] if reply.shut else [f"{reply.asked} ({reply.status})"]
    assert not done, f"not refused: {'; '.join(done)}"
