"""The objects that the audit puts into a tenant's namespaces, as manifests. Nothing here talks to a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modules.labels import NAMESPACE_NAME, WORKLOAD

Manifest = dict[str, Any]

TCP_PORT = 8080
UDP_PORT = 8081
MANAGED_BY = {"app.kubernetes.io/managed-by": "govcloud-audit"}
RUN = "govcloud.local/audit-run"
"""Label of everything that a run creates; by this it is found and removed."""
ROLE = "govcloud.local/audit-role"
SERVER = "server"
"""The role of pods that answer, unless another is given."""
INGRESS_POLICY = "govcloud-audit-ingress"
EGRESS_POLICY = "govcloud-audit-egress"
STORED = "govcloud-audit-stored"
"""The three names are fixed, so that a tenant's rights can be limited to them."""

PROBE_PORTS: Sequence[Manifest] = (
    {"port": TCP_PORT, "protocol": "TCP"},
    {"port": UDP_PORT, "protocol": "UDP"},
)
DNS_PORTS: Sequence[Manifest] = ({"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"})
DNS_NAMESPACES = ("kube-system", "openshift-dns")
"""Where distributions of Kubernetes run the name server of the cluster."""
DEFAULT_ACCOUNT = "default"
"""Service account that Kubernetes gives to pods that name none."""


def labels(run: str, role: str = "") -> dict[str, str]:
    """Labels of an object of this run."""
    return {**MANAGED_BY, RUN: run, **({ROLE: role} if role else {})}


def pod(
    name: str,
    image: str,
    *,
    run: str,
    role: str,
    account: str = DEFAULT_ACCOUNT,
    arguments: Sequence[str] = ("pause",),
) -> Manifest:
    """Return a pod that meets Pod Security 'restricted' and asks for little."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {WORKLOAD: f"govcloud-audit-{role}", **labels(run, role)}},
        "spec": {
            "serviceAccountName": account,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "probe",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": list(arguments),
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "16Mi"},
                        "limits": {"cpu": "200m", "memory": "64Mi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


def _answering(name: str, image: str, *, run: str, role: str, account: str) -> Manifest:
    arguments = ["netexec", f"--http-port={TCP_PORT}", f"--udp-port={UDP_PORT}"]
    manifest = pod(name, image, run=run, role=role, account=account, arguments=arguments)
    manifest["spec"]["containers"][0]["readinessProbe"] = {
        "httpGet": {"path": "/healthz", "port": TCP_PORT},
        "periodSeconds": 1,
    }
    return manifest


def client(name: str, image: str, *, run: str, account: str = DEFAULT_ACCOUNT) -> Manifest:
    """Return a pod that calls others when it is told to."""
    return _answering(name, image, run=run, role="client", account=account)


def server(name: str, image: str, *, run: str, role: str = SERVER, account: str = DEFAULT_ACCOUNT) -> Manifest:
    """Return a pod that answers over TCP and UDP, kept apart from others of its role where there are nodes enough."""
    manifest = _answering(name, image, run=run, role=role, account=account)
    manifest["spec"]["affinity"] = {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": labels(run, role)},
                    },
                }
            ]
        }
    }
    return manifest


def service(name: str, *, run: str, policy: str, role: str = SERVER) -> Manifest:
    """Return a Service in front of the pods of a role, with an ``ipFamilyPolicy``."""
    spec: Manifest = {
        "selector": labels(run, role),
        "ipFamilyPolicy": policy,
        "ports": [
            {"name": "tcp", "port": TCP_PORT, "targetPort": TCP_PORT, "protocol": "TCP"},
            {"name": "udp", "port": UDP_PORT, "targetPort": UDP_PORT, "protocol": "UDP"},
        ],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels(run)}, "spec": spec}


def _policy(name: str, run: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "labels": labels(run)},
        "spec": spec,
    }


def _in_namespaces(*names: str) -> Manifest:
    return {"namespaceSelector": {"matchExpressions": [{"key": NAMESPACE_NAME, "operator": "In", "values": [*names]}]}}


def allow_ingress(run: str, *, namespace: str, role: str = SERVER) -> Manifest:
    """Allow the audit's client in ``namespace`` to reach the pods of a role."""
    peer = {**_in_namespaces(namespace), "podSelector": {"matchLabels": labels(run, "client")}}
    return _policy(
        INGRESS_POLICY,
        run,
        {
            "podSelector": {"matchLabels": labels(run, role)},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [peer], "ports": list(PROBE_PORTS)}],
        },
    )


def allow_egress(run: str, *, namespace: str, role: str = SERVER, beyond: Sequence[Manifest] = ()) -> Manifest:
    """Allow the audit's client to call the pods of a role in ``namespace``, and DNS, and what more rules say."""
    peer = {**_in_namespaces(namespace), "podSelector": {"matchLabels": labels(run, role)}}
    return _policy(
        EGRESS_POLICY,
        run,
        {
            "podSelector": {"matchLabels": labels(run, "client")},
            "policyTypes": ["Egress"],
            "egress": [
                {"to": [peer], "ports": list(PROBE_PORTS)},
                {"to": [_in_namespaces(*DNS_NAMESPACES)], "ports": list(DNS_PORTS)},
                *beyond,
            ],
        },
    )


def to_addresses(addresses: Sequence[str], port: int) -> Manifest:
    """Return the rule of an egress policy that opens a TCP port of some addresses and nothing else."""
    blocks = [{"ipBlock": {"cidr": f"{address}/{128 if ':' in address else 32}"}} for address in addresses]
    return {"to": blocks, "ports": [{"port": port, "protocol": "TCP"}]}


def with_spec(manifest: Mapping[str, Any], **changes: Any) -> Manifest:
    """Return a copy of a pod with fields of its spec replaced."""
    return {**manifest, "spec": {**manifest["spec"], **changes}}


def with_security(manifest: Mapping[str, Any], **changes: Any) -> Manifest:
    """Return a copy of a pod with fields of its container's security context replaced."""
    (container,) = manifest["spec"]["containers"]
    changed = {**container, "securityContext": {**container["securityContext"], **changes}}
    return with_spec(manifest, containers=[changed])
