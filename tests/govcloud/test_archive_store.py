"""The archive's store against a real one: what goes in comes back, is locked, and a change is seen."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import KitError
from govcloud.offboarding.store import Store
from tests.object_store import ObjectStore, running

pytestmark = pytest.mark.toolchain

LARGE = 40 << 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running(tmp_path_factory.mktemp("store")) as made:
        yield made


def tar(count: int) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as file:
        for number in range(count):
            info = tarfile.TarInfo(f"tờ khai {number}")
            info.size = 1000
            file.addfile(info, io.BytesIO(bytes(1000)))
    return content.getvalue()


def test_stream_goes_in_and_comes_back(store: ObjectStore) -> None:
    """More than one part of an upload, from a stream that cannot be wound back, has the digest that was sent."""
    data = bytes(range(256)) * (LARGE // 256)
    stored = Store(store.settings()).put("a/large", io.BytesIO(data), "large", None)
    assert (stored.size, stored.sha256) == (LARGE, hashlib.sha256(data).hexdigest())
    assert stored.version


def test_entries_of_a_tar_are_counted(store: ObjectStore) -> None:
    """A person sees how many files an archive holds; what is cut off is refused."""
    assert Store(store.settings()).put("a/good.tar", io.BytesIO(tar(7)), "t", None).entries == 7
    with pytest.raises(KitError, match="no tar that can be read"):
        Store(store.settings()).put("a/cut.tar", io.BytesIO(tar(7)[:4000]), "t", None)


def test_what_was_changed_is_seen(store: ObjectStore) -> None:
    """An object that another one took the place of is refused, in a bucket without versions too."""
    at = Store(store.settings("plain"))
    stored = at.put("b/x", io.BytesIO(b"one"), "x", None)
    assert at.verify(stored) is None
    store.client().put_object(Bucket="plain", Key="b/x", Body=b"two")
    with pytest.raises(KitError, match="is not what was sent"):
        at.verify(stored)


def test_locked_object_cannot_be_deleted(store: ObjectStore) -> None:
    """The lock goes with the object: not even the store's root user deletes it before its day."""
    at = Store(store.settings())
    assert at.locks()
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    stored = at.put("c/locked", io.BytesIO(b"kept"), "x", until)
    free = at.put("c/free", io.BytesIO(b"not kept"), "x", None)
    client = store.client()
    client.delete_object(Bucket="archive", Key=free.key, VersionId=free.version)
    with pytest.raises(client.exceptions.ClientError, match=r"(?i)access|lock|denied"):
        client.delete_object(Bucket="archive", Key=stored.key, VersionId=stored.version, BypassGovernanceRetention=True)
    assert at.verify(stored) is None


def test_bucket_without_locks_is_told(store: ObjectStore) -> None:
    assert not Store(store.settings("plain")).locks()


def test_unfinished_uploads_are_removed(store: ObjectStore) -> None:
    """What a killed run left costs no room, and other agencies' uploads go on."""
    client = store.client()
    for key in ("d/mine/x", "d/other/x"):
        client.create_multipart_upload(Bucket="archive", Key=key)
    Store(store.settings()).forget_unfinished("d/mine/")
    left = [it["Key"] for it in client.list_multipart_uploads(Bucket="archive").get("Uploads", [])]
    assert left == ["d/other/x"]


def test_certificate_is_checked(store: ObjectStore, tmp_path: Path) -> None:
    """Without the authority's certificate nothing is sent."""
    file = store.settings_file()
    text = file.read_text().replace("ca: server.crt\n", "")
    bare = store.folder / "bare.yaml"
    bare.write_text(text)
    from modules.leaving import settings

    with pytest.raises(KitError, match=r"(?i)certificate"):
        Store(settings.load(bare)).locks()


def test_wrong_bucket_is_told_in_a_line(store: ObjectStore) -> None:
    with pytest.raises(KitError, match="bucket nowhere at https"):
        Store(store.settings("nowhere")).locks()
