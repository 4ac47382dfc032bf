"""What the object store keeps, where, and until when."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

from conformance import store_cleaning
from conformance.declared import ObjectStore, declared
from conformance.object_store import Account, whole
from conformance.plugin import EvidenceBook, requirement
from conformance.store_cleaning import LOCK_SECONDS, Buckets, Owned
from core.errors import KitError
from modules.labels import DATA_CLASS

PART = 5 << 20
"""The least size of a part but the last, in S3."""


@requirement("GVC-CAP-03", "GVC-LOG-03")
def test_lock_holds(account_a: Account, buckets: Buckets, evidence: EvidenceBook) -> None:
    """A version locked in compliance mode cannot be deleted and its lock not be shortened, not even by its owner."""
    owned, made = buckets.ask(account_a, "lock", ObjectLockEnabledForBucket=True)
    bucket = owned.bucket
    evidence.add("make a bucket whose objects can be locked", made)
    assert made.ok, f"the store locks no objects: {made}"
    free = account_a.put(bucket, "free", b"free")
    reply = account_a.request("delete_object", Bucket=bucket, Key="free", VersionId=free)
    evidence.add("delete a version that is not locked", reply)
    if not reply.ok:
        raise KitError(f"a version that is not locked cannot be deleted either, so a refusal means nothing: {reply}")
    until = account_a.now() + dt.timedelta(seconds=LOCK_SECONDS)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    locked = account_a.request("put_object", Bucket=bucket, Key="locked", **whole(b"locked"), **lock)
    version = str(locked.data.get("VersionId", ""))
    evidence.add(f"put an object that is locked until {until:%H:%M:%S} UTC", f"{locked}, version {version}")
    assert locked.ok, f"an object cannot be locked in compliance mode: {locked}"
    it = {"Bucket": bucket, "Key": "locked", "VersionId": version}
    earlier, bypass = until - dt.timedelta(seconds=LOCK_SECONDS - 1), {"BypassGovernanceRetention": True}
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("delete the version", "delete_object", {}),
        ("delete it past the lock", "delete_object", bypass),
        (
            "shorten the lock",
            "put_object_retention",
            {"Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": earlier}, **bypass},
        ),
        (
            "weaken the lock",
            "put_object_retention",
            {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": until}, **bypass},
        ),
    ]
    done = []
    for what, operation, more in attempts:
        reply = account_a.request(operation, **it, **more)
        evidence.add(what, reply)
        done += [what] if reply.ok else []
    account_a.request("put_object", Bucket=bucket, Key="locked", **whole(b"over it"))
    kept = account_a.request("get_object", **it)
    evidence.add("read the version after another was put over it", kept)
    assert not done, f"not refused for a locked object: {', '.join(done)}"
    assert kept.data.get("Body") == b"locked", f"the locked version does not come back: {kept}"


@requirement("GVC-CAP-03")
def test_versions_are_kept(bucket_a: Owned, evidence: EvidenceBook) -> None:
    """What was overwritten and what was deleted can be read again, octet by octet."""
    owner, bucket = bucket_a.owner, bucket_a.bucket
    reply = owner.request("put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    evidence.add("have a bucket keep versions", reply)
    assert reply.ok, f"the store keeps no versions: {reply}"
    first, second = owner.put(bucket, "kept", b"first"), owner.put(bucket, "kept", b"second")
    gone = owner.must("delete_object", Bucket=bucket, Key="kept")
    evidence.add("put an object, put another over it, delete it", f"versions {first}, {second}; {gone}")
    now = owner.request("get_object", Bucket=bucket, Key="kept")
    evidence.add("read the object", now)
    assert now.status == 404, f"a deleted object is still answered: {now}"
    for version, content in ((first, b"first"), (second, b"second")):
        again = owner.request("get_object", Bucket=bucket, Key="kept", **({"VersionId": version} if version else {}))
        evidence.add(f"read version {version}", f"{again.status}, {len(again.data.get('Body', b''))} octets")
        assert version, "the store gives no id of a version with what it takes"
        assert again.data.get("Body") == content, f"version {version} does not come back as it was: {again}"


@requirement("GVC-CAP-03")
def test_multipart_is_put_together(bucket_a: Owned, evidence: EvidenceBook) -> None:
    """An object that comes in parts is whole at the end, and its parts are no object before."""
    owner, name = bucket_a.owner, {"Bucket": bucket_a.bucket, "Key": "parts"}
    parts = [secrets.token_bytes(1024) * (PART // 1024), b"the end"]
    begun = owner.request("create_multipart_upload", **name)
    assert begun.ok, f"the store takes no object in parts: {begun}"
    upload = begun.data["UploadId"]
    tags = []
    for number, body in enumerate(parts, 1):
        sent = owner.must("upload_part", **name, UploadId=upload, PartNumber=number, **whole(body))
        tags.append({"PartNumber": number, "ETag": sent.data["ETag"]})
    before = owner.request("get_object", **name)
    evidence.add(f"send parts of {', '.join(str(len(body)) for body in parts)} octets, and read the object", before)
    assert before.status == 404, f"an upload that is not complete can be read: {before}"
    ended = owner.request("complete_multipart_upload", **name, UploadId=upload, MultipartUpload={"Parts": tags})
    evidence.add("complete the upload", ended)
    assert ended.ok, f"the parts cannot be put together: {ended}"
    read = owner.request("get_object", **name).data.get("Body", b"")
    evidence.add("read the object", f"{len(read)} octets, SHA-256 {hashlib.sha256(read).hexdigest()}")
    assert read == b"".join(parts), "what comes back is not what was sent in parts"


@requirement("GVC-DAT-05")
def test_bucket_carries_a_class(bucket_a: Owned, evidence: EvidenceBook) -> None:
    """A bucket takes a tag with the class of its data, and says it again."""
    tag = {"Key": DATA_CLASS, "Value": "important"}
    put = bucket_a.owner.request("put_bucket_tagging", Bucket=bucket_a.bucket, Tagging={"TagSet": [tag]})
    evidence.add(f"tag a bucket with {DATA_CLASS}", put)
    assert put.ok, f"a bucket takes no tag: {put}"
    read = bucket_a.owner.request("get_bucket_tagging", Bucket=bucket_a.bucket)
    evidence.add("read the bucket's tags", read.data.get("TagSet", read))
    assert tag in read.data.get("TagSet", []), f"the tag does not come back: {read}"


@requirement("GVC-DAT-01")
def test_data_stays_in_declared_regions(
    bucket_a: Owned, object_store: ObjectStore, buckets: Buckets, evidence: EvidenceBook
) -> None:
    """A bucket lies in a region that is declared to stand in Viet Nam, and none is made in another."""
    what = "regions of the object store in Viet Nam (object_store.domestic_regions)"
    domestic = declared(object_store.domestic_regions, what)
    said = bucket_a.owner.must("get_bucket_location", Bucket=bucket_a.bucket).data.get("LocationConstraint")
    region = str(said or "us-east-1")  # how S3 writes its first region
    evidence.add("ask where a bucket lies", region)
    assert region in domestic, f"the bucket lies in {region}, which is not among {', '.join(domestic)}"
    granted = []
    for abroad in ("us-west-2", "eu-west-1", "ap-southeast-1"):
        if abroad in domestic:
            continue
        place = {"CreateBucketConfiguration": {"LocationConstraint": abroad}}
        _, reply = buckets.ask(bucket_a.owner, abroad, **place)
        evidence.add(f"make a bucket in {abroad}", reply)
        granted += [abroad] if reply.ok else []
    assert not granted, f"a bucket was made in {', '.join(granted)}"


@requirement("GVC-DAT-06")
def test_erased_bucket_is_gone(account_a: Account, buckets: Buckets, evidence: EvidenceBook) -> None:
    """A bucket that was removed with all versions is gone for its owner, and comes back empty under the same name."""
    mine = buckets.make(account_a, "erased")
    kept = account_a.request("put_bucket_versioning", Bucket=mine.bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [account_a.put(mine.bucket, "old", body) for body in (b"first", b"second")]
    evidence.add("put two versions of an object", f"{', '.join(versions)} (versions kept: {kept})")
    store_cleaning.remove_bucket(account_a, mine.bucket)
    gone = account_a.request("get_object", Bucket=mine.bucket, Key="old")
    evidence.add("remove the bucket with all versions, and read", gone)
    assert gone.status == 404, f"the bucket still answers: {gone}"
    account_a.must("create_bucket", Bucket=mine.bucket)
    account_a.request("put_bucket_versioning", Bucket=mine.bucket, VersioningConfiguration={"Status": "Enabled"})
    listed = account_a.request("list_object_versions", Bucket=mine.bucket)
    if not listed.ok:
        listed = account_a.must("list_objects_v2", Bucket=mine.bucket)
    there = [*listed.data.get("Versions", []), *listed.data.get("DeleteMarkers", []), *listed.data.get("Contents", [])]
    evidence.add("make a bucket of the same name, and list its versions", [item["Key"] for item in there])
    back = [
        version
        for version in filter(None, versions)
        if account_a.request("get_object", Bucket=mine.bucket, Key="old", VersionId=version).ok
    ]
    evidence.add("read the erased versions by their ids", ", ".join(back) or "none comes back")
    assert not there, f"erased objects are listed again: {', '.join(item['Key'] for item in there)}"
    assert not back, f"erased versions can be read again: {', '.join(back)}"
