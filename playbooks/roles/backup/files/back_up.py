"""Copy what is in one bucket into another, again and again: ``SETTINGS OPERATOR AUTHORITY``.

The source is its owner's to change; of the copies the owner reads all and removes none. The copy of an object that is
gone stays for a time.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CHANGE = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"]
READ = ["s3:GetObject", "s3:GetObjectVersion"]
LOOK = ["s3:ListBucket", "s3:ListBucketVersions"]


def policy(bucket: str, owner: str, objects: list[str]) -> dict[str, Any]:
    """Return what the owner may do with the objects of a bucket, besides listing them."""
    place = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": [owner]}, "Action": what, "Resource": where}
            for what, where in ((objects, f"{place}/*"), (LOOK, place))
        ],
    }


def settle(s3: Any, bucket: str, wanted: dict[str, Any]) -> None:
    """Make a bucket that keeps versions, with the rights of its policy."""
    if bucket not in {entry["Name"] for entry in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(wanted))


def listed(s3: Any, bucket: str) -> dict[str, Any]:
    """Return what is in a bucket, by key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"]: item for page in pages for item in page.get("Contents", [])}


def step(s3: Any, source: str, copies: str, keep_seconds: float) -> None:
    """Copy what is new or changed, and forget the copies of what has been gone for long."""
    there, kept = listed(s3, source), listed(s3, copies)
    for key, item in there.items():
        if key not in kept or kept[key]["ETag"] != item["ETag"]:
            s3.copy_object(Bucket=copies, Key=key, CopySource={"Bucket": source, "Key": key})
    for key in kept.keys() - there.keys():
        if time.time() - kept[key]["LastModified"].timestamp() > keep_seconds:
            s3.delete_object(Bucket=copies, Key=key)


def main() -> None:
    """Run until ended."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    keys = dict(line.split(": ", 1) for line in Path(sys.argv[2]).read_text().splitlines())
    s3 = boto3.client(
        "s3",
        endpoint_url=settings["endpoint"],
        region_name=settings["region"],
        aws_access_key_id=keys["access"],
        aws_secret_access_key=keys["secret"],
        verify=sys.argv[3],
        config=Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=20),
    )
    source, copies, owner = settings["source"], settings["copies"], settings["owner"]
    settled = False
    while True:
        try:
            if not settled:
                settle(s3, source, policy(source, owner, CHANGE))
                settle(s3, copies, policy(copies, owner, READ))
                settled = True
            step(s3, source, copies, settings["keep_seconds"])
        except (BotoCoreError, ClientError) as error:
            sys.stderr.write(f"not copied, trying again: {error}\n")
        time.sleep(settings["seconds"])


if __name__ == "__main__":
    main()
