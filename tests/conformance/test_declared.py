"""Sections of a target file about object store, logs, alerts and backup: a mistake is one line with file and field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import target
from core.errors import KitError

Content = dict[str, Any]


@pytest.fixture
def declared(written_target: tuple[Path, Content]) -> tuple[Path, Content]:
    """Return a target file that declares all of them."""
    path, content = written_target
    (path.parent / "keys.yaml").write_text("{access: one, secret: never-shown}")
    (path.parent / "half.yaml").write_text("{access: one}")
    content |= {
        "object_store": {
            "endpoint": "https://s3.example:7070",
            "addresses": ["10.0.0.1", "2001:db8::1"],
            "domestic_regions": ["hanoi"],
            "accounts": {name: {"credentials": "keys.yaml"} for name in ("a", "b")},
        },
        "logs": {
            "buckets": {"a": {"bucket": "logs-a"}, "b": {"bucket": "logs-b", "prefix": "egc/"}},
            "platform": "logs-platform",
            "within_seconds": 20,
        },
        "alerts": {
            "buckets": {"a": {"bucket": "alerts-a"}, "b": {"bucket": "alerts-b"}},
            "thresholds": [70, 80, 90],
            "within_seconds": 60,
        },
        "backup": {"source": "data", "copies": "backups", "rpo_seconds": 30, "rto_seconds": 10},
    }
    path.write_text(yaml.safe_dump(content))
    return path, content


def test_sections_are_read(declared: tuple[Path, Content]) -> None:
    """What is declared is there, and no secret shows in what a model prints."""
    read = target.load(declared[0])
    assert read.object_store
    assert read.logs
    assert read.alerts
    assert read.backup
    assert [str(address) for address in read.object_store.addresses] == ["10.0.0.1", "2001:db8::1"]
    assert (read.logs.buckets.b.bucket, read.logs.buckets.b.prefix, read.backup.copies) == ("logs-b", "egc/", "backups")
    assert "never-shown" not in f"{read!r} {read.object_store.accounts.a.keys()!r}"


def _set(place: str, value: Any) -> Callable[[Content], Any]:
    *way, last = place.split(".")

    def change(content: Content) -> None:
        for step in way:
            content = content[step]
        content[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("object_store.endpoint", "http://s3.example"), "object_store.endpoint: URL scheme should be 'https'"),
        (
            _set("object_store.addresses", ["ten"]),
            "object_store.addresses.0: value is not a valid IPv4 or IPv6 address",
        ),
        (_set("object_store.authority", "absent.pem"), "object_store.authority: cannot read"),
        (_set("object_store.accounts.a.credentials", "half.yaml"), "must hold the fields access and secret, as YAML"),
        (_set("object_store.domestic_regions", [""]), "object_store.domestic_regions.0: "),
        (_set("logs.within_seconds", 0), "logs.within_seconds: Input should be greater than 0"),
        (_set("logs.within_seconds", 600), "logs.within_seconds: Input should be less than or equal to 90"),
        (_set("logs.buckets.a.bucket", "Not_A_Bucket"), "logs.buckets.a.bucket: String should match pattern"),
        (_set("logs.buckets", {"a": {"bucket": "logs-a"}}), "logs.buckets.b: is missing"),
        (_set("logs.store", "x"), "logs.store: is not a known field"),
        (_set("alerts.thresholds", [70, 80]), "alerts.thresholds: Tuple should have at least 3 items"),
        (_set("alerts.thresholds", [70, 90, 80]), "alerts.thresholds: thresholds have to ascend"),
        (_set("alerts.thresholds", [1, 2, 3, 101]), "alerts.thresholds.3: Input should be less than or equal to 100"),
        (_set("alerts.within_seconds", 61), "alerts.within_seconds: Input should be less than or equal to 60"),
        (_set("backup.copies", "data"), "backup: source and copies are the same bucket"),
        (_set("backup.rpo_seconds", "soon"), "backup.rpo_seconds: Input should be a valid number"),
    ],
)
def test_a_mistake_is_named_with_its_field(
    declared: tuple[Path, Content],
    mistake_in: Callable[[Path, Content], str],
    change: Callable[[Content], Any],
    message: str,
) -> None:
    """Each mistake is one line that starts with the file and the field."""
    path, content = declared
    change(content)
    assert message in mistake_in(path, content)


def test_logs_alerts_and_backup_need_the_object_store(declared: tuple[Path, Content]) -> None:
    """Without the section object_store each of the three is a line; with a mistake in it, that alone is named."""
    path, content = declared
    store = content.pop("object_store")
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(KitError) as error:
        target.load(path)
    assert error.value.message.splitlines() == [
        f"{path}: {name}: lies in the object store, and there is no section object_store"
        for name in ("logs", "alerts", "backup")
    ]
    path.write_text(yaml.safe_dump({**content, "object_store": {**store, "shape": "round"}}))
    with pytest.raises(KitError) as error:
        target.load(path)
    assert error.value.message == f"{path}: object_store.shape: is not a known field"
