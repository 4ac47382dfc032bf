"""A workload as plain manifests: pods that meet Pod Security 'restricted', spread over nodes, and their Service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modules import labels

Manifest = dict[str, Any]

POD_PORT: Final = 8080
SERVICE_PORT: Final = 80
DEFAULT_IMAGE: Final = "govcloud.local/agnhost:v1.36.3"
"""Kubernetes' own network test server: it answers with its name, and calls others when it is asked to."""
_USER = 65532  # any user but root; the image has no user database


@dataclass(frozen=True)
class Workload:
    """A server that is to run in a guarded namespace."""

    name: str
    namespace: str
    replicas: int
    image: str = DEFAULT_IMAGE
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    cpu: str = "200m"
    """The most that one copy may have."""
    dns_name: str = ""
    """Name of its Service below the domain of the platform; '' for none."""

    @property
    def selector(self) -> dict[str, str]:
        """Labels that select its pods and no others."""
        return {labels.WORKLOAD: self.name}


def manifests(workload: Workload, *, service: bool) -> list[Manifest]:
    """Return its service account, deployment, disruption budget (from two copies on) and, if asked, its Service."""
    parts = [service_account(workload), deployment(workload)]
    if workload.replicas > 1:
        parts.append(disruption_budget(workload))
    if service:
        parts.append(dual_stack_service(workload))
    return parts


def service_account(workload: Workload) -> Manifest:
    """Return an account with no rights whose token is mounted nowhere."""
    return {**_head("v1", "ServiceAccount", workload), "automountServiceAccountToken": False}


def deployment(workload: Workload) -> Manifest:
    """Return the deployment; an update never takes a running copy away before the next one is ready."""
    spec = {
        "replicas": workload.replicas,
        "selector": {"matchLabels": workload.selector},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": {**workload.selector, **workload.pod_labels}},
            "spec": _pod(workload),
        },
    }
    return {**_head("apps/v1", "Deployment", workload), "spec": spec}


def disruption_budget(workload: Workload) -> Manifest:
    """Keep one copy running while nodes are drained."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": workload.selector}}
    return {**_head("policy/v1", "PodDisruptionBudget", workload), "spec": spec}


def dual_stack_service(workload: Workload) -> Manifest:
    """Return its Service, with an address of each family or none at all."""
    return named_service(workload, workload.name, workload.dns_name)


def named_service(workload: Workload, name: str, dns_name: str = "") -> Manifest:
    """Return a Service of this name for a workload, whatever the workload's own is."""
    port = {"name": "http", "protocol": "TCP", "port": SERVICE_PORT, "targetPort": POD_PORT}
    spec = {
        "type": "ClusterIP",
        "ipFamilyPolicy": "RequireDualStack",
        "selector": workload.selector,
        "ports": [port],
    }
    made = {**_head("v1", "Service", workload), "spec": spec}
    made["metadata"] = {**made["metadata"], "name": name}
    if dns_name:
        made["metadata"]["annotations"] = {labels.DNS_NAME: dns_name}
    return made


def alias(namespace: str, name: str, target: str) -> Manifest:
    """Return another name for a Service elsewhere, by the target's whole name in the cluster."""
    metadata = {"name": name, "namespace": namespace, "labels": {labels.MANAGED_BY: "govcloud"}}
    spec = {"type": "ExternalName", "externalName": target}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _pod(workload: Workload) -> Manifest:
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": workload.selector},
        "matchLabelKeys": ["pod-template-hash"],
        "nodeTaintsPolicy": "Honor",
    }
    return {
        "serviceAccountName": workload.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [spread],
        "terminationGracePeriodSeconds": 5,
        "containers": [_container(workload)],
    }


def _container(workload: Workload) -> Manifest:
    return {
        "name": "server",
        "image": workload.image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["netexec", f"--http-port={POD_PORT}", "--udp-port=-1"],
        "ports": [{"name": "http", "containerPort": POD_PORT, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/hostname", "port": POD_PORT}, "periodSeconds": 2},
        "resources": {
            "requests": {"cpu": "20m", "memory": "32Mi"},
            "limits": {"cpu": workload.cpu, "memory": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def _head(api: str, kind: str, workload: Workload) -> Manifest:
    metadata = {
        "name": workload.name,
        "namespace": workload.namespace,
        "labels": {labels.MANAGED_BY: "govcloud", **workload.selector},
    }
    return {"apiVersion": api, "kind": kind, "metadata": metadata}
