"""What must be there before what."""

from __future__ import annotations

from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import ordering
from toolchain.plugins.kubernetes_provider.manifests import Manifest, ManifestError
from toolchain.plugins.kubernetes_provider.ordering import Identity


def an(kind: str, name: str, namespace: str = "", version: str = "v1", needs: str = "", **rest: Any) -> Manifest:
    """Return a manifest that stands at its own name."""
    meta = {"name": name, "namespace": namespace, "annotations": {"config.kubernetes.io/depends-on": needs}}
    return Manifest(name, {"apiVersion": version, "kind": kind, "metadata": meta, **rest})


def test_definition_namespace_and_named_objects_come_first() -> None:
    """An object waits for the definition of its kind in any version, for its namespace, and for what it names."""
    definition = an(
        "CustomResourceDefinition",
        "d",
        version="apiextensions.k8s.io/v1",
        spec={"group": "e.org", "names": {"kind": "T"}},
    )
    thing = an("T", "t", "n", "e.org/v2", needs="/namespaces/n/ConfigMap/c , apps/namespaces/n/Deployment/w")
    found = ordering.dependencies(
        [thing, an("ConfigMap", "c", "n"), an("Deployment", "w", "n", "apps/v1"), an("Namespace", "n"), definition]
    )
    namespace = Identity("", "", "Namespace", "n")
    assert found[Identity("e.org", "n", "T", "t")] == [
        Identity("apiextensions.k8s.io", "", "CustomResourceDefinition", "d"),
        namespace,
        Identity("", "n", "ConfigMap", "c"),
        Identity("apps", "n", "Deployment", "w"),
    ]
    assert found[Identity("", "n", "ConfigMap", "c")] == [namespace]
    assert found[namespace] == []


@pytest.mark.parametrize(
    ("manifests", "told"),
    [
        ([an("Pod", "a", "n"), an("Pod", "a", "n", "core/v1")], r"a: Pod n/a is there already: a"),
        ([an("Pod", "a", needs="x/y")], "a: .* names 'x/y'; write"),
        ([an("Pod", "a", needs="/Pod/b")], "a: .* names '/Pod/b', which is not in this group"),
        ([an("Pod", "a", needs="/Pod/b"), an("Pod", "b", needs="/Pod/a")], "Pod . waits for Pod . waits for Pod ."),
    ],
)
def test_what_cannot_be_ordered_is_told(manifests: list[Manifest], told: str) -> None:
    """An object given twice, a reference that leads nowhere and a circle are told with their places."""
    with pytest.raises(ManifestError, match=told):
        ordering.dependencies(manifests)
