"""What differs between two inputs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from toolchain.plugins.kubernetes_provider import diff, kinds
from toolchain.plugins.kubernetes_provider.kinds import Kind
from toolchain.plugins.kubernetes_provider.values import UNKNOWN

names = st.text(alphabet="abcdefg./-\"'[]ệ", min_size=1, max_size=6)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
objects = st.fixed_dictionaries({"metadata": st.just({"name": "x"}), "spec": trees})


def immutable(kind: str, api_version: str = "v1", obj: dict[str, Any] | None = None, *, mutable: bool = False) -> Any:
    return kinds.immutable_paths(Kind(api_version, kind), obj or {}, config_map_mutable=mutable, secret_mutable=mutable)


def named(**rest: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}, **rest}


@given(objects)
def test_nothing_differs_from_itself(obj: dict[str, Any]) -> None:
    """The same inputs show no difference."""
    assert diff.compare(obj, obj, ()).differences == []


@given(objects, objects)
def test_something_differs_if_and_only_if_the_inputs_do(old: dict[str, Any], new: dict[str, Any]) -> None:
    """No difference is lost, and none is made up."""
    assert bool(diff.compare(old, new, ()).differences) == (_typed(old) != _typed(new))


def _typed(value: Any) -> Any:
    """Tell True from 1, which Python does not."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    return [_typed(item) for item in value] if isinstance(value, list) else (type(value).__name__, value)


@given(st.lists(names | st.integers(0, 9), min_size=1).map(tuple).filter(lambda path: isinstance(path[0], str)))
def test_paths_are_read_as_they_are_written(path: tuple[str | int, ...]) -> None:
    """A path in the engine's form leads back to the same member, whatever characters names have."""
    assert diff.parse_path(diff.path_text(path)) == path


def test_differences_name_the_field() -> None:
    """Each difference says which field, and if it is added, changed or gone."""
    found = diff.compare(
        named(spec={"containers": [{"image": "a:1"}], "gone": 1}),
        named(spec={"containers": [{"image": "a:2"}, {"image": "b:1"}]}, extra={"a.b/c": "x"}),
        (),
    )
    assert {d.text: d.change for d in found.differences} == {
        "extra": "ADD",
        "spec.containers[0].image": "UPDATE",
        "spec.containers[1]": "ADD",
        "spec.gone": "DELETE",
    }
    assert found.replaces == []


def test_old_object_goes_first_whoever_replaces_it() -> None:
    """An object that keeps its name must go before its successor comes, also when only the program replaces it."""
    assert diff.compare(named(data={"a": "1"}), named(data={"a": "2"}), ()).delete_first
    unnamed = {"metadata": {"generateName": "x-"}}
    assert not diff.compare(unnamed, unnamed, ()).delete_first


def test_other_version_of_a_kind_is_the_same_object_and_another_kind_is_not() -> None:
    """A newer version of the API changes an object in place; what is of another kind or group is another object."""

    def replaces(old: tuple[str, str], new: tuple[str, str]) -> list[str]:
        before, after = ({**named(), "apiVersion": version, "kind": kind} for version, kind in (old, new))
        found = diff.compare(before, after, immutable("ConfigMap"))
        assert not (found.replaces and found.delete_first)
        return found.replaces

    scaler = "HorizontalPodAutoscaler"
    assert replaces(("autoscaling/v1", scaler), ("autoscaling/v2", scaler)) == []
    assert replaces(("extensions/v1beta1", "Ingress"), ("networking.k8s.io/v1", "Ingress")) == []
    assert replaces(("v1", "ConfigMap"), ("v1", "Secret")) == ["kind"]
    assert replaces(("a.example.org/v1", "Thing"), ("b.example.org/v1", "Thing")) == ["apiVersion"]


def test_other_ways_to_write_the_same_do_not_differ() -> None:
    """Quantities, the default namespace and what only a server sets are no differences."""
    old = {
        "metadata": {"name": "q", "resourceVersion": "7"},
        "spec": {"hard": {"cpu": "1000m", "memory": "1Gi", "pods": "5"}},
    }
    new = {
        "metadata": {"name": "q", "namespace": "default"},
        "spec": {"hard": {"cpu": 1, "memory": "1024Mi", "pods": 5}},
    }
    assert diff.compare(old, new, ()).differences == []


def test_text_that_looks_like_a_quantity_differs_elsewhere() -> None:
    """Outside the fields for quantities, "1" and "1.0" are different texts, and 1 is no text."""
    assert diff.compare(named(data={"a": "1"}), named(data={"a": "1.0"}), ()).differences
    assert diff.compare(named(data={"a": "1"}), named(data={"a": 1}), ()).differences


def test_immutable_field_replaces_and_goes_first_under_its_own_name() -> None:
    """A change under a fixed path replaces; as the new object has the old one's name, that must go first."""
    old = named(spec={"selector": {"matchLabels": {"app": "a"}}})
    new = named(spec={"selector": {"matchLabels": {"app": "b"}}})
    found = diff.compare(old, new, immutable("Deployment", "apps/v1"))
    assert found.replaces == ["spec.selector.matchLabels.app"]
    assert found.delete_first


def test_new_place_replaces_without_a_gap() -> None:
    """Another namespace or name is another object, which is made before the old one goes."""
    moved = {**named(), "metadata": {"name": "x", "namespace": "m"}}
    found = diff.compare(named(), moved, immutable("ConfigMap"))
    assert found.replaces == ["metadata.namespace"]
    assert not found.delete_first


def test_object_named_here_is_replaced_without_a_gap() -> None:
    """An object with a made-up name gets another one, so that both can be there at once."""
    meta = {"name": "x-1", "annotations": {"pulumi.com/autonamed": "true"}}
    found = diff.compare(
        {"metadata": meta, "data": {"a": "1"}}, {"metadata": meta, "data": {"a": "2"}}, immutable("ConfigMap")
    )
    assert found.replaces == ["data.a"]
    assert not found.delete_first


def test_content_of_config_map_and_secret_replaces_unless_mutable() -> None:
    """As upstream: new content is a new object, unless the provider is told otherwise; never when it is immutable."""
    old, new = named(data={"a": "1"}), named(data={"a": "2"})
    assert diff.compare(old, new, immutable("ConfigMap")).replaces == ["data.a"]
    assert diff.compare(old, new, immutable("ConfigMap", mutable=True)).replaces == []
    assert diff.compare(old, new, immutable("Secret", obj={"immutable": True}, mutable=True)).replaces == ["data.a"]


def test_parent_that_comes_or_goes_replaces_only_with_a_fixed_field_in_it() -> None:
    """A whole ``spec`` that is added replaces if the fixed field is in it."""
    fixed = immutable("Service")
    assert diff.compare(named(), named(spec={"ports": []}), fixed).replaces == []
    assert diff.compare(named(), named(spec={"clusterIP": "None"}), fixed).replaces == ["spec"]


def test_unknown_differs() -> None:
    """A value that is not known yet may be another one."""
    found = diff.compare(named(data={"a": "1"}), named(data={"a": UNKNOWN}), ())
    assert [d.text for d in found.differences] == ["data.a"]


def test_ignored_paths_are_left_out() -> None:
    """A path, and all under it, that the program ignores is no difference; ``*`` stands for any member."""
    old, new = named(spec={"a": [{"b": 1}], "c": 1}), named(spec={"a": [{"b": 2}], "c": 2})
    assert diff.compare(old, new, (), ["spec"]).differences == []
    assert [d.text for d in diff.compare(old, new, (), ["spec.a[*].b"]).differences] == ["spec.c"]
