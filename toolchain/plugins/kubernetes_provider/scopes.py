"""Which kinds are in namespaces: known beforehand, defined by the same program, or asked of the API server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from toolchain.plugins.kubernetes_provider.client import ApiError, UnreachableError
from toolchain.plugins.kubernetes_provider.discovery import Discovery, UnknownKindError
from toolchain.plugins.kubernetes_provider.kinds import Kind
from toolchain.plugins.kubernetes_provider.kubeconfig import KubeconfigError

_IN_NO_NAMESPACE: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"ComponentStatus", "Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset(
        {
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        }
    ),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "apps": frozenset(),
    "autoscaling": frozenset(),
    "batch": frozenset(),
    "certificates.k8s.io": frozenset({"CertificateSigningRequest", "ClusterTrustBundle"}),
    "coordination.k8s.io": frozenset(),
    "discovery.k8s.io": frozenset(),
    "events.k8s.io": frozenset(),
    "flowcontrol.apiserver.k8s.io": frozenset({"FlowSchema", "PriorityLevelConfiguration"}),
    "networking.k8s.io": frozenset({"IPAddress", "IngressClass", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "policy": frozenset({"PodSecurityPolicy"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset({"DeviceClass", "DeviceTaintRule", "ResourceSlice"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset({"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}),
}
"""The kinds of each built-in group that are in no namespace; all others of the group are in one."""


class Scopes:
    """Knows of kinds whether they are in namespaces."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._defined: dict[tuple[str, str], bool] = {}

    def learn(self, definition: Mapping[str, Any]) -> None:
        """Remember what a CustomResourceDefinition of the program says, which may not be made yet."""
        spec = definition.get("spec")
        names = spec.get("names") if isinstance(spec, dict) else None
        if isinstance(spec, dict) and isinstance(names, dict) and isinstance(spec.get("scope"), str):
            with self._lock:
                self._defined[str(spec.get("group")), str(names.get("kind"))] = spec["scope"] == "Namespaced"

    def namespaced(self, kind: Kind, discovery: Callable[[], Discovery]) -> bool | None:
        """Whether objects of a kind are in namespaces; None if nobody can tell now."""
        if kind.group in _IN_NO_NAMESPACE:
            return kind.kind not in _IN_NO_NAMESPACE[kind.group]
        with self._lock:
            known = self._defined.get((kind.group, kind.kind))
        if known is not None:
            return known
        try:
            return discovery().locate(kind).namespaced
        except (ApiError, KubeconfigError, UnknownKindError, UnreachableError):
            return None
