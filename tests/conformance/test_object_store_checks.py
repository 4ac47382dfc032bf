"""The checks of the object store on a real one: good, they pass; broken, those of what is broken fail by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

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
