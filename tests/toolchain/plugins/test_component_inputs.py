"""What a component is made of."""

from __future__ import annotations

from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import components
from toolchain.plugins.kubernetes_provider.components import CONFIG_FILE, CONFIG_GROUP, Child
from toolchain.plugins.kubernetes_provider.manifests import ManifestError
from toolchain.plugins.kubernetes_provider.values import UNKNOWN, Secret, has_secret


def a_map(name: Any = "m", data: Any = None, **meta: Any) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}, "data": data or {}}


def children(inputs: dict[str, Any], learned: list[Any] | None = None) -> list[Child]:
    """Return a group's objects; those without a namespace go to ``ns``."""
    given = components.arguments(CONFIG_GROUP, "g", inputs)
    assert given is not None

    def place(obj: dict[str, Any]) -> dict[str, Any]:
        return {**obj, "metadata": {"namespace": "ns", **obj["metadata"]}}

    return components.children(given, (learned if learned is not None else []).append, place, [])


def test_names_have_the_prefix_and_the_namespace() -> None:
    """A resource is named after its group, or the prefix, or neither, and its object's place."""
    assert [c.name for c in children({"objs": [a_map()]})] == ["g:ns/m"]
    assert [c.name for c in children({"objs": [a_map(namespace="x")], "resourcePrefix": "p"})] == ["p:x/m"]
    assert [c.name for c in children({"objs": [a_map()], "resourcePrefix": ""})] == ["ns/m"]


def test_types_name_group_version_and_kind() -> None:
    """The core group has a name in types, whichever way the manifest writes it."""
    objs = [a_map(), {**a_map(), "apiVersion": "core/v1"}, {**a_map(), "apiVersion": "apps/v1", "kind": "Deployment"}]
    found = [(c.type, c.manifest.obj["apiVersion"]) for c in children({"objs": objs})]
    core = ("kubernetes:core/v1:ConfigMap", "v1")
    assert found == [core, core, ("kubernetes:apps/v1:Deployment", "apps/v1")]


@pytest.mark.parametrize(
    "inputs",
    [
        {"yaml": UNKNOWN},
        {"yaml": Secret(UNKNOWN)},
        {"files": ["a", UNKNOWN]},
        {"objs": UNKNOWN},
        {"objs": [UNKNOWN]},
        {"objs": [a_map(UNKNOWN)]},
        {"objs": [a_map(namespace=UNKNOWN)]},
        {"objs": [{**a_map(), "metadata": UNKNOWN}]},
        {"objs": [{"apiVersion": "v1", "kind": "List", "items": [a_map(UNKNOWN)]}]},
        {"objs": [a_map()], "skipAwait": UNKNOWN},
    ],
)
def test_unknown_manifests_make_the_group_unknown(inputs: dict[str, Any]) -> None:
    """Where it is not known which objects there are, there are none to tell of yet."""
    assert components.arguments(CONFIG_GROUP, "g", inputs) is None


def test_unknown_values_within_objects_are_kept() -> None:
    """An object whose identity is known can be previewed, whatever else of it is unknown."""
    assert children({"objs": [a_map(data={"a": UNKNOWN})]})[0].inputs["data"] == {"a": UNKNOWN}


def test_secrets_stay_secret() -> None:
    """Marked values, the content of Secrets, and all of what came as a secret are secret; identities are not."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "eA=="}}
    marked, content, whole, listed = children(
        {
            "objs": [
                a_map("a", {"x": Secret("y")}),
                secret,
                Secret(a_map("c", {"x": "y"})),
                {"apiVersion": "v1", "kind": "List", "items": [a_map("d", {"x": Secret("y")})]},
            ]
        }
    )
    assert isinstance(marked.inputs["data"]["x"], Secret)
    assert isinstance(content.inputs["data"], Secret)
    for child in (whole, listed):
        assert isinstance(child.inputs["data"], Secret)
        assert not has_secret(child.inputs["metadata"])
    text = children(
        {"yaml": Secret("{apiVersion: v1, kind: ConfigMap, metadata: {name: t, labels: {a: b}}, data: {}}")}
    )
    assert isinstance(text[0].inputs["metadata"]["labels"], Secret)
    assert isinstance(text[0].inputs["data"], Secret)


def test_definitions_are_known_before_objects_are_placed() -> None:
    """A definition anywhere in a group tells where its objects go."""
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "d"},
    }
    learned: list[Any] = []
    children({"objs": [a_map(), definition]}, learned)
    assert learned == [definition]


def test_waiting_is_skipped_for_every_object() -> None:
    """The annotation joins those that an object has."""
    found = children({"objs": [a_map(annotations={"a": "b"})], "skipAwait": True})
    assert found[0].inputs["metadata"]["annotations"] == {"a": "b", "pulumi.com/skipAwait": "true"}


@pytest.mark.parametrize(
    ("component", "inputs", "told"),
    [
        (CONFIG_FILE, {}, "file: must be a path"),
        (CONFIG_GROUP, {"files": "a"}, "files: must be a list of paths"),
        (CONFIG_GROUP, {"yaml": 1}, "yaml: must be text"),
        (CONFIG_GROUP, {"objs": {}}, "objs: must be a list of objects"),
    ],
)
def test_wrong_inputs_are_told(component: str, inputs: dict[str, Any], told: str) -> None:
    """An input of the wrong type is named."""
    with pytest.raises(ManifestError, match=told):
        components.arguments(component, "g", inputs)


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        ({}, "the object has no apiVersion, no kind, no metadata.name"),
        ({**a_map(), "kind": 1}, "has no kind"),
        (a_map(""), r"ConfigMap has no metadata\.name"),
        (a_map(annotations=[]), "annotations a map"),
        (1, r"objs\[0\]: is no object but a int"),
        ({**a_map(), "apiVersion": "helm.sh/v3", "kind": "Release"}, "helm template"),
    ],
)
def test_what_is_no_object_is_told(obj: Any, told: str) -> None:
    """A document that cannot be an object is told with what it lacks."""
    with pytest.raises(ManifestError, match=told):
        children({"objs": [obj]})
