"""What every namespace gets before anything runs in it, as plain Kubernetes manifests.

Nothing here knows of Pulumi: each function turns facts into a manifest that a test can read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from modules import labels
from modules.levels import Level, Quota

Manifest = dict[str, Any]
Tier = Literal["cgc", "agc"]

_READ = ("get", "list", "watch")
_WRITE = (*_READ, "create", "update", "patch", "delete")


@dataclass(frozen=True)
class Space:
    """A namespace that is to be guarded."""

    name: str
    tier: Tier
    level: Level
    quota: Quota
    group: str
    """Start of the names of the groups that get rights here, as the identity provider gives them."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def namespace(space: Space) -> Manifest:
    """Return the namespace, with Pod Security 'restricted' enforced by the API server."""
    pod_security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": space.name,
            "labels": {
                labels.MANAGED_BY: "govcloud",
                labels.TIER: space.tier,
                labels.SECURITY_LEVEL: str(space.level),
                **pod_security,
                **space.labels,
            },
            "annotations": dict(space.annotations),
        },
    }


def guards(space: Space) -> list[Manifest]:
    """Return all that stands in the namespace beside the workload: limits, closed doors, rights."""
    return [
        default_deny(space.name),
        allow_dns(space.name),
        resource_quota(space.name, space.quota),
        limit_range(space.name, space.quota),
        role(space.name, "operators", _OPERATOR_RULES),
        role(space.name, "viewers", _VIEWER_RULES),
        role_binding(space.name, "operators", f"{space.group}:operators"),
        role_binding(space.name, "viewers", f"{space.group}:viewers"),
    ]


def default_deny(namespace: str) -> Manifest:
    """Close every pod of the namespace in both directions. No address stands in it, so it holds in both families."""
    return _policy(namespace, "default-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})


def allow_dns(namespace: str) -> Manifest:
    """Let every pod ask the cluster's name service, and nothing else outside."""
    to = pods_of("kube-system", {"k8s-app": "kube-dns"})
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return _policy(
        namespace,
        "allow-dns",
        {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [to], "ports": ports}]},
    )


def allow_from(namespace: str, name: str, pods: Mapping[str, str], source: Mapping[str, str], port: int) -> Manifest:
    """Let pods of namespaces with the labels ``source`` call the pods with the labels ``pods``."""
    rule = {"from": [{"namespaceSelector": {"matchLabels": dict(source)}}], "ports": [_tcp(port)]}
    spec = {"podSelector": {"matchLabels": dict(pods)}, "policyTypes": ["Ingress"], "ingress": [rule]}
    return _policy(namespace, name, spec)


def allow_to(namespace: str, name: str, pods: Mapping[str, str], target: Any, port: Any) -> Manifest:
    """Let the pods with the labels ``pods`` call ``target``, a peer of a network policy, on its pods' port."""
    rule = {"to": [target], "ports": [_tcp(port)]}
    spec = {"podSelector": {"matchLabels": dict(pods)}, "policyTypes": ["Egress"], "egress": [rule]}
    return _policy(namespace, name, spec)


def pods_of(namespace: str, pods: Mapping[str, str]) -> Manifest:
    """Return the peer of a network policy that stands for these pods of one namespace."""
    return {
        "namespaceSelector": {"matchLabels": {labels.NAMESPACE_NAME: namespace}},
        "podSelector": {"matchLabels": dict(pods)},
    }


def default_account(namespace: str) -> Manifest:
    """Return what is changed of the account that Kubernetes makes itself: its token is mounted nowhere."""
    return _object("v1", "ServiceAccount", namespace, "default", {"automountServiceAccountToken": False})


def resource_quota(namespace: str, quota: Quota) -> Manifest:
    """Bound what the namespace's pods and volumes have together; no node ports and no load balancers."""
    hard = {
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        "limits.cpu": quota.cpu,
        "limits.memory": quota.memory,
        "requests.storage": quota.storage,
        "pods": str(quota.pods),
        "services.nodeports": "0",
        "services.loadbalancers": "0",
    }
    return _object("v1", "ResourceQuota", namespace, "limits", {"spec": {"hard": hard}})


def limit_range(namespace: str, quota: Quota) -> Manifest:
    """Give a container that asks for nothing a small share, and let none ask for more than the namespace has."""
    limit = {
        "type": "Container",
        "default": {"cpu": "100m", "memory": "64Mi"},
        "defaultRequest": {"cpu": "20m", "memory": "32Mi"},
        "max": {"cpu": quota.cpu, "memory": quota.memory},
    }
    return _object("v1", "LimitRange", namespace, "limits", {"spec": {"limits": [limit]}})


def role(namespace: str, name: str, rules: Sequence[Manifest]) -> Manifest:
    """Return a role of the namespace."""
    return _object("rbac.authorization.k8s.io/v1", "Role", namespace, name, {"rules": list(rules)})


def role_binding(namespace: str, role_name: str, group: str) -> Manifest:
    """Give a role to a group of people."""
    api = "rbac.authorization.k8s.io"
    content = {
        "roleRef": {"apiGroup": api, "kind": "Role", "name": role_name},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": group}],
    }
    return _object(f"{api}/v1", "RoleBinding", namespace, role_name, content)


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> Manifest:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


_SEEN = (
    _rule("", ["events", "limitranges", "pods/log", "resourcequotas", "serviceaccounts"], _READ),
    _rule("apps", ["replicasets"], _READ),
    _rule("networking.k8s.io", ["networkpolicies"], _READ),
)
_MANAGED = (
    ("", ["configmaps", "persistentvolumeclaims", "pods", "services"]),
    ("apps", ["deployments", "statefulsets"]),
    ("batch", ["cronjobs", "jobs"]),
    ("policy", ["poddisruptionbudgets"]),
)
_OPERATOR_RULES = (
    *_SEEN,
    *(_rule(group, resources, _WRITE) for group, resources in _MANAGED),
    _rule("", ["secrets"], ["get", "create", "update", "patch", "delete"]),
)
"""May run things; may not widen rights, limits or doors, list secrets, or enter a running container."""
_VIEWER_RULES = (*_SEEN, *(_rule(group, resources, _READ) for group, resources in _MANAGED))


def _policy(namespace: str, name: str, spec: Manifest) -> Manifest:
    return _object("networking.k8s.io/v1", "NetworkPolicy", namespace, name, {"spec": spec})


def _tcp(port: Any) -> Manifest:
    return {"protocol": "TCP", "port": port}


def _object(api: str, kind: str, namespace: str, name: str, content: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": {labels.MANAGED_BY: "govcloud"}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **content}
