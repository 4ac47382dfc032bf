"""The store of archives, through boto3: objects are streamed in, locked where the bucket can, and read back."""

from __future__ import annotations

import configparser
import datetime as dt
import hashlib
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.errors import KitError
from modules.leaving.models import Stored
from modules.leaving.settings import ArchiveSettings

_PIECE: Final = 1 << 20
_PART: Final = 16 << 20
_PARTS: Final = 9000
"""Parts that an upload has at most, a little below the 10,000 of S3."""


class Store:
    """A bucket. Every method raises KitError with what the store said."""

    def __init__(self, settings: ArchiveSettings) -> None:
        self._settings = settings
        self._bucket = settings.bucket
        with self._told("be reached"):
            self._s3: Any = boto3.client(
                "s3",
                endpoint_url=settings.endpoint or None,
                region_name=settings.region,
                verify=str(settings.ca) if settings.ca else None,
                config=Config(
                    s3={"addressing_style": "path"},
                    retries={"mode": "standard", "max_attempts": 4},
                    connect_timeout=10,
                    read_timeout=120,
                ),
                **_credentials(settings),
            )

    @property
    def where(self) -> str:
        """Name the bucket for people."""
        return f"bucket {self._bucket} at {self._settings.endpoint or 'the endpoint of boto3'}"

    def locks(self) -> bool:
        """Tell whether the bucket is there and can lock objects."""
        with self._told("be used"):
            self._s3.head_bucket(Bucket=self._bucket)
            try:
                found = self._s3.get_object_lock_configuration(Bucket=self._bucket)
            except ClientError as error:
                # a store without the feature answers that it is not implemented, one without the setting that none is
                if error.response["Error"]["Code"] in {
                    "ObjectLockConfigurationNotFoundError",
                    "NotImplemented",
                    "InvalidRequest",
                    "MethodNotAllowed",
                }:
                    return False
                raise
        return bool(found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def put(self, key: str, content: IO[bytes], what: str, locked_until: dt.datetime | None, size: int = 0) -> Stored:
        """Store all that a stream gives, and read it back. ``size`` is about how much that is, in bytes.

        The lock goes with each object: a bucket's default is not enough, who can change it could delete the objects.
        """
        hashed = _Hashed(content)
        extra: dict[str, Any] = {"ChecksumAlgorithm": "SHA256"}
        if locked_until is not None:
            extra |= {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": locked_until}
        parts = TransferConfig(multipart_chunksize=max(_PART, size // _PARTS + 1), max_concurrency=2)
        with self._told(f"store {key}"):
            self._s3.upload_fileobj(hashed, self._bucket, key, ExtraArgs=extra, Config=parts)
            version = self._s3.head_object(Bucket=self._bucket, Key=key).get("VersionId", "")
        sent = Stored(key=key, version=version, size=hashed.size, sha256=hashed.sha256, what=what)
        return sent.model_copy(update={"entries": self.verify(sent)})

    def verify(self, stored: Stored) -> int | None:
        """Read an object back, whole; return how many entries it has if it is a tar.

        Raises KitError when it is not what was sent.
        """
        version = {"VersionId": stored.version} if stored.version else {}
        with self._told(f"give {stored.key} back"):
            body = self._s3.get_object(Bucket=self._bucket, Key=stored.key, **version)["Body"]
            hashed = _Hashed(body)
            entries = _entries(hashed, stored.key) if stored.key.endswith(".tar") else None
            while hashed.read(_PIECE):
                pass
        if (hashed.size, hashed.sha256) != (stored.size, stored.sha256):
            raise KitError(
                f"{stored.key} in {self.where} is not what was sent: {hashed.size} bytes, SHA-256 {hashed.sha256}; "
                f"sent were {stored.size} bytes, {stored.sha256}",
                "nothing was deleted; find out who changes the archive",
            )
        return entries

    def forget_unfinished(self, prefix: str) -> None:
        """Remove the parts of uploads that were killed, so that they cost no room."""
        with self._told(f"list unfinished uploads below {prefix}"):
            found = self._s3.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix).get("Uploads", [])
            for it in found:
                if it["Key"].startswith(prefix):
                    self._s3.abort_multipart_upload(Bucket=self._bucket, Key=it["Key"], UploadId=it["UploadId"])

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            said = " ".join(str(error).split())
            raise KitError(
                f"{self.where} cannot {what}: {said}",
                "see endpoint, bucket, ca and credentials in the archive's settings",
            ) from error


class _Hashed(io.RawIOBase):
    """A stream that counts and digests what is read of it."""

    def __init__(self, source: IO[bytes]) -> None:
        super().__init__()
        self._source = source
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return this many bytes, fewer only at the end."""
        taken = bytearray()
        while size < 0 or len(taken) < size:
            piece = self._source.read(_PIECE if size < 0 else min(_PIECE, size - len(taken)))
            if not piece:
                break
            taken += piece
        self._digest.update(taken)
        self.size += len(taken)
        return bytes(taken)


def _entries(content: _Hashed, key: str) -> int:
    try:
        with tarfile.open(fileobj=content, mode="r|") as tar:
            return sum(1 for _ in tar)
    except tarfile.TarError as error:
        raise KitError(f"{key} is no tar that can be read: {error}", "nothing was deleted; store it anew") from error


def _credentials(settings: ArchiveSettings) -> dict[str, str]:
    """Return what signs the requests, if a file of its own is named; else boto3 finds it."""
    if settings.credentials is None:
        return {}
    found = configparser.ConfigParser()
    try:
        found.read_string(settings.credentials.read_text(encoding="utf-8"))
        return {name: found["default"][name] for name in ("aws_access_key_id", "aws_secret_access_key")}
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        raise KitError(
            f"{settings.credentials}: holds no [default] with aws_access_key_id and aws_secret_access_key",
            "write such a file, readable by you alone",
        ) from None
