"""Reading a volume: a pod of tar is put on it, read-only, and its output streamed through the API server."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from kubernetes import client, config
from kubernetes.stream import stream

from core.errors import KitError
from modules import labels
from modules.leaving.models import Volume

ROLE: Final = f"{labels.PREFIX}/archiver"
"""Label of the pods that read volumes."""
_PATIENCE: Final = 120
"""Seconds for such a pod to run, and for the next bytes to come."""
_END: Final = 1024
"""Bytes of zeros at the end of every tar."""
_TAR: Final = ("tar", "--create", "--file=-", "--directory=/data", "--numeric-owner", "--sort=name", ".")


def pod(volume: Volume, image: str) -> dict[str, Any]:
    """Return the pod that reads a volume: as the user whose files they are, with no right to change anything."""
    digest = hashlib.sha256(volume.uid.encode()).hexdigest()[:10]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"govcloud-archiver-{digest}",
            "namespace": volume.namespace,
            "labels": {labels.MANAGED_BY: "govcloud", ROLE: "true"},
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
                **volume.reader,
            },
            "containers": [
                {
                    "name": "tar",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "resources": {
                        "requests": {"cpu": "20m", "memory": "32Mi"},
                        "limits": {"cpu": "100m", "memory": "64Mi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                    "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": volume.claim, "readOnly": True}}],
        },
    }


@contextmanager
def reading(kubeconfig: Path, volume: Volume, image: str) -> Iterator[BinaryIO]:
    """Give the tar of a volume as a stream. Raises KitError when tar cannot read all of it."""
    manifest = pod(volume, image)
    name, place = manifest["metadata"]["name"], f"{volume.namespace}/{volume.claim}"
    core = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    _remove(core, volume.namespace, name)  # a killed run left it
    core.create_namespaced_pod(volume.namespace, manifest)
    try:
        _wait(core, volume.namespace, name, place)
        # a client of its own: while it streams, the library changes the client in place
        opened = stream(
            client.CoreV1Api(config.new_client_from_config(str(kubeconfig))).connect_get_namespaced_pod_exec,
            name,
            volume.namespace,
            command=list(_TAR),
            stdin=False,
            stdout=True,
            stderr=True,
            tty=False,
            binary=True,
            _preload_content=False,
        )
        try:
            yield cast("BinaryIO", Output(opened, place))
        finally:
            opened.close()
    finally:
        _remove(core, volume.namespace, name)


class Output(io.RawIOBase):
    """What a program in a pod writes; its end is only the end when the program ended well."""

    def __init__(self, opened: Any, place: str) -> None:
        super().__init__()
        self._opened = opened
        self._place = place
        self._rest = b""
        self._said = b""
        self._last = b""

    def readable(self) -> bool:
        """Return True: it is read, and never written."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to this many bytes, none at the end."""
        since = time.monotonic()
        while not self._rest:
            closed = not self._opened.is_open()
            self._said += self._opened.read_channel(2, timeout=0 if closed else 1) or b""
            # reading one channel fills the other too, and may meet the end: what has come is read after that
            self._rest = self._opened.read_channel(1) or b""
            if closed and not self._rest:
                self._end()
                return b""
            if not self._rest and time.monotonic() - since > _PATIENCE:
                raise KitError(f"{self._place}: nothing came for {_PATIENCE} s", "the same command goes on from here")
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        self._last = (self._last + taken)[-_END:]
        return taken

    def _end(self) -> None:
        code = self._opened.returncode
        if code != 0:
            said = " ".join(self._said.decode(errors="replace").split())[-500:]
            raise KitError(
                f"{self._place}: tar could not read all of it: {said or f'it ended with {code}'}",
                "nothing was deleted; let the files be readable for the user of the workload that has the volume",
            )
        if self._last.strip(b"\0") or len(self._last) < _END:
            raise KitError(f"{self._place}: the stream was cut off", "the same command goes on from here")


def security(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return as whom a pod touches its volumes."""
    found = dict(spec.get("securityContext") or {})
    first: Mapping[str, Any] = next(iter(spec["containers"])).get("securityContext") or {}
    found |= {name: it for name, it in first.items() if name in {"runAsUser", "runAsGroup"}}
    wanted = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups")
    # a change of the group of all files would change the data that is to be kept as it is
    return {name: found[name] for name in wanted if found.get(name)} | (
        {"fsGroupChangePolicy": "OnRootMismatch"} if found.get("fsGroup") else {}
    )


def _wait(core: Any, namespace: str, name: str, place: str) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        found = core.read_namespaced_pod(name, namespace).status
        if found.phase == "Running":
            return
        if time.monotonic() > until or found.phase in {"Failed", "Succeeded"}:
            waits = [it.state.waiting.reason for it in found.container_statuses or [] if it.state.waiting]
            raise KitError(
                f"{place}: the pod that reads it does not run: {', '.join(map(str, waits)) or found.phase}",
                f"kubectl --namespace {namespace} describe pod {name}",
            )
        time.sleep(0.5)


def _remove(core: Any, namespace: str, name: str) -> None:
    try:
        core.delete_namespaced_pod(name, namespace, grace_period_seconds=1)
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            core.read_namespaced_pod(name, namespace)
            time.sleep(0.3)
    except client.ApiException as error:
        if error.status != 404:
            raise
