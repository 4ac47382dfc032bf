"""The checks of the object store on a real one: good, they pass; broken, those of what is broken fail by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import store_cleaning, target
from conformance.object_store import Account, way
from conformance.results import Run, Verdict
from conformance.run import FOLDER, audit
from tests import object_store
from tests.conformance.conftest import write_target

pytestmark = pytest.mark.toolchain

OPEN_TO_PUBLIC = {"store_access.bucket_is_not_made_public"}
"""versitygw does as an owner says who opens a bucket to everybody, so that the check of it fails here always."""
FILES = ("object_store", "store_access", "store_connections")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object_store.ObjectStore]:
    with object_store.running(tmp_path_factory.mktemp("store")) as running:
        for name in ("tenant-a", "tenant-b"):
            running.account(name)
        running.account("administrator", "admin")
        yield running


def target_of(store: object_store.ObjectStore, folder: Path, b: str = "tenant-b", **more: Any) -> Path:
    """Write a target file that declares a store."""
    path, content = write_target(folder)
    content["object_store"] = {
        "endpoint": store.endpoint,
        "addresses": ["127.0.0.1", "::1"],
        "authority": str(store.folder / "server.crt"),
        "domestic_regions": ["us-east-1"],
        "accounts": {"a": _account(store, "tenant-a"), "b": _account(store, b)},
        **more,
    }
    path.write_text(yaml.safe_dump(content))
    return path


def _account(store: object_store.ObjectStore, name: str) -> dict[str, str]:
    return {"credentials": str(store.folder / f"{name}.yaml")}


def audited(target: Path, out: Path, *files: str) -> Run:
    return audit(target, out, checks=[FOLDER / "checks" / f"test_{name}.py" for name in files or FILES])


def named(run: Run, *verdicts: Verdict) -> dict[str, str]:
    return {result.name: result.reason for result in run.results if result.verdict in verdicts}


def test_a_good_store_passes_every_check(store: object_store.ObjectStore, tmp_path: Path) -> None:
    """Each check is decided with evidence, no secret is in a report, and no bucket of the audit is left."""
    run = audited(target_of(store, tmp_path), tmp_path / "out")
    others = named(run, *set(Verdict) - {Verdict.PASS})
    assert set(others) == OPEN_TO_PUBLIC, others
    written = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    for name in ("tenant-a", "tenant-b"):
        assert yaml.safe_load((store.folder / f"{name}.yaml").read_text())["secret"] not in written
    assert not [
        it["Name"] for it in store.client().list_buckets()["Buckets"] if it["Name"].startswith("govcloud-audit")
    ]


APART = {f"store_access.accounts_are_apart[{what}]" for what in ("read", "list", "write", "delete", "policy")}


def test_a_store_without_versions_fails_by_name(tmp_path: Path) -> None:
    """What keeps versions fails, and no bucket is left; all else is decided as on a good store."""
    with object_store.running(tmp_path, versions=False) as store:
        for name in ("tenant-a", "tenant-b"):
            store.account(name)
        run = audited(target_of(store, tmp_path), tmp_path / "out")
        assert {it["Name"] for it in store.client().list_buckets()["Buckets"]} <= {"archive", "plain"}
    assert set(named(run, Verdict.FAIL)) == {"object_store.versions_are_kept"} | OPEN_TO_PUBLIC
    assert named(run, Verdict.ERROR, Verdict.MISSING) == {}


def test_a_neighbour_with_all_rights_is_found(store: object_store.ObjectStore, tmp_path: Path) -> None:
    """Where the other account may do everything, every kind of access between accounts fails."""
    run = audited(target_of(store, tmp_path, b="administrator"), tmp_path / "out", "store_access")
    assert set(named(run, Verdict.FAIL)) == APART | OPEN_TO_PUBLIC
    assert "not refused: get_object" in named(run, Verdict.FAIL)["store_access.accounts_are_apart[read]"]


def test_a_family_that_is_missing_fails_alone(store: object_store.ObjectStore, tmp_path: Path) -> None:
    """A store with no address of IPv6, and one that does not answer there, fail in IPv6 and pass in IPv4."""
    for number, addresses in enumerate((["127.0.0.1"], ["127.0.0.1", "::ffff:127.0.0.9"])):
        folder = tmp_path / str(number)
        folder.mkdir()
        run = audited(target_of(store, folder, addresses=addresses), folder / "out", "store_connections")
        assert set(named(run, Verdict.FAIL)) == {"store_connections.store_answers[ipv6]"}
        assert named(run, Verdict.ERROR) == {}


def test_a_region_that_is_not_declared_fails(store: object_store.ObjectStore, tmp_path: Path) -> None:
    """A bucket in another region than the declared ones is found; without a declaration a person decides."""
    run = audited(target_of(store, tmp_path, domestic_regions=["hanoi"]), tmp_path / "out", "object_store")
    assert named(run, Verdict.FAIL) == {
        "object_store.data_stays_in_declared_regions": "the bucket lies in us-east-1, which is not among hanoi"
    }
    run = audited(target_of(store, tmp_path, domestic_regions=[]), tmp_path / "out", "object_store")
    assert set(named(run, Verdict.MANUAL)) == {"object_store.data_stays_in_declared_regions"}


def test_what_is_not_declared_is_left_to_a_person(tmp_path: Path) -> None:
    """Without an object store no check of it passes or fails."""
    files = (*FILES, "logs", "alerts", "backup")
    run = audited(write_target(tmp_path)[0], tmp_path / "out", *files)
    reasons = {name: why for name, why in named(run, *Verdict).items() if "declares no" in why}
    assert set(named(run, Verdict.MANUAL)) == set(reasons)
    assert {result.verdict for result in run.results} <= {Verdict.MANUAL, Verdict.NOT_APPLICABLE, Verdict.ERROR}
    assert {result.verdict for result in run.results if not result.name.startswith(("logs.", "alerts."))} == {
        Verdict.MANUAL
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"authority": None}, "certificate verify failed"),
        ({"endpoint": "https://store.invalid", "addresses": []}, "leads nowhere"),
        ({"endpoint": "https://127.0.0.1:1"}, "takes no connection"),
    ],
    ids=["certificate", "name", "port"],
)
def test_a_store_that_cannot_be_trusted_or_reached_is_an_error(
    store: object_store.ObjectStore, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    """Nothing passes, and the reason is said."""
    run = audited(target_of(store, tmp_path, **change), tmp_path / "out", "object_store", "store_access")
    assert {result.verdict for result in run.results} == {Verdict.ERROR}
    assert all(reason in why for why in named(run, Verdict.ERROR).values()), named(run, Verdict.ERROR)


def test_a_wrong_secret_is_an_error(store: object_store.ObjectStore, tmp_path: Path) -> None:
    """Keys that the store does not take decide nothing, and show in no report."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("access: tenant-a\nsecret: not-the-secret-of-tenant-a\n")
    accounts = {"a": {"credentials": str(wrong)}, "b": _account(store, "tenant-b")}
    run = audited(target_of(store, tmp_path, accounts=accounts), tmp_path / "out", "object_store")
    assert {result.verdict for result in run.results} == {Verdict.ERROR}
    said = "the object store does not take the credentials of tenant a: SignatureDoesNotMatch"
    assert set(named(run, Verdict.ERROR).values()) == {said}
    assert not [path for path in (tmp_path / "out").iterdir() if "not-the-secret" in path.read_text()]


def test_what_a_broken_run_left_goes_when_its_lock_is_out(store: object_store.ObjectStore, tmp_path: Path) -> None:
    """A bucket with a locked object is listed until then and removed after; nobody else's bucket is touched."""
    declared = target.load(target_of(store, tmp_path)).object_store
    assert declared
    account = Account("tenant a", declared, declared.accounts.a, way(declared))
    buckets = store_cleaning.Buckets("abcd")
    owned, made = buckets.ask(account, "lock", ObjectLockEnabledForBucket=True)
    assert made.ok
    account.must("create_bucket", Bucket="somebody-elses")
    until = account.now() + dt.timedelta(seconds=10)
    account.put(owned.bucket, "locked", b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    (line,) = store_cleaning.sweep(account)
    assert f"bucket {owned.bucket} holds locked objects: locked (until {until.isoformat(timespec='seconds')})" in line
    assert [(left.name, left.run) for left in store_cleaning.left_in(account)] == [(owned.bucket, "abcd")]
    assert store_cleaning.sweep(account, "another-run", wait=30) == []
    assert store_cleaning.sweep(account, "abcd", wait=30) == []
    assert list(store_cleaning.left_in(account)) == []
    assert account.request("head_bucket", Bucket="somebody-elses").ok
    account.must("delete_bucket", Bucket="somebody-elses")
