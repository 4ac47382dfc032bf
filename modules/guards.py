"""What every namespace gets before anything runs in it, as plain Kubernetes manifests.

Nothing here knows of Pulumi: each function turns facts into a manifest that a test can read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from modules import labels
from modules.levels import Level, Quota
from modules.quantities import parse

Manifest = dict[str, Any]
Tier = Literal["cgc", "agc", "egc"]

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
    also: tuple[str, ...] = ()
    """Starts of the names of further groups with the same rights: those of former owners, for a time."""
    shut: bool = False
    """Whether nobody has rights here and no way is open, as while its agency leaves."""


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


def closed(space: Space) -> Space:
    """Return the namespace as it is while its agency leaves: shut, and with no label that opens anything elsewhere."""
    opening = (f"{labels.PREFIX}/consumes-", f"{labels.PREFIX}/open-to-", labels.GRANTED)
    kept = {name: value for name, value in space.labels.items() if not name.startswith(opening)}
    return replace(space, labels={**kept, labels.QUARANTINED: "true"}, shut=True)


def guards(space: Space) -> list[Manifest]:
    """Return all that stands in the namespace beside the workload: limits, closed doors, rights.

    An agency's namespace has roles for its owners and its auditors too. No group of one tier has rights in the other.
    """
    roles = {"operators": _OPERATOR_RULES, "viewers": _VIEWER_RULES}
    if space.tier == "agc":
        roles |= {"owners": _OWNER_RULES, "auditors": _AUDITOR_RULES}
    groups = () if space.shut else (space.group, *space.also)
    return [
        default_deny(space.name),
        *([] if space.shut else [allow_dns(space.name)]),
        resource_quota(space.name, space.quota),
        limit_range(space.name, space.quota),
        *(role(space.name, name, rules) for name, rules in roles.items()),
        *(role_binding(space.name, name, *(f"{it}:{name}" for it in groups)) for name in roles if groups),
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
    return inward(namespace, name, pods, [rule_from(namespaces_with(source), port)])


def inward(namespace: str, name: str, pods: Mapping[str, str], rules: Any) -> Manifest:
    """Let the pods with the labels ``pods`` (none: all) be called as ``rules`` say; no rule opens nothing."""
    spec = {"podSelector": _pods(pods), "policyTypes": ["Ingress"], "ingress": rules}
    return _policy(namespace, name, spec)


def rule_from(source: Manifest, port: int, protocol: str = "TCP") -> Manifest:
    """Return the rule that lets ``source``, a peer of a network policy, in to a port of the pods."""
    return {"from": [source], "ports": [{"protocol": protocol, "port": port}]}


def allow_to(
    namespace: str, name: str, pods: Mapping[str, str], target: Any, port: Any, protocol: str = "TCP"
) -> Manifest:
    """Let the pods with the labels ``pods`` call ``target``, a peer of a network policy, on its pods' port."""
    rule = {"to": [target], "ports": [{"protocol": protocol, "port": port}]}
    spec = {"podSelector": _pods(pods), "policyTypes": ["Egress"], "egress": [rule]}
    return _policy(namespace, name, spec)


def open_inside(namespace: str) -> Manifest:
    """Let the pods of the namespace call each other."""
    own: list[Manifest] = [{"podSelector": {}}]
    rules = {"ingress": [{"from": own}], "egress": [{"to": own}]}
    return _policy(namespace, "inside", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], **rules})


def namespaces_with(found: Mapping[str, str]) -> Manifest:
    """Return the peer of a network policy that stands for all pods of the namespaces with these labels."""
    return {"namespaceSelector": {"matchLabels": dict(found)}}


def pods_of(namespace: str, pods: Mapping[str, str]) -> Manifest:
    """Return the peer of a network policy that stands for the pods of one namespace with these labels (none: all)."""
    return {**namespaces_with({labels.NAMESPACE_NAME: namespace}), "podSelector": _pods(pods)}


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
        "default": {"cpu": min("100m", quota.cpu, key=parse), "memory": min("64Mi", quota.memory, key=parse)},
        "defaultRequest": {"cpu": "20m", "memory": "32Mi"},
        "max": {"cpu": quota.cpu, "memory": quota.memory},
    }
    return _object("v1", "LimitRange", namespace, "limits", {"spec": {"limits": [limit]}})


def role(namespace: str, name: str, rules: Sequence[Manifest]) -> Manifest:
    """Return a role of the namespace."""
    return _object("rbac.authorization.k8s.io/v1", "Role", namespace, name, {"rules": list(rules)})


def role_binding(namespace: str, role_name: str, *groups: str) -> Manifest:
    """Give a role to groups of people."""
    api = "rbac.authorization.k8s.io"
    content = {
        "roleRef": {"apiGroup": api, "kind": "Role", "name": role_name},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": group} for group in groups],
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
_RIGHTS = _rule("rbac.authorization.k8s.io", ["rolebindings", "roles"], _READ)
_OWNER_RULES = (
    *_VIEWER_RULES,
    _RIGHTS,
    _rule("apps", ["deployments/scale", "statefulsets/scale"], ["get", "patch", "update"]),
)
"""May see everything but secrets, who has which rights included, and stop a system; may not change what runs."""
_AUDITOR_RULES = (
    _rule("", ["events", "limitranges", "persistentvolumeclaims", "pods", "resourcequotas"], _READ),
    _rule("", ["serviceaccounts", "services"], _READ),
    _rule("apps", ["deployments", "replicasets", "statefulsets"], _READ),
    _rule("batch", ["cronjobs", "jobs"], _READ),
    _rule("networking.k8s.io", ["networkpolicies"], _READ),
    _rule("policy", ["poddisruptionbudgets"], _READ),
    _RIGHTS,
)
"""May see how things are set up, and who has which rights; not what passes through them: no logs, no ConfigMaps."""


def _policy(namespace: str, name: str, spec: Manifest) -> Manifest:
    return _object("networking.k8s.io/v1", "NetworkPolicy", namespace, name, {"spec": spec})


def _pods(found: Mapping[str, str]) -> Manifest:
    return {"matchLabels": dict(found)} if found else {}


def _object(api: str, kind: str, namespace: str, name: str, content: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": {labels.MANAGED_BY: "govcloud"}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **content}
