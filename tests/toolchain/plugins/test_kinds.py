"""What is known of kinds beforehand."""

from __future__ import annotations

import pytest

from toolchain.plugins.kubernetes_provider import kinds
from toolchain.plugins.kubernetes_provider.kinds import Kind


@pytest.mark.parametrize(
    ("type_token", "kind"),
    [
        ("kubernetes:core/v1:Namespace", Kind("v1", "Namespace")),
        ("kubernetes:apps/v1:Deployment", Kind("apps/v1", "Deployment")),
        ("kubernetes:core/v1:ConfigMapPatch", Kind("v1", "ConfigMap")),
        ("kubernetes:rbac.authorization.k8s.io/v1:Role", Kind("rbac.authorization.k8s.io/v1", "Role")),
    ],
)
def test_type_names_its_kind(type_token: str, kind: Kind) -> None:
    """Where an object does not say its kind, as at an import, the type does."""
    assert kinds.of({}, type_token) == kind


def test_object_names_its_kind() -> None:
    """What an object says comes first; the core group has an older way to be written."""
    assert kinds.of({"apiVersion": "core/v1", "kind": "Pod"}, "kubernetes:x/v1:Y") == Kind("v1", "Pod")


def test_patch_is_told_from_a_custom_kind_with_such_a_name() -> None:
    """``ConfigMapPatch`` stands for fields of a ConfigMap; a custom kind may be called SecurityPatch."""
    assert kinds.is_patch("kubernetes:core/v1:ConfigMapPatch", {"kind": "ConfigMap"})
    assert kinds.is_patch("kubernetes:core/v1:ConfigMapPatch", {})
    assert not kinds.is_patch("kubernetes:example.org/v1:SecurityPatch", {"kind": "SecurityPatch"})


def test_only_kinds_that_own_nothing_skip_the_garbage_collector() -> None:
    """A Deployment's pods must be gone with it; a custom kind may own anything."""
    assert kinds.owns_nothing(Kind("v1", "ConfigMap"))
    assert not kinds.owns_nothing(Kind("apps/v1", "Deployment"))
    assert not kinds.owns_nothing(Kind("example.org/v1", "ConfigMap"))


def test_what_is_not_served_says_what_to_use() -> None:
    """Helm and kustomize name the way round; everything else is served."""
    assert "helm template" in kinds.unsupported("kubernetes:helm.sh/v3:Release")
    assert "kubectl kustomize" in kinds.unsupported("kubernetes:kustomize/v2:Directory")
    assert "helm template" in kinds.unsupported("kubernetes:helm:template")
    for served in ("core/v1:Pod", "helm.cattle.io/v1:HelmChart", "kustomize.toolkit.fluxcd.io/v1:Kustomization"):
        assert kinds.unsupported(f"kubernetes:{served}") == ""
