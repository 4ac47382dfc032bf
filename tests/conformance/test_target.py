"""The target file: read when right, explained line by line when wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import target
from core.errors import KitError

Content = dict[str, Any]
Written = tuple[Path, Content]


def test_a_target_is_read(written_target: Written) -> None:
    """Kubeconfigs are found beside the target file; the report's subject holds no credential."""
    path, _ = written_target
    read = target.load(path)
    assert read.tenants.a.kubeconfig == path.parent / "a.kubeconfig"
    assert read.tenants.b.namespaces == ("two",)
    assert read.probe_image == target.PROBE_IMAGE
    assert read.reader is None
    assert set(read.subject.model_dump()) == {"cloud", "operator", "kind", "level", "scope"}


def test_the_level_can_be_given(written_target: Written) -> None:
    """A level on the command line replaces the file's."""
    path, _ = written_target
    assert target.load(path, level=4).subject.level == 4


def _remove(key: str) -> Callable[[Content], Any]:
    return lambda content: content.pop(key)


def _set(key: str, value: Any) -> Callable[[Content], Any]:
    return lambda content: content.update({key: value})


def _tenant(key: str, value: Any) -> Callable[[Content], Any]:
    return lambda content: content["tenants"]["a"].update({key: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_remove("cloud"), "cloud: is missing"),
        (_remove("tenants"), "tenants: is missing"),
        (_set("level", 6), "level: Input should be less than or equal to 5"),
        (_set("kind", "IGC"), "kind: Input should be 'CGC', 'AGC' or 'EGC'"),
        (_set("clowd", "x"), "clowd: is not a known field"),
        (_tenant("kubeconfig", "absent"), "tenants.a.kubeconfig: cannot read"),
        (_tenant("kubeconfig", "target.yaml"), "is not a kubeconfig"),
        (_tenant("namespaces", []), "tenants.a.namespaces: "),
        (_tenant("namespaces", ["one", "Not_A_Name"]), "tenants.a.namespaces.1: "),
        (_tenant("namespaces", ["two"]), "tenants: namespace two belongs to both"),
    ],
)
def test_a_mistake_is_named_with_its_field(
    written_target: Written,
    mistake_in: Callable[[Path, Content], str],
    change: Callable[[Content], Any],
    message: str,
) -> None:
    """Each mistake is one line that starts with the file and the field."""
    path, content = written_target
    change(content)
    assert message in mistake_in(path, content)


def test_every_mistake_is_named(written_target: Written) -> None:
    """Two mistakes are two lines, not one after the other."""
    path, content = written_target
    content |= {"level": 0, "kind": "X"}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(KitError) as error:
        target.load(path)
    assert len(error.value.message.splitlines()) == 2


@pytest.mark.parametrize("text", ["", "- a\n- list\n", "cloud: [unclosed\n", "\x00\x01"])
def test_what_is_no_target_file_is_refused(tmp_path: Path, text: str) -> None:
    """Anything else than a mapping is one line, never a traceback."""
    path = tmp_path / "target.yaml"
    path.write_text(text)
    with pytest.raises(KitError, match=r"target\.yaml"):
        target.load(path)


def test_an_absent_target_file_is_refused(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(KitError, match="No such file"):
        target.load(tmp_path / "absent.yaml")


def _services(folder: Path) -> tuple[Path, Content]:
    (folder / "keys.yaml").write_text("{access: one, secret: two}")
    content: Content = {
        "object_store": {
            "endpoint": "https://10.0.0.1:7070",
            "accounts": {name: {"credentials": "keys.yaml"} for name in ("a", "b")},
        }
    }
    path = folder / "services.yaml"
    path.write_text(yaml.safe_dump(content))
    return path, content


def test_services_become_sections_of_a_target(written_target: Written, tmp_path: Path) -> None:
    """What a cloud offers is read from a file elsewhere, and its files are found from the target's."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    sections = target.services(_services(elsewhere)[0])
    path, content = written_target
    path.write_text(yaml.safe_dump(content | sections))
    store = target.load(path).object_store
    assert store is not None
    assert store.accounts.b.credentials == elsewhere / "keys.yaml"
    assert store.accounts.b.keys().secret == "two"


def test_a_mistake_in_the_services_is_named_with_its_field(tmp_path: Path) -> None:
    """A section that nobody reads and an account that is missing are two lines."""
    path, content = _services(tmp_path)
    del content["object_store"]["accounts"]["b"]
    path.write_text(yaml.safe_dump(content | {"objects": {}}))
    with pytest.raises(KitError) as error:
        target.services(path)
    assert error.value.message.splitlines() == [
        f"{path}: object_store.accounts.b: is missing",
        f"{path}: objects: is not a known field",
    ]
