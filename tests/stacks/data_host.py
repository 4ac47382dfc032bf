"""Volumes with data for tests: folders of one node, reached through a pod of tar, so that no SSH is needed."""

from __future__ import annotations

import io
import secrets
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.stream import stream

from tests.waiting import eventually

IMAGE = "govcloud.local/archiver:3.10.2"
PLACE = "/var/lib/govcloud-test"
USER = 65532


@dataclass(frozen=True)
class DataHost:
    """A node's folder below which volumes lie."""

    kubeconfig: Path
    namespace: str
    node: str

    def api(self, kind: Any = client.CoreV1Api) -> Any:
        return kind(config.new_client_from_config(str(self.kubeconfig)))

    def put(self, volume: str, files: Mapping[str, bytes]) -> None:
        """Make the folder of a volume, with these files in it, as a workload's user owns them."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as tar:
            top = tarfile.TarInfo(f"{self.namespace}-{volume}")
            top.type, top.mode, top.uid = tarfile.DIRTYPE, 0o777, USER
            tar.addfile(top)
            for name, data in files.items():
                info = tarfile.TarInfo(f"{self.namespace}-{volume}/{name}")
                info.size, info.mode, info.uid, info.gid = len(data), 0o600, USER, USER
                tar.addfile(info, io.BytesIO(data))
        self._run(["tar", "--extract", "--file=-", "--directory=/host"], content.getvalue())

    def get(self, volume: str) -> dict[str, bytes]:
        """Return the files that are in a volume's folder now."""
        name = f"{self.namespace}-{volume}"
        said = self._run(["tar", "--create", "--file=-", "--directory=/host", name])
        with tarfile.open(fileobj=io.BytesIO(said)) as tar:
            files = [it for it in tar if it.isfile()]
            return {it.name.removeprefix(f"{name}/"): tar.extractfile(it).read() for it in files}  # type: ignore[union-attr]

    def claim(self, volume: str, namespace: str) -> None:
        """Make a volume of a folder, which outlives its claim, and a claim for it in a namespace."""
        core, name = self.api(), f"{self.namespace}-{volume}"
        term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [self.node]}]}
        core.create_persistent_volume(
            {
                "metadata": {"name": name},
                "spec": {
                    "capacity": {"storage": "64Mi"},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "storageClassName": "",
                    "hostPath": {"path": f"{PLACE}/{name}", "type": "Directory"},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
                    "claimRef": {"namespace": namespace, "name": volume},
                },
            }
        )
        core.create_namespaced_persistent_volume_claim(
            namespace,
            {
                "metadata": {"name": volume},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "",
                    "volumeName": name,
                    "resources": {"requests": {"storage": "64Mi"}},
                },
            },
        )

    def serve(self, volume: str, namespace: str, name: str, labels: Mapping[str, str], *, copies: int = 1) -> None:
        """Run a server of the files of a volume, with these labels, as an agency's operators would."""
        self.api(client.AppsV1Api).create_namespaced_deployment(namespace, server(name, volume, labels, copies))
        self.wait(namespace, f"app={name}")

    def wait(self, namespace: str, selector: str) -> None:
        """Wait until a pod with these labels is ready."""

        def ready() -> bool:
            pods = self.api().list_namespaced_pod(namespace, label_selector=selector).items
            return any(c.type == "Ready" and c.status == "True" for it in pods for c in it.status.conditions or ())

        eventually(ready, f"a ready pod {selector} in {namespace}", 180, pause=0.5)

    def _run(self, command: list[str], given: bytes = b"") -> bytes:
        opened = stream(
            self.api().connect_get_namespaced_pod_exec,
            "host",
            self.namespace,
            command=command,
            stdin=bool(given),
            stdout=True,
            stderr=True,
            tty=False,
            binary=True,
            _preload_content=False,
        )
        for start in range(0, len(given), 1 << 16):
            opened.write_stdin(given[start : start + (1 << 16)])
        said, wrong = b"", b""
        while True:
            closed = not opened.is_open()
            wrong += opened.read_channel(2, timeout=1) or b""
            said += (more := opened.read_channel(1) or b"")
            if closed and not more:
                break
        assert opened.returncode == 0, wrong
        return said


def server(name: str, volume: str, labels: Mapping[str, str], copies: int) -> dict[str, Any]:
    spec = {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {
                "name": "files",
                "image": "govcloud.local/agnhost:v1.36.3",
                "args": ["test-webserver", "--port=8080"],
                "readinessProbe": {"httpGet": {"path": "/data/", "port": 8080}, "periodSeconds": 2},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": volume}}],
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": copies,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name, **labels}}, "spec": spec},
        },
    }


@contextmanager
def data_host(kubeconfig: Path) -> Iterator[DataHost]:
    """Give a folder of a node; at the end its volumes and all in it are removed."""
    core = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    name = f"leave-host-{secrets.token_hex(3)}"
    enforce = {"pod-security.kubernetes.io/enforce": "privileged"}
    core.create_namespace({"metadata": {"name": name, "labels": enforce}})
    try:
        eventually(lambda: core.list_namespaced_service_account(name).items, "the namespace has its account", 180)
        core.create_namespaced_pod(name, _pod())
        eventually(lambda: core.read_namespaced_pod("host", name).status.phase == "Running", "the pod runs", 180)
        made = DataHost(kubeconfig, name, core.read_namespaced_pod("host", name).spec.node_name)
        yield made
        made._run(["tar", "--create", "--file=/dev/null", "--remove-files", "--directory=/host", *_folders(made)])
    finally:
        for it in core.list_persistent_volume().items:
            if it.metadata.name.startswith(f"{name}-"):
                core.delete_persistent_volume(it.metadata.name)
        core.delete_namespace(name)


def _folders(host: DataHost) -> list[str]:
    volumes = host.api().list_persistent_volume().items
    return [it.metadata.name for it in volumes if it.metadata.name.startswith(f"{host.namespace}-")] or [
        "--files-from=/dev/null"
    ]


def _pod() -> dict[str, Any]:
    return {
        "metadata": {"name": "host"},
        "spec": {
            "securityContext": {"runAsUser": 0},
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {"name": "tar", "image": IMAGE, "volumeMounts": [{"name": "host", "mountPath": "/host"}]},
            ],
            "volumes": [{"name": "host", "hostPath": {"path": PLACE, "type": "DirectoryOrCreate"}}],
        },
    }
