"""The programs of the control plane, brought to read edited files anew, faster than they would by themselves."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

from core.errors import KitError
from testbed.faults.cloud import Cloud
from testbed.faults.fault import Change
from testbed.faults.host_files import Reader, control_plane, edited

MANIFESTS = "/etc/kubernetes/manifests"
API_SERVER_MANIFEST = f"{MANIFESTS}/kube-apiserver.yaml"
CONTROLLERS_MANIFEST = f"{MANIFESTS}/kube-controller-manager.yaml"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
_BACK_WITHIN = 180.0
_ARGUMENTS = """
for p in $(pgrep -x {program:.15}); do tr '\\0' '\\n' < /proc/$p/cmdline; done | grep ^--; true"""
"""The kernel keeps the first 15 characters of a program's name."""
_WRITTEN = "sed -n 's/^ *- \\(--.*\\)/\\1/p' {manifest}"


def _renew_api_server(cloud: Cloud, host: str) -> None:
    """Have an API server run alone with the arguments of its manifest, ready, and controllers that work with it.

    Told to end, the old one would linger for half a minute after it stopped listening: it is not waited for.
    """
    deadline = time.monotonic() + _BACK_WITHIN
    if not _as_written(cloud, host, "kube-apiserver", API_SERVER_MANIFEST):
        listening = "curl -sk -o /dev/null https://127.0.0.1:6443/livez"
        cloud.ssh(host, f"timeout 60 sh -c 'while {listening}; do sleep 0.2; done'; true")
    cloud.ssh(host, "pkill -9 -x kube-apiserver; true")
    while not (_as_written(cloud, host, "kube-apiserver", API_SERVER_MANIFEST) and cloud.api.is_ready()):
        _check(deadline, "the API server did not come back as its manifest says")
    _renew_controllers(cloud, host)


def _renew_controllers(cloud: Cloud, host: str) -> None:
    """Have the controllers run as their manifest says and work, and a scheduler lead: both ended without the server.

    Controllers that work give a new namespace its service account. The leases of those that ended are taken away, else
    new ones wait until these have run out.
    """
    deadline = time.monotonic() + _BACK_WITHIN
    while not _as_written(cloud, host, "kube-controller-manager", CONTROLLERS_MANIFEST):
        _check(deadline, "the controllers did not come back as their manifest says")
    for program in ("kube-controller-manager", "kube-scheduler"):
        cloud.api.remove(f"{_LEASES}/{program}")
    name = f"govcloud-controllers-{time.monotonic_ns()}"
    cloud.api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        while cloud.api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default") is None:
            _check(deadline, "the controllers did not come back with the API server")
        while cloud.api.get(f"{_LEASES}/kube-scheduler") is None:
            _check(deadline, "the scheduler did not come back with the API server")
    finally:
        cloud.api.remove(f"/api/v1/namespaces/{name}")


def _as_written(cloud: Cloud, host: str, program: str, manifest: str) -> bool:
    running, written = (
        sorted(cloud.ssh(host, look).split("\n"))
        for look in (_ARGUMENTS.format(program=program), _WRITTEN.format(manifest=manifest))
    )
    return running == written


def _check(deadline: float, complaint: str) -> None:
    if time.monotonic() > deadline:
        raise KitError(complaint, "govcloud testbed shell, then: crictl logs, journalctl -u kubelet")
    time.sleep(0.5)


_API_SERVER = Reader("kube-apiserver", _renew_api_server)


def api_server(edits: Mapping[str, str]) -> Change:
    """Edit files that the API server and the controllers are started with, their manifests among them.

    The manifest always changes a little: one that did not would be started again by the kubelet ever more slowly.
    """
    mark = hashlib.sha256(repr(sorted(edits.items())).encode()).hexdigest()[:12]
    annotated = f"s|^  annotations:$|&\\n    govcloud.local/fault-{mark}: there|"
    manifest = f"{annotated}\n{edits.get(API_SERVER_MANIFEST, '')}"
    return edited(control_plane, {**edits, API_SERVER_MANIFEST: manifest}, _API_SERVER)


def argument(name: str, value: str) -> Change:
    """Give an argument of the API server another value."""
    return api_server({API_SERVER_MANIFEST: f"s|(--{name}=).*|\\1{value}|"})
