"""To whom the object store opens what it keeps."""

from __future__ import annotations

import time
from typing import Any

import pytest

from conformance.declared import ObjectStore
from conformance.object_store import Account, Way, open_places, way, whole
from conformance.plugin import EvidenceBook, requirement
from conformance.store_cleaning import Buckets, Owned
from core.errors import KitError

PRESIGNED_SECONDS = 2


def _asked(what: str, owned: Owned) -> list[tuple[str, dict[str, Any]]]:
    """Return the requests to a bucket that one kind of access is made of."""
    bucket = {"Bucket": owned.bucket}
    policy = {"Policy": owned.owner.policy(owned.bucket)}
    return {
        "read": [("get_object", {**bucket, "Key": "own"}), ("head_object", {**bucket, "Key": "own"})],
        "list": [("list_objects_v2", bucket), ("list_object_versions", bucket)],
        "write": [("put_object", {**bucket, "Key": "own", **whole(b"again")})],
        "delete": [("delete_object", {**bucket, "Key": "own"})],
        "policy": [("put_bucket_policy", {**bucket, **policy}), ("get_bucket_policy", bucket)],
    }[what]


@requirement("GVC-ISO-03")
@pytest.mark.parametrize("what", ["read", "list", "write", "delete", "policy"])
def test_accounts_are_apart(bucket_a: Owned, bucket_b: Owned, what: str, evidence: EvidenceBook) -> None:
    """What an owner may do with its bucket the other account may not, in both directions."""
    granted = []
    for mine, other in ((bucket_a, bucket_b.owner), (bucket_b, bucket_a.owner)):
        mine.owner.put(mine.bucket, "own", b"own")
        for operation, parameters in _asked(what, mine):
            reply = mine.owner.must(operation, **parameters)
            evidence.add(reply.asked, reply)
            if what == "delete":
                mine.owner.put(mine.bucket, "own", b"own")
            reply = other.request(operation, **parameters)
            evidence.add(reply.asked, reply)
            granted += [] if reply.shut else [f"{reply.asked} ({reply.status})"]
        if what == "policy":
            mine.owner.must("delete_bucket_policy", Bucket=mine.bucket)
    assert not granted, f"not refused: {'; '.join(granted)}"


@requirement("GVC-ISO-03", "GVC-IP6-04")
def test_nobody_is_refused(bucket_a: Owned, object_store: ObjectStore, evidence: EvidenceBook) -> None:
    """Who shows no credentials reads, lists and writes nothing, at any address of the store."""
    bucket_a.owner.put(bucket_a.bucket, "own", b"own")
    requests = [("list_buckets", {}), *(pair for what in ("read", "list", "write") for pair in _asked(what, bucket_a))]
    for operation, parameters in requests:
        reply = bucket_a.owner.must(operation, **parameters)
        evidence.add(reply.asked, reply.status)
    granted = []
    for address in open_places(object_store):
        nobody = Account(f"nobody at {address}", object_store, None, Way(object_store, address))
        for operation, parameters in requests:
            reply = nobody.request(operation, **parameters)
            evidence.add(reply.asked, reply)
            granted += [] if reply.shut else [f"{reply.asked} ({reply.status})"]
    assert not granted, f"answered without credentials: {'; '.join(granted)}"


@requirement("GVC-CAP-03")
def test_presigned_address_ends(bucket_a: Owned, object_store: ObjectStore, evidence: EvidenceBook) -> None:
    """An address that is signed for a time opens that object for that time, and no other one."""
    for key in ("lent", "other"):
        bucket_a.owner.put(bucket_a.bucket, key, key.encode())
    it = {"Bucket": bucket_a.bucket, "Key": "lent"}
    address = bucket_a.owner.client.generate_presigned_url("get_object", Params=it, ExpiresIn=PRESIGNED_SECONDS)
    through = way(object_store)
    got = through.request("GET", address)
    body = got.data
    evidence.add(f"GET an address that is signed for {PRESIGNED_SECONDS} s", f"{got.status}, {len(body)} octets")
    other = through.request("GET", address.replace("/lent?", "/other?"))
    evidence.add("GET another object with the same signature", other.status)
    time.sleep(PRESIGNED_SECONDS + 1.1)
    late = through.request("GET", address)
    evidence.add("GET the address when its time is over", late.status)
    assert (got.status, body) == (200, b"lent"), f"a presigned address does not open its object: {got.status}"
    assert other.status in {400, 401, 403}, f"a signature for one object opens another: {other.status}"
    assert late.status in {400, 401, 403}, f"a presigned address works after its time: {late.status}"


@requirement("GVC-DAT-05")
def test_bucket_is_not_made_public(
    account_a: Account, nobody: Account, buckets: Buckets, evidence: EvidenceBook
) -> None:
    """An owner's own policy or access list does not open a bucket to everybody: it is refused, or has no effect."""
    mine = buckets.make(account_a, "public")
    account_a.put(mine.bucket, "own", b"own")
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{mine.bucket}/*",
    }
    read = {"Bucket": mine.bucket, "Key": "own"}
    evidence.add("read as owner", account_a.must("get_object", **read).status)
    for operation, parameters in (
        ("put_bucket_policy", {"Policy": account_a.policy(mine.bucket, everybody)}),
        ("put_bucket_acl", {"ACL": "public-read"}),
        ("put_object_acl", {"Key": "own", "ACL": "public-read"}),
    ):
        reply = account_a.request(operation, Bucket=mine.bucket, **parameters)
        evidence.add(f"open to everybody by {operation}", reply)
        if operation == "put_bucket_policy" and not (reply.ok or reply.denied):
            raise KitError(f"whether a public policy is refused cannot be told: {reply}")
        reply = nobody.request("get_object", **read)
        evidence.add(reply.asked, reply)
        assert reply.shut, f"everybody may read after {operation}"
