"""Make the object store's accounts and buckets what settings.json says; print a line for each thing changed."""

from __future__ import annotations

import json
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session

FOLDER = Path("/etc/govcloud/object-store")
AUTHORITY = "/etc/govcloud/authority/authority.pem"
REFUSED = 300
"""HTTP statuses from here on say that a request was not carried out."""
READ = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention"]
LOOK = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"]
WRITE = ["s3:PutObject", "s3:PutObjectRetention"]


def keys(account: str) -> tuple[str, str]:
    """Return access key and secret of an account."""
    lines = (FOLDER / "accounts" / f"{account}.yaml").read_text().splitlines()
    found = dict(line.split(": ", 1) for line in lines)
    return found["access"], found["secret"]


def policy(bucket: str, readers: list[str], writer: str) -> dict[str, Any]:
    """Return who may do what with a bucket that the cloud writes: tenants read their own, nobody removes."""
    objects, whole = f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}"
    statements = [(readers, READ, objects), (readers, LOOK, whole), ([writer], WRITE, objects)]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": who}, "Action": what, "Resource": where}
            for who, what, where in statements
            if who
        ],
    }


class Store:
    """The store with the operator's rights."""

    def __init__(self, endpoint: str, region: str) -> None:
        access, secret = keys("operator")
        self.region = region
        self.endpoint, self.credentials = endpoint, Credentials(access, secret)
        self.http = URLLib3Session(verify=AUTHORITY)
        self.s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            verify=AUTHORITY,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
        )

    def wait(self, seconds: float = 30) -> None:
        """Wait until it answers."""
        until = time.monotonic() + seconds
        while True:
            try:
                self.s3.list_buckets()
            except BotoCoreError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return

    def administer(self, action: str, body: str = "") -> str:
        """Send a request of the store's administration; return the answer."""
        request = AWSRequest("PATCH", f"{self.endpoint}/{action}", data=body.encode())
        S3SigV4Auth(self.credentials, "s3", self.region).add_auth(request)
        answer = self.http.send(request.prepare())
        text: str = answer.content.decode(errors="replace")
        if answer.status_code >= REFUSED:
            raise SystemExit(f"{action.partition('?')[0]}: the store answered {answer.status_code}: {text[:200]}")
        return text


def element(name: str, **fields: str) -> str:
    """Return an XML element with fields."""
    root = ET.Element(name)
    for field, value in fields.items():
        ET.SubElement(root, field).text = value
    return ET.tostring(root, encoding="unicode")


def settle_accounts(store: Store, accounts: dict[str, str]) -> Iterator[str]:
    """Make what accounts are missing, and give those that are there the role and the secret of their file."""
    listed = ET.fromstring(store.administer("list-users"))  # noqa: S314 - the store is ours
    roles = {entry.findtext("Access"): entry.findtext("Role") for entry in listed.iter("Accounts")}
    for name, role in accounts.items():
        access, secret = keys(name)
        if access not in roles:
            numbers = {"UserID": "0", "GroupID": "0", "ProjectID": "0"}
            store.administer("create-user", element("Account", Access=access, Secret=secret, Role=role, **numbers))
            yield f"account {name} made"
        elif roles[access] != role or not works(store, access, secret):
            store.administer(f"update-user?access={access}", element("MutableProps", Secret=secret, Role=role))
            yield f"account {name} changed"


def works(store: Store, access: str, secret: str) -> bool:
    """Whether the store takes an account's secret."""
    request = AWSRequest("GET", f"{store.endpoint}/")
    S3SigV4Auth(Credentials(access, secret), "s3", store.region).add_auth(request)
    return bool(store.http.send(request.prepare()).status_code < REFUSED)


def settle_bucket(store: Store, bucket: str, wanted: dict[str, Any], days: int = 0) -> Iterator[str]:
    """Make a bucket with the grants of its policy and no others; with ``days`` its objects are locked for so long."""
    there = {entry["Name"] for entry in store.s3.list_buckets()["Buckets"]}
    if bucket not in there:
        store.s3.create_bucket(Bucket=bucket, **({"ObjectLockEnabledForBucket": True} if days else {}))
        yield f"bucket {bucket} made"
    if days:
        yield from settle_lock(store, bucket, days)
    if asked(lambda: json.loads(store.s3.get_bucket_policy(Bucket=bucket)["Policy"])) != wanted:
        store.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(wanted))
        yield f"bucket {bucket}: policy changed"


def settle_lock(store: Store, bucket: str, days: int) -> Iterator[str]:
    """Lock what comes into a bucket for so many days, and keep its versions."""
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}}}
    if asked(lambda: store.s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]) != rule:
        store.s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=rule)
        yield f"bucket {bucket}: lock changed"
    if asked(lambda: store.s3.get_bucket_versioning(Bucket=bucket).get("Status")) != "Enabled":
        store.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield f"bucket {bucket}: versioning changed"


def asked(question: Any) -> Any:
    """Return the answer, or None where the store has none."""
    try:
        return question()
    except ClientError:
        return None


def settle(store: Store, settings: dict[str, Any]) -> Iterator[str]:
    """Make everything what the settings say; yield a line for each thing that was not."""
    yield from settle_accounts(store, settings["accounts"])
    for bucket, readers in settings["log_buckets"].items():
        wanted = policy(bucket, readers, settings["log_writer"])
        yield from settle_bucket(store, bucket, wanted, settings["log_days"])
    for bucket, readers in settings["alert_buckets"].items():
        yield from settle_bucket(store, bucket, policy(bucket, readers, settings["alert_writer"]))


def main() -> None:
    """Settle everything."""
    settings = json.loads((FOLDER / "settings.json").read_text())
    store = Store(settings["endpoint"], settings["region"])
    try:
        store.wait()
        for change in settle(store, settings):
            sys.stdout.write(f"{change}\n")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"the object store at {settings['endpoint']}: {error}")


if __name__ == "__main__":
    main()
