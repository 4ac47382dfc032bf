"""Manifests in a folder."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as some

from toolchain.plugins.kubernetes_provider import manifests, rendering

TEXTS = some.text() | some.from_regex(r"[-+0-9.eExob_:yYnNtrueonf~=*&!%@]{1,8}", fullmatch=True)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: some.lists(inner) | some.dictionaries(TEXTS, inner),
    max_leaves=8,
)


def an(kind: str, name: str = "x", version: str = "v1", **meta: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **meta}}


def test_files_are_named_as_upstream() -> None:
    """Definitions stand in a folder before the others; names tell version, kind, namespace and name."""
    definition = an("CustomResourceDefinition", "a.b", "apiextensions.k8s.io/v1")
    expected = Path("out/0-crd/apiextensions.k8s.io_v1-customresourcedefinition-default-a.b.yaml")
    assert rendering.path("out", definition) == expected
    role = an("Role", "system:x", "rbac.authorization.k8s.io/v1", namespace="n")
    assert rendering.path("out", role) == Path("out/1-manifest/rbac.authorization.k8s.io_v1-role-n-system:x.yaml")


@pytest.mark.parametrize("obj", [an("Pod", "../../x"), an("Pod", namespace="../x"), an("../Pod")])
def test_name_leads_nowhere_else(obj: dict[str, Any]) -> None:
    """A name that is a path is refused."""
    with pytest.raises(ValueError, match="cannot be rendered"):
        rendering.path("out", obj)


def test_files_are_their_owners(tmp_path: Path) -> None:
    """A manifest can be read by its owner alone, also where one stood that others could read."""
    folder, pod = tmp_path / "out", an("Pod")
    rendering.write(str(folder), pod)
    file = rendering.path(str(folder), pod)
    file.chmod(0o644)
    rendering.write(str(folder), {**pod, "spec": {}})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert yaml.safe_load(file.read_text()) == {**pod, "spec": {}}
    rendering.remove(str(folder), pod)
    rendering.remove(str(folder), pod)
    assert not list(file.parent.iterdir())


@given(value=VALUES)
@example(value={"\x85": "a\u2028b"})
def test_values_survive(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a value looks like, the manifest says the same to a reader of YAML, an old one among them."""
    folder = str(tmp_path_factory.getbasetemp() / "rendered")
    obj = {**an("Pod"), "v": value}
    rendering.write(folder, obj)
    text = rendering.path(folder, obj).read_text(encoding="utf-8")
    assert manifests.decode(text, "x")[0].obj == obj
    assert yaml.safe_load(text) == obj
