"""A live cluster in the hands of a test: objects, pods that meet 'restricted', and calls between them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import eventually

Json = dict[str, Any]
IMAGE = "govcloud.local/agnhost:v1.36.3"
FAMILIES = ("ipv4", "ipv6")
NAMESPACE = "network-tests"


@dataclass(frozen=True)
class Cluster:
    """A cluster as its administrator sees it, and a namespace of the tests in it."""

    kubectl_program: Path
    kubeconfig: Path
    namespace: str

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl in the namespace of the tests."""
        command = [str(self.kubectl_program), "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=150)
        assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done

    def get(self, *words: str) -> Json:
        """Read an object."""
        found: Json = json.loads(self.kubectl("get", *words, "-o", "json").stdout)
        return found

    def apply(self, *objects: Json) -> None:
        """Make objects."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def start_pods(self) -> None:
        """Start the client and a server on the worker and a server on the control-plane node, where they are not."""
        server = ("netexec", "--http-port=8080")
        account = ("get", "serviceaccount", "default")
        eventually(lambda: self.kubectl(*account, check=False).returncode == 0, "a new namespace has its account")
        self.apply(pod("client", "cgc-2", "pause"), pod("near", "cgc-2", *server), pod("far", "cgc-1", *server))
        self.kubectl("wait", "--for=condition=Ready", "pod", "client", "near", "far", "--timeout=120s")

    def connect(self) -> None:
        """Have the pods run without isolation, and wait until calls get through to both servers in both families."""
        self.start_pods()
        self.permit()
        servers = ("near", "far")
        eventually(lambda: all(self.reaches(a) for s in servers for a in self.addresses(s).values()), "calls", 120)

    def deny(self, *types: str) -> None:
        """Isolate every pod of the namespace."""
        self.apply(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "deny"},
                "spec": {"podSelector": {}, "policyTypes": list(types)},
            }
        )

    def let_in(self, name: str, rule: Json) -> None:
        """Isolate one pod and let in whom a rule of ingress lets in."""
        self.apply(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": f"let-in-{name}"},
                "spec": {"podSelector": {"matchLabels": {"app": name}}, "ingress": [rule]},
            }
        )

    def permit(self) -> None:
        """Take the isolation away from the API; the nodes follow a moment later."""
        self.kubectl("delete", "networkpolicy", "--all")

    def addresses(self, pod: str) -> dict[str, str]:
        """Return a pod's address in each family."""
        found = self.get("pod", pod)["status"]["podIPs"]
        return {"ipv6" if ":" in entry["ip"] else "ipv4": entry["ip"] for entry in found}

    def reaches(self, target: str, port: int = 8080, client: str = "client") -> bool:
        """Whether the client can open a connection."""
        where = f"[{target}]:{port}" if ":" in target else f"{target}:{port}"
        return (
            self.kubectl("exec", client, "--", "/agnhost", "connect", where, "--timeout=600ms", check=False).returncode
            == 0
        )

    def refuses(self, target: str, port: int = 8080) -> bool:
        """Whether the client cannot open a connection."""
        return not self.reaches(target, port)


def pod(name: str, node: str, *arguments: str, **more: Any) -> Json:
    """Return a pod that meets 'restricted'."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "main",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "args": list(arguments),
                    "ports": [{"name": "web", "containerPort": 8080}],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
            **more,
        },
    }
