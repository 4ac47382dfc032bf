"""What is known of kinds of objects beforehand: their names in types, and the fields that cannot change in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Path = tuple[str | int, ...]
"""Where a value stands in an object: names of members and indices of lists."""


@dataclass(frozen=True)
class Kind:
    """A kind of object as the API knows it."""

    api_version: str
    kind: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


def of(obj: Mapping[str, Any], type_token: str) -> Kind:
    """Return the kind that an object says it has, or else the one that its type in the program names."""
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    if isinstance(api_version, str) and isinstance(kind, str) and api_version and kind:
        return Kind(api_version.removeprefix("core/"), kind)
    return of_type(type_token)


def of_type(type_token: str) -> Kind:
    """Return the kind for a type such as ``kubernetes:apps/v1:Deployment``."""
    _, module, kind = type_token.split(":")
    if is_patch(type_token, {}):
        kind = kind.removesuffix("Patch")
    return Kind(module.removeprefix("core/"), kind)


def same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two inputs stand for one kind, be it in two versions of the API.

    The kinds that left the group ``extensions`` are the same objects in their new groups.
    """
    if not (old.get("apiVersion") and new.get("apiVersion")):
        return True
    before, after = of(old, "::"), of(new, "::")
    return before.kind == after.kind and (before.group == after.group or "extensions" in (before.group, after.group))


def is_patch(type_token: str, obj: Mapping[str, Any]) -> bool:
    """Whether a type stands for some fields of an object that somebody else made, as ``ConfigMapPatch`` does.

    What an object says of its kind decides where it says so, for a custom kind may have such a name too.
    """
    name = type_token.rpartition(":")[2]
    kind = obj.get("kind")
    return name == f"{kind}Patch" if isinstance(kind, str) else name.endswith("Patch")


def is_list(type_token: str, properties: Mapping[str, Any]) -> bool:
    """Whether a type stands for a list of objects, which is no object itself."""
    return type_token.endswith("List") and "items" in properties


def unsupported(type_token: str) -> str:
    """Return why a type or function is not served here and what to use instead, or nothing."""
    if type_token.startswith(("kubernetes:helm.sh/", "kubernetes:helm:")):
        return (
            "Helm needs the upstream provider, which runs Helm itself. Render the chart with 'helm template' and apply "
            "the result as a yaml/v2 ConfigFile, or use the official Pulumi distribution"
        )
    if type_token.startswith(("kubernetes:kustomize/", "kubernetes:kustomize:")):
        return "render it with 'kubectl kustomize' and apply the result as a yaml/v2 ConfigFile"
    return ""


_SELECTOR: Final = (("spec", "selector"),)
_JOB: Final = (("spec", "completions"), ("spec", "parallelism"), ("spec", "selector"), ("spec", "template"))
_VOLUME_SOURCES: Final = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
]
_POD: Final = [
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
    "containers",
    "initContainers",
]
_CLAIM: Final = ("accessModes", "selector", "storageClassName", "volumeName")
_STATEFUL_SET: Final = (
    "podManagementPolicy",
    "revisionHistoryLimit",
    "selector",
    "serviceName",
    "volumeClaimTemplates",
)

_IMMUTABLE: Final[dict[tuple[str, str], tuple[tuple[str, ...], ...]]] = {
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "StatefulSet"): tuple(("spec", name) for name in _STATEFUL_SET),
    ("batch", "Job"): _JOB,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (("roleRef",),),
    ("rbac.authorization.k8s.io", "RoleBinding"): (("roleRef",),),
    ("storage.k8s.io", "StorageClass"): (("parameters",), ("provisioner",)),
    ("", "PersistentVolume"): tuple(("spec", name) for name in _VOLUME_SOURCES),
    ("", "PersistentVolumeClaim"): tuple(("spec", name) for name in _CLAIM),
    ("", "Pod"): tuple(("spec", name) for name in _POD),
    ("", "ResourceQuota"): (("spec", "scopes"),),
    ("", "Secret"): (("type",),),
    ("", "Service"): (("spec", "clusterIP"),),
}
_CONTENT: Final = {"ConfigMap": (("binaryData",), ("data",)), "Secret": (("stringData",), ("data",))}


_LEAVES: Final = {
    "": frozenset({"ConfigMap", "LimitRange", "Namespace", "ResourceQuota", "Secret", "ServiceAccount"}),
    "networking.k8s.io": frozenset({"NetworkPolicy"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}),
}


_DELETED_UNSEEN: Final = {
    "": frozenset({"Namespace", "Pod", "ReplicationController"}),
    "apps": frozenset({"DaemonSet", "Deployment", "StatefulSet"}),
    "batch": frozenset({"Job"}),
}


def may_skip_deletion(kind: Kind) -> bool:
    """Whether ``pulumi.com/skipAwait`` also holds for the deletion of this kind, as it does upstream."""
    return kind.kind in _DELETED_UNSEEN.get(kind.group, ())


def owns_nothing(kind: Kind) -> bool:
    """Whether objects of this kind never own others, so that a deletion need not wait for the garbage collector.

    A namespace waits for its content by itself.
    """
    return kind.kind in _LEAVES.get(kind.group, ())


def immutable_paths(
    kind: Kind, obj: Mapping[str, Any], *, config_map_mutable: bool, secret_mutable: bool
) -> tuple[tuple[str, ...], ...]:
    """Return the paths whose change replaces the object, as the upstream provider has them.

    The content of a ConfigMap or Secret is replaced with its object unless the provider is told that it is mutable.
    """
    paths: tuple[tuple[str, ...], ...] = (("metadata", "name"), ("metadata", "namespace"))
    paths += _IMMUTABLE.get((kind.group, kind.kind), ())
    if kind.group == "" and kind.kind in _CONTENT:
        mutable = config_map_mutable if kind.kind == "ConfigMap" else secret_mutable
        if not mutable or obj.get("immutable") is True:
            paths += _CONTENT[kind.kind]
    return paths
