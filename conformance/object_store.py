"""Requests to a cloud's object store with a tenant's account: bounded in time, answered with what the store said."""

from __future__ import annotations

import base64
import datetime as dt
import email.utils
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from conformance import tls
from conformance.api import TooFewRightsError
from conformance.declared import ObjectStore, S3Account
from conformance.reach import look_up
from core.errors import KitError

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 15.0
PREFIX = "govcloud-audit-"
"""Names of all buckets and objects of an audit begin so."""
FAMILIES = ("ipv4", "ipv6")
CLOCKS = dt.timedelta(seconds=3)
"""How far two clocks may be apart. Answers give their time in whole seconds, so two of it are not the clocks'."""
_DENIED = {"AccessDenied", "AllAccessDisabled", "Forbidden", "403", "401"}
_UNKNOWN_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch"}


@dataclass(frozen=True)
class Reply:
    """What the store said to one request."""

    asked: str
    status: int
    code: str = ""
    """S3's word for the refusal: ``AccessDenied``, ``NoSuchKey``."""
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the request was granted."""
        return 200 <= self.status < 300

    @property
    def denied(self) -> bool:
        """Whether it was refused because of who asked, or because of a rule that stands in the way."""
        return self.status in {401, 403} and (self.code in _DENIED or not self.code)

    @property
    def shut(self) -> bool:
        """Whether it reached nothing: refused, or the bucket is not even there for this account."""
        return self.denied or self.code == "NoSuchBucket"

    def __str__(self) -> str:
        return " ".join(word for word in (str(self.status), self.code, self.message) if word)


def places(store: ObjectStore, family: str = "") -> list[str]:
    """Return the addresses of the store's endpoint, of one family (``ipv4``, ``ipv6``) or of both."""
    host, _ = place_of(store)
    try:
        found = [str(address) for address in store.addresses] or look_up(host)
    except OSError as error:
        raise KitError(f"the object store's name {host} leads nowhere: {error.strerror}") from error
    return [it for it in dict.fromkeys(found) if family in {"", f"ipv{ip_address(it).version}"}]


def open_places(store: ObjectStore, family: str = "") -> list[str]:
    """Return the addresses of the store that take connections."""
    return [address for address in places(store, family) if tls.is_open(address, place_of(store)[1])]


def place_of(store: ObjectStore) -> tuple[str, int]:
    """Return name and port of the store's endpoint."""
    parts = urlsplit(str(store.endpoint))
    return parts.hostname or "", parts.port or 443


class Way:
    """Connections to one address of the store, trusted only with a certificate for the endpoint's name."""

    def __init__(self, store: ObjectStore, address: str) -> None:
        self.address = address
        host, port = place_of(store)
        self._pool = urllib3.HTTPSConnectionPool(
            address,
            port,
            server_hostname=host,
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(store.authority) if store.authority else None,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
            retries=False,
            maxsize=4,
        )

    def request(self, method: str, url: str, *, body: Any = None, headers: Any = None) -> urllib3.BaseHTTPResponse:
        """Send one request as it is to the address, whatever host the URL names. Raises KitError without an answer."""
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            return self._pool.request(
                method,
                path,
                body=body,
                headers={"Host": parts.netloc, **(headers or {})},
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            reason = str(getattr(error, "reason", None) or error).splitlines()[0]
            raise KitError(f"the object store at {self.address}: {reason[:300]}") from error

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Send what boto3 signed: a handler of its event ``before-send``."""
        headers = {
            name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()
        }
        answer = self.request(request.method, request.url, body=request.body, headers=headers)
        return AWSResponse(request.url, answer.status, HeadersDict(answer.headers), answer)


def way(store: ObjectStore, family: str = "") -> Way:
    """Return the way to the first address of the store that takes connections. Raises KitError where none does."""
    tried = places(store, family)
    for address in tried:
        if tls.is_open(address, place_of(store)[1]):
            return Way(store, address)
    host, port = place_of(store)
    among = f" over {family}" if family else ""
    detail = f"tried {', '.join(tried)}" if tried else "it has no such address"
    raise KitError(f"the object store {host} port {port} takes no connection{among}: {detail}")


class Account:
    """One account's requests to the store, or, without ``account``, those of nobody."""

    def __init__(self, name: str, store: ObjectStore, account: S3Account | None, through: Way) -> None:
        self.name = name
        keys = account.keys() if account else None
        self._access = keys.access if keys else ""
        self._principal = (account and account.principal) or self._access
        self.client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=str(store.endpoint).rstrip("/"),
            region_name=store.region,
            aws_access_key_id=keys.access if keys else None,
            aws_secret_access_key=keys.secret if keys else None,
            config=Config(
                signature_version="s3v4" if keys else UNSIGNED,
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        self.client.meta.events.register("before-send.s3", through.send)

    def is_same_as(self, other: Account) -> bool:
        """Whether both are one account of the store."""
        return self._access == other._access

    def request(self, operation: str, **parameters: Any) -> Reply:
        """Make one request, named as boto3 does (``put_object``), and return the answer, refusals included.

        A body that comes back is read whole. Raises KitError when there is no answer that decides anything.
        """
        where = "/".join(str(parameters[key]) for key in ("Bucket", "Key") if key in parameters)
        asked = f"{operation} {where} as {self.name}"
        try:
            data = getattr(self.client, operation)(**parameters)
            if "Body" in data:
                data["Body"] = data["Body"].read()
        except ClientError as error:
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            said = error.response.get("Error", {})
            reply = Reply(asked, status, str(said.get("Code", "")), str(said.get("Message", "")))
            if (status >= 500 and status != 501) or status in {0, 429} or 300 <= status < 400:
                raise KitError(f"the object store could not answer {asked}: {reply}") from error
            if reply.code in _UNKNOWN_KEYS:
                raise KitError(
                    f"the object store does not take the credentials of {self.name}: {reply.code}"
                ) from error
            return reply
        except (BotoCoreError, urllib3.exceptions.HTTPError) as error:
            raise KitError(f"the object store, {asked}: {str(error).splitlines()[0][:300]}") from error
        return Reply(asked, int(data["ResponseMetadata"]["HTTPStatusCode"]), data=data)

    def must(self, operation: str, **parameters: Any) -> Reply:
        """Make a request that has to be granted. Raises KitError with the store's reason."""
        reply = self.request(operation, **parameters)
        if not reply.ok:
            kind = TooFewRightsError if reply.denied else KitError
            raise kind(f"{reply.asked} has to be granted for an audit, and the store answered: {reply}")
        return reply

    def policy(self, bucket: str, *more: dict[str, Any]) -> str:
        """Return a bucket policy that gives this account all rights, with further statements."""
        own = {
            "Effect": "Allow",
            "Principal": {"AWS": [self._principal]},
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [own, *more]})

    def put(self, bucket: str, key: str, body: bytes, **more: Any) -> str:
        """Write an object, and return the id of its version."""
        return str(self.must("put_object", Bucket=bucket, Key=key, **whole(body), **more).data.get("VersionId", ""))

    def now(self) -> dt.datetime:
        """Return what the store's own clock says."""
        return date_of(self.must("list_buckets").data["ResponseMetadata"]["HTTPHeaders"])

    def pages(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """List page by page; a refusal raises KitError."""
        try:
            yield from self.client.get_paginator(operation).paginate(**parameters)
        except ClientError as error:
            said = error.response.get("Error", {})
            asked = f"{operation} {parameters.get('Bucket', '')} as {self.name}"
            raise TooFewRightsError(f"{asked}: {said.get('Code')} {said.get('Message')}") from error
        except (BotoCoreError, urllib3.exceptions.HTTPError) as error:
            raise KitError(f"the object store, {operation}: {str(error).splitlines()[0][:300]}") from error


def whole(body: bytes) -> dict[str, Any]:
    """Return a body with its digest, which the store has to check, and which a lock asks for."""
    return {"Body": body, "ContentMD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()}


def date_of(headers: Mapping[str, str]) -> dt.datetime:
    """Return the time that a server gave with an answer. Raises KitError."""
    given = next((value for key, value in headers.items() if key.lower() == "date"), "")
    try:
        return email.utils.parsedate_to_datetime(given)
    except ValueError:
        raise KitError(f"a server gives no time with its answers: {given!r}") from None
