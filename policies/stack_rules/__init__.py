"""Rules over several objects, one function each, known by the id of the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from policies.stack_rules.limits import namespaces_have_limits, quotas_add_up, quotas_fit_nodes
from policies.stack_rules.network import (
    address_blocks_in_pairs,
    namespaces_deny_by_default,
    systems_have_their_zones,
)
from policies.stack_rules.objects import Manifests, Violation
from policies.stack_rules.separation import copies_stand_apart, systems_kept_apart

__all__ = ["FUNCTIONS", "KINDS", "Violation"]

FUNCTIONS: Final[Mapping[str, Callable[[Manifests], Iterator[Violation]]]] = MappingProxyType(
    {
        "address-blocks-in-pairs": address_blocks_in_pairs,
        "agency-namespace-default-deny": namespaces_deny_by_default,
        "copies-stand-apart": copies_stand_apart,
        "namespace-limits": namespaces_have_limits,
        "quotas-add-up": quotas_add_up,
        "quotas-fit-nodes": quotas_fit_nodes,
        "system-zones": systems_have_their_zones,
        "systems-kept-apart": systems_kept_apart,
    }
)

KINDS: Final = (
    ("v1", "Namespace", "namespaces"),
    ("v1", "Node", "nodes"),
    ("v1", "LimitRange", "limitranges"),
    ("v1", "Pod", "pods"),
    ("v1", "ReplicationController", "replicationcontrollers"),
    ("v1", "ResourceQuota", "resourcequotas"),
    ("apps/v1", "DaemonSet", "daemonsets"),
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "ReplicaSet", "replicasets"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("batch/v1", "CronJob", "cronjobs"),
    ("batch/v1", "Job", "jobs"),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs"),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
)
"""What these rules look at: apiVersion, kind, and the plural name in the API."""
