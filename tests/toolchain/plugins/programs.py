"""Programs that several tests run."""

from __future__ import annotations

from typing import Final

CONFIG_MAP: Final = 'k8s.core.v1.ConfigMap("settings", metadata=meta("settings"), data={"colour": "blue"})\n'
ROLE_BINDING: Final = """
k8s.rbac.v1.RoleBinding("rb", metadata=meta("rb"),
    role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    subjects=[{"kind": "ServiceAccount", "name": "sa", "namespace": NAMESPACE}])
"""
WEB: Final = """
labels = {"app": "web"}
container = {
    "name": "web",
    "image": IMAGE,
    "args": ["netexec", "--http-port=8080"],
    "resources": {"requests": {"cpu": "0.010", "memory": "16Mi"}},
    "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
}
template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}
k8s.apps.v1.Deployment("web", metadata=meta("web"),
    spec={"replicas": 2, "selector": {"matchLabels": labels}, "template": template})
"""
NEVER_READY: Final = WEB.replace('"port": 8080}', '"port": 9}')
"""The same, with a port to ask that nobody listens on."""
