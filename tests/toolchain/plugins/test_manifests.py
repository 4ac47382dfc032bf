"""Objects out of manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import manifests
from toolchain.plugins.kubernetes_provider.manifests import ManifestError


def one(text: str) -> Any:
    """Return the member ``v`` of a document."""
    return manifests.decode(f"v: {text}", "x")[0].obj["v"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("22:22", "22:22"),
        ("=", "="),
        ("1e3", 1000),
        ("0644", 420),
        ("0o644", 420),
        ("0x1F", 31),
        ("-7", -7),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("yes", True),
        ("'1'", "1"),
        ("1.2.3", "1.2.3"),
        ("12345678901234567890", 12345678901234567890),
        ("~", None),
        ("{1: a, false: b}", {"1": "a", "false": "b"}),
    ],
)
def test_scalars_are_read_as_kubernetes_reads_them(text: str, value: Any) -> None:
    """Dates and times of day stay texts, numbers have more spellings, names of members are texts."""
    assert one(text) == value
    assert type(one(text)) is type(value) or isinstance(value, int)


def test_documents_are_numbered_with_their_lines() -> None:
    """Each object knows its document and line; empty documents count and give nothing; items replace their list."""
    text = "a: 1\n---\n---\nkind: PodList\napiVersion: v1\nitems: [{a: 2}, {kind: Job, a: 3}]\n---\n{}\n"
    found = manifests.decode(text, "f.yaml")
    assert [m.where for m in found] == [
        "f.yaml, document 1 (line 1)",
        "f.yaml, document 3 (line 4), items[0]",
        "f.yaml, document 3 (line 4), items[1]",
    ]
    assert found[1].obj == {"apiVersion": "v1", "kind": "Pod", "a": 2}
    assert found[2].obj == {"apiVersion": "v1", "kind": "Job", "a": 3}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\n---\nb: [", r"f, document 2, line \d: is no YAML"),
        ("a: 1\n---\ntext", r"f, document 2 \(line 3\): is no object but a str"),
        ("a: &x [*x]", "f, document 1: refers to itself"),
        ("a: !!binary aGk=", "a bytes cannot stand in an object"),
        ("a: !!python/object/apply:os.getcwd []", "f, document 1, line 1: is no YAML: could not determine"),
        ("{kind: List, items: [1]}", r"items\[0\]: is no object but a int"),
        ("? [a]\n: b", "f, document 1, line 1: is no YAML"),
        ("{null: 1}", "a member's name must be text"),
    ],
)
def test_fault_is_told_with_its_place(text: str, told: str) -> None:
    """What is no manifest is told with file, document and line, whatever is wrong with it."""
    with pytest.raises(ManifestError, match=told):
        manifests.decode(text, "f")


def test_files_and_patterns_are_read_in_order(tmp_path: Path) -> None:
    """Files come in the given order and those of a pattern by name; a pattern without files is noted."""
    for name in ("b", "a", ".c"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n")
    missed: list[str] = []
    found = manifests.read([f"{tmp_path}/b.yaml", f"{tmp_path}/*.yaml", "no/*"], patterns=True, missed=missed)
    assert [m.obj["name"] for m in found] == ["b", ".c", "a", "b"]
    assert missed == ["no/*"]
    with pytest.raises(ManifestError, match="No such file"):
        manifests.read([f"{tmp_path}/*.yaml"], patterns=False, missed=missed)
