"""Two tenants for an audit of one's own cloud: namespaces with the guards of an agency, accounts, and a target file.

The administrator's rights are used here alone; the audit itself holds the rights of the two tenants and of a reader.
"""

from __future__ import annotations

import base64
import datetime as dt
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from conformance import target as target_file
from conformance.api import Api
from conformance.results import Subject
from conformance.workloads import EGRESS_POLICY, INGRESS_POLICY, MANAGED_BY, STORED, Manifest
from core.audit_tenants import ACCOUNT, PROBE_ACCOUNT, READER, TENANTS
from core.errors import KitError
from core.files import write_atomic
from modules import guards, labels
from modules.levels import LEVELS, Quota

TOKEN_SECONDS = 2 * 3600
QUOTA = Quota(cpu="2", memory="2Gi", storage="1Gi", pods=10)
"""What a tenant of an audit may have: enough for the probe pods, and for a check to come up against it."""
RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLES = f"/apis/{RBAC}/v1/clusterroles"
CLUSTER_ROLE_BINDINGS = f"/apis/{RBAC}/v1/clusterrolebindings"
_GONE_WITHIN = 60.0
_FIELD_MANAGER = {"fieldManager": "govcloud-audit", "force": "true"}

TENANT_RULES: list[Manifest] = [
    {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list", "watch", "create", "delete"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [STORED], "verbs": ["get", "delete"]},
    {"apiGroups": [""], "resources": ["pods/exec", "pods/portforward"], "verbs": ["get", "create"]},
    {"apiGroups": [""], "resources": ["pods/log", "configmaps", "events"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["resourcequotas", "limitranges"], "verbs": ["get", "list"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["get", "list", "create"]},
    {"apiGroups": ["authorization.k8s.io"], "resources": ["localsubjectaccessreviews"], "verbs": ["create"]},
    {
        "apiGroups": ["networking.k8s.io"],
        "resources": ["networkpolicies"],
        "resourceNames": [INGRESS_POLICY, EGRESS_POLICY],
        "verbs": ["delete"],
    },
]
"""What a tenant of an audit may do in its namespace, and no more."""


def _named(kind: str, api_version: str, name: str, namespace: str = "", **content: Any) -> Manifest:
    metadata: Manifest = {"name": name, "labels": dict(MANAGED_BY)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _binding(kind: str, role_kind: str, role: str, namespace: str, *, cluster: bool = False) -> Manifest:
    return _named(
        kind,
        f"{RBAC}/v1",
        role,
        "" if cluster else namespace,
        roleRef={"apiGroup": RBAC, "kind": role_kind, "name": role},
        subjects=[{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    )


def _account(namespace: str, name: str) -> Manifest:
    return _named("ServiceAccount", "v1", name, namespace, automountServiceAccountToken=False)


def _guarded(name: str, subject: Subject) -> Iterator[Manifest]:
    """Give a namespace with what guards one of an agency, so that a cloud's own policies let it be."""
    space = guards.Space(
        name=name,
        tier="egc" if subject.kind == "EGC" else "cgc",
        level=subject.level,
        quota=QUOTA,
        group=name,
        labels={labels.LOG_MONTHS: str(LEVELS[subject.level].logs), labels.ENVIRONMENT: "test"},
    )
    for manifest in (
        guards.namespace(space),
        guards.resource_quota(name, QUOTA),
        guards.limit_range(name, QUOTA),
        guards.default_deny(name),
        guards.allow_dns(name),
        guards.default_account(name),
    ):
        manifest["metadata"]["labels"] |= MANAGED_BY
        yield manifest


def tenant_objects(namespace: str, subject: Subject, until: dt.datetime) -> Iterator[Manifest]:
    """Everything that makes a tenant whose rights are meant to last until then, in the order in which it is made."""
    yield from _guarded(namespace, subject)
    yield _account(namespace, ACCOUNT)
    yield _account(namespace, PROBE_ACCOUNT)
    role = _named("Role", f"{RBAC}/v1", "tenant", namespace, rules=TENANT_RULES)
    expires = f"{until.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    role["metadata"]["annotations"] = {
        f"{labels.PREFIX}/expires": expires,
        f"{labels.PREFIX}/ticket": f"audit of {subject.cloud}",
    }
    yield role
    yield _binding("RoleBinding", "Role", "tenant", namespace)


def reader_objects(subject: Subject) -> Iterator[Manifest]:
    """Everything that makes the reader of the platform, who sees nodes and the API server's counts alone."""
    yield from _guarded(READER, subject)
    yield _account(READER, ACCOUNT)
    yield _named(
        "ClusterRole",
        f"{RBAC}/v1",
        READER,
        rules=[
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]},
            {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
        ],
    )
    yield _binding("ClusterRoleBinding", "ClusterRole", READER, READER, cluster=True)


_PLURALS = {"NetworkPolicy": "networkpolicies"}


def _path(manifest: Mapping[str, Any]) -> str:
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    root = f"/api/{version}" if version == "v1" else f"/apis/{version}"
    place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    plural = _PLURALS.get(manifest["kind"], manifest["kind"].lower() + "s")
    return f"{root}{place}/{plural}/{metadata['name']}"


def apply(api: Api, manifest: Mapping[str, Any]) -> None:
    """Make an object what the manifest says, whether it is there or not (server-side apply)."""
    content_type = "application/apply-patch+yaml"
    api.must("PATCH", _path(manifest), manifest, query=_FIELD_MANAGER, content_type=content_type)


def _is_there(api: Api, name: str) -> bool:
    """Whether a namespace is there; raises KitError when it is, and is not ours."""
    answer = api.request("GET", f"/api/v1/namespaces/{name}")
    if answer.status == 404:
        return False
    if not answer.ok:
        raise KitError(f"cannot look for namespace {name}: {answer}")
    if not answer.body["metadata"].get("labels", {}).items() >= MANAGED_BY.items():
        raise KitError(f"namespace {name} belongs to something else", "rename it, or remove it yourself")
    return True


def prepare(admin: Path, folder: Path, subject: Subject, probe_image: str, services: Path | None = None) -> Path:
    """Make two tenants and a reader on a cloud of one's own, and write kubeconfigs (0600) and the target file.

    ``services`` is a file with what the cloud offers beside Kubernetes (`conformance.target.services`): its sections
    become the target's. Returns the target file's path. What is there already is kept and brought into shape; the
    tokens end by themselves.
    """
    sections = target_file.services(services) if services else {}
    api = Api(admin)
    for name in (*TENANTS.values(), READER):
        _is_there(api, name)
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=TOKEN_SECONDS)
    for namespace in TENANTS.values():
        for manifest in tenant_objects(namespace, subject, until):
            apply(api, manifest)
    for manifest in reader_objects(subject):
        apply(api, manifest)
    places = {**{f"tenant-{name}": namespace for name, namespace in TENANTS.items()}, "reader": READER}
    for name, namespace in places.items():
        write_atomic(folder / f"{name}.kubeconfig", _kubeconfig(api, namespace), mode=0o600)
    target = {
        **subject.model_dump(),
        "tenants": {
            name: {"kubeconfig": f"tenant-{name}.kubeconfig", "namespaces": [namespace], "account": PROBE_ACCOUNT}
            for name, namespace in TENANTS.items()
        },
        "reader": {"kubeconfig": "reader.kubeconfig"},
        "probe_image": probe_image,
        **sections,
    }
    path = folder / "target.yaml"
    write_atomic(path, yaml.safe_dump(target, sort_keys=False, allow_unicode=True))
    return path


def _kubeconfig(api: Api, namespace: str) -> str:
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    answer = api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token", request)
    cluster = {"server": api.server}
    if api.authority:
        cluster["certificate-authority-data"] = base64.b64encode(Path(api.authority).read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cloud", "cluster": cluster}],
        "users": [{"name": namespace, "user": {"token": answer["status"]["token"]}}],
        "contexts": [{"name": "audit", "context": {"cluster": "cloud", "user": namespace, "namespace": namespace}}],
        "current-context": "audit",
    }
    return yaml.safe_dump(content, sort_keys=False)


def there(admin: Path) -> list[str]:
    """Return the namespaces of tenants and reader that ``clean`` would remove."""
    api = Api(admin)
    return [name for name in (*TENANTS.values(), READER) if _is_there(api, name)]


def clean(admin: Path) -> list[str]:
    """Remove the tenants and the reader with all that is in them, wait until they are gone, and return their names."""
    api, found = Api(admin), there(admin)
    for collection in (CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES):
        api.remove(f"{collection}/{READER}")
    for name in found:
        api.remove(f"/api/v1/namespaces/{name}")
    deadline = time.monotonic() + _GONE_WITHIN
    left = found
    while left and time.monotonic() < deadline:
        time.sleep(0.5)
        left = [name for name in left if api.request("GET", f"/api/v1/namespaces/{name}").status != 404]
    if left:
        raise KitError(
            f"namespace {', '.join(left)} is still there after {_GONE_WITHIN:.0f} s", "try again in a minute"
        )
    return found
