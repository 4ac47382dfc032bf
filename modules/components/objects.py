"""From a manifest to a Pulumi resource of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    LimitRange,
    Namespace,
    ResourceQuota,
    Service,
    ServiceAccount,
    ServiceAccountPatch,
)
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

_CLASSES: Final[Mapping[tuple[str, str], Any]] = {
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"): ValidatingAdmissionPolicy,
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"): ValidatingAdmissionPolicyBinding,
    ("apps/v1", "Deployment"): Deployment,
    ("networking.k8s.io/v1", "NetworkPolicy"): NetworkPolicy,
    ("policy/v1", "PodDisruptionBudget"): PodDisruptionBudget,
    ("rbac.authorization.k8s.io/v1", "Role"): Role,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): RoleBinding,
    ("v1", "ConfigMap"): ConfigMap,
    ("v1", "LimitRange"): LimitRange,
    ("v1", "Namespace"): Namespace,
    ("v1", "ResourceQuota"): ResourceQuota,
    ("v1", "Service"): Service,
    ("v1", "ServiceAccount"): ServiceAccount,
}
_PATCHES: Final[Mapping[tuple[str, str], Any]] = {("v1", "ServiceAccount"): ServiceAccountPatch}
"""For objects that Kubernetes makes itself: the kit owns only the fields that it gives."""


def make(manifest: Mapping[str, Any], options: pulumi.ResourceOptions, *, patch: bool = False) -> pulumi.CustomResource:
    """Make the resource of a manifest, named ``NAMESPACE/KIND/NAME`` so that a preview reads by itself."""
    metadata = manifest["metadata"]
    place = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    kind = manifest["kind"]
    content = {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind"}}
    classes = _PATCHES if patch else _CLASSES
    made: pulumi.CustomResource = classes[manifest["apiVersion"], kind](
        f"{place}{kind}/{metadata['name']}", opts=options, **_arguments(content)
    )
    return made


def _arguments(content: Mapping[str, Any]) -> dict[str, Any]:
    """Name the outermost fields as the classes do; what is below passes as Kubernetes writes it."""
    names = {"roleRef": "role_ref", "automountServiceAccountToken": "automount_service_account_token"}
    return {names.get(key, key): value for key, value in content.items()}
