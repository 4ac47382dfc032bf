"""Faults to switch on in a cloud, one at a time: each is a context manager that mends what it broke."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from conformance import tenants
from conformance.api import MERGE_PATCH, Api
from core.errors import KitError

Ssh = Callable[[str, str], subprocess.CompletedProcess[str]]
"""Runs a command on a host, by name."""

NAMESPACE = tenants.TENANTS["a"]
CORE = f"/api/v1/namespaces/{NAMESPACE}"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
MANIFESTS = "/etc/kubernetes/manifests"


def must(ssh: Ssh, host: str, command: str) -> str:
    done = ssh(host, command)
    if done.returncode != 0:
        raise KitError(f"{host}: {command}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def policy_agent_for_ipv4_alone(ssh: Ssh, hosts: Sequence[str]) -> Iterator[None]:
    """Have the network agent of every host enforce policies in IPv4 and forget IPv6."""
    try:
        _agent_families(ssh, hosts, "ipv4")
        yield
    finally:
        _agent_families(ssh, hosts, "ipv4,ipv6")


def _agent_families(ssh: Ssh, hosts: Sequence[str], families: str) -> None:
    for host in hosts:
        edit = f"sed -i 's/^\\(GOVCLOUD_NETWORK_FAMILIES\\)=.*/\\1={families}/' /etc/default/govcloud-network"
        must(ssh, host, f"{edit} && systemctl restart govcloud-network.service")


@contextmanager
def no_ipv6_services(ssh: Ssh, control_plane: str, api: Api) -> Iterator[None]:
    """Take the IPv6 range of Services from the control plane's programs."""
    cut = "s/(--service-cluster-ip-range=[^,]+),.*/\\1/"
    files = {f"{MANIFESTS}/{name}.yaml": cut for name in ("kube-apiserver", "kube-controller-manager")}
    with _files_changed(ssh, [control_plane], files, lambda: _wait_for_control_plane(ssh, control_plane, api)):
        yield


@contextmanager
def open_api_server(ssh: Ssh, control_plane: str, api: Api) -> Iterator[None]:
    """Have the API server take TLS 1.0, and callers without a name, who may read what a viewer may."""
    files = {
        "/etc/kubernetes/govcloud/authentication.yaml": "/conditions:|- path:/d",
        f"{MANIFESTS}/kube-apiserver.yaml": "s/(--tls-min-version=).*/\\1VersionTLS10/",
    }
    everybody = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}
    with (
        added(api, f"{RBAC}/clusterrolebindings", _binding("govcloud-fault", "view", everybody)),
        _files_changed(ssh, [control_plane], files, lambda: _wait_for_control_plane(ssh, control_plane, api)),
    ):
        yield


@contextmanager
def open_kubelets(ssh: Ssh, hosts: Sequence[str]) -> Iterator[None]:
    """Have every kubelet take callers without a name, and let them do all."""
    edit = "/anonymous:/{n;s/false/true/};s/mode: Webhook/mode: AlwaysAllow/"

    def restart() -> None:
        healthy = "until curl -sf http://127.0.0.1:10248/healthz; do sleep 0.2; done"
        for host in hosts:
            must(ssh, host, f"systemctl restart kubelet && timeout 60 sh -c '{healthy}'")

    with _files_changed(ssh, hosts, {"/var/lib/kubelet/config.yaml": edit}, restart):
        yield


@contextmanager
def _files_changed(
    ssh: Ssh, hosts: Sequence[str], edits: Mapping[str, str], take_up: Callable[[], None]
) -> Iterator[None]:
    """Edit files on hosts, each by a script of sed, have them taken up, and put them back in the end."""
    saved = f"/root/govcloud-fault-{secrets.token_hex(4)}"
    try:
        for host in hosts:
            must(ssh, host, f"cd / && mkdir -p {saved} && cp -a --parents {' '.join(edits)} {saved}/")
            for file, edit in edits.items():
                # Edited as a copy, which then replaces the file in one step.
                must(ssh, host, f"sed -E '{edit}' {saved}{file} > {saved}/new && ! cmp -s {saved}/new {file}")
                must(ssh, host, f"cp {saved}/new {file}")
        take_up()
        yield
    finally:
        for host in hosts:
            must(ssh, host, f"rm -f {saved}/new && cp -a {saved}/. / && rm -r {saved}")
        take_up()


def _wait_for_control_plane(ssh: Ssh, control_plane: str, api: Api) -> None:
    """Wait until an API server runs alone with the arguments of its manifest, is ready, and controllers work again.

    Told to end, the old one stops listening at once and then lingers for half a minute: it is not waited for.
    """
    listening = "curl -sk -o /dev/null https://127.0.0.1:6443/livez"
    must(ssh, control_plane, f"timeout 60 sh -c 'while {listening}; do sleep 0.2; done' && pkill -9 -x kube-apiserver")
    running = "for p in $(pgrep -x kube-apiserver); do tr '\\0' '\\n' < /proc/$p/cmdline; done | grep ^--"
    written = f"sed -n 's/^ *- \\(--.*\\)/\\1/p' {MANIFESTS}/kube-apiserver.yaml"
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        runs, should = (sorted(ssh(control_plane, look).stdout.split("\n")) for look in (running, written))
        if runs == should and _is_ready(api):
            _wait_for_controllers(api, deadline)
            return
        time.sleep(1)
    raise KitError("the API server did not come back as its manifest says")


def _wait_for_controllers(api: Api, deadline: float) -> None:
    """Wait until the controllers work again: they give a new namespace its service account.

    The lease of those that ended with the old API server is taken away, else new ones wait until it has run out.
    """
    api.remove("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager")
    name = f"govcloud-controllers-{time.monotonic_ns()}"
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        while not api.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default").ok:
            if time.monotonic() > deadline:
                raise KitError("the controllers did not come back with the API server")
            time.sleep(1)
    finally:
        api.remove(f"/api/v1/namespaces/{name}")


def _is_ready(api: Api) -> bool:
    try:
        return api.request("GET", "/readyz").ok
    except KitError:
        return False


@contextmanager
def without(api: Api, path: str, restored: Mapping[str, Any]) -> Iterator[None]:
    """Take an object away, and put it back."""
    api.remove(path)
    try:
        yield
    finally:
        tenants.apply(api, restored)


@contextmanager
def changed(api: Api, path: str, change: Mapping[str, Any], back: Mapping[str, Any]) -> Iterator[None]:
    """Change an object by a merge patch, and back by another."""
    api.must("PATCH", path, change, content_type=MERGE_PATCH)
    try:
        yield
    finally:
        api.must("PATCH", path, back, content_type=MERGE_PATCH)


@contextmanager
def added(api: Api, collection: str, manifest: Mapping[str, Any]) -> Iterator[None]:
    """Add an object, and take it away again."""
    api.create(collection, manifest)
    try:
        yield
    finally:
        api.remove(f"{collection}/{manifest['metadata']['name']}")


def _object_of_tenant(kind: str, name: str) -> Mapping[str, Any]:
    return next(
        manifest
        for manifest in tenants.tenant_objects(NAMESPACE, 3)
        if manifest["kind"] == kind and manifest["metadata"]["name"] == name
    )


def no_pod_security(api: Api) -> Any:
    """Let the tenant's namespace take any pod."""
    label = "pod-security.kubernetes.io/enforce"
    weak, strong = ({"metadata": {"labels": {label: level}}} for level in ("privileged", "restricted"))
    return changed(api, f"/api/v1/namespaces/{NAMESPACE}", weak, strong)


def foreign_namespace(api: Api) -> Any:
    """Let the tenant's namespace look like somebody else's."""
    label = "app.kubernetes.io/managed-by"
    other, own = ({"metadata": {"labels": {label: name}}} for name in ("somebody", "govcloud-audit"))
    return changed(api, f"/api/v1/namespaces/{NAMESPACE}", other, own)


def no_quota(api: Api) -> Any:
    """Take the tenant's quota away."""
    return without(api, f"{CORE}/resourcequotas/quota", _object_of_tenant("ResourceQuota", "quota"))


def no_default_deny(api: Api) -> Any:
    """Take the policy away that denies by default."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies/default-deny"
    return without(api, path, _object_of_tenant("NetworkPolicy", "default-deny"))


def token_for_every_pod(api: Api) -> Any:
    """Mount the default account's token into every pod."""
    path = f"{CORE}/serviceaccounts/default"
    yes, no = ({"automountServiceAccountToken": value} for value in (True, False))
    return changed(api, path, yes, no)


def _binding(name: str, role: str, subject: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


def default_account_may_read(api: Api) -> Any:
    """Give the default account of the namespace the role 'view'."""
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}
    collection = f"{RBAC}/namespaces/{NAMESPACE}/rolebindings"
    return added(api, collection, _binding("govcloud-fault", "view", subject))


def tenant_is_administrator(api: Api) -> Any:
    """Make the tenant an administrator of the whole cluster."""
    subject = {"kind": "ServiceAccount", "name": tenants.ACCOUNT, "namespace": NAMESPACE}
    return added(api, f"{RBAC}/clusterrolebindings", _binding("govcloud-fault", "cluster-admin", subject))


def foreign_tenant_may_read(api: Api) -> Any:
    """Let tenant b read tenant a's namespace."""
    subject = {"kind": "ServiceAccount", "name": tenants.ACCOUNT, "namespace": tenants.TENANTS["b"]}
    collection = f"{RBAC}/namespaces/{NAMESPACE}/rolebindings"
    return added(api, collection, _binding("govcloud-fault", "view", subject))
