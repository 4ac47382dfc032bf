"""What a tenant and its accounts may not change or read. Every attempt is a real one, stored nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance import rights
from conformance.api import DRY_RUN, MERGE_PATCH
from conformance.plugin import EvidenceBook, requirement
from conformance.probes import Tenant
from conformance.workloads import Manifest

RBAC = "rbac.authorization.k8s.io/v1"
OF_DEFAULT_ACCOUNT: Mapping[str, tuple[str, ...]] = {
    "pods": ("list", "create"),
    "pods/exec": ("create",),
    "pods/log": ("get",),
    "secrets": ("list", "get", "create"),
    "configmaps": ("list", "create"),
    "services": ("list", "create"),
    "serviceaccounts/token": ("create",),
}
"""What the default service account of a namespace is asked for, by resource: any of it is too much."""
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


@requirement("GVC-ISO-08")
@pytest.mark.parametrize("resource", ["resourcequotas", "limitranges"])
def test_tenant_cannot_change_limits(tenant_a: Tenant, resource: str, evidence: EvidenceBook) -> None:
    """A tenant cannot remove or change its own quota and limits."""
    collection = tenant_a.path(resource)
    items = tenant_a.api.must("GET", collection)["items"]
    assert items, f"there are no {resource} in the tenant's namespace"
    refuse_changes(tenant_a, collection, [item["metadata"]["name"] for item in items], evidence)


@requirement("GVC-NET-01", "GVC-WKL-04")
def test_tenant_cannot_remove_default_deny(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """A tenant cannot remove or change the policy that denies by default."""
    collection = tenant_a.path("networkpolicies", "networking.k8s.io/v1")
    names = [item["metadata"]["name"] for item in tenant_a.api.must("GET", collection)["items"] if denies_all(item)]
    evidence.add("look for policies that deny by default", ", ".join(names) or "none")
    if not names:
        pytest.skip(
            "no NetworkPolicy of this namespace denies by default; the packets decide whether something else does"
        )
    refuse_changes(tenant_a, collection, names, evidence)


def denies_all(policy: Mapping[str, Any]) -> bool:
    """Whether a NetworkPolicy selects every pod and allows nothing in a direction that it governs."""
    spec = policy["spec"]
    selector = spec.get("podSelector") or {}
    everyone = not selector.get("matchLabels") and not selector.get("matchExpressions")
    rules = {"Ingress": spec.get("ingress"), "Egress": spec.get("egress")}
    return everyone and any(not rules[direction] for direction in spec.get("policyTypes", ["Ingress"]))


def refuse_changes(tenant: Tenant, collection: str, names: list[str], evidence: EvidenceBook) -> None:
    """Try to delete and to relabel each object (dry run); each attempt has to be refused."""
    granted = []
    for name in names:
        path = f"{collection}/{name}"
        patch = {"metadata": {"annotations": {"govcloud.local/audit": "attempt"}}}
        attempts = {
            "delete": tenant.api.request("DELETE", path, query=DRY_RUN),
            "change": tenant.api.request("PATCH", path, patch, query=DRY_RUN, content_type=MERGE_PATCH),
        }
        for verb, answer in attempts.items():
            evidence.add(f"{verb} {name} (dry run)", answer)
            granted += [] if answer.refused else [f"{verb} {name} ({answer.status})"]
    assert not granted, f"the tenant may {'; '.join(granted)}"


@requirement("GVC-WKL-04")
def test_tenant_cannot_weaken_its_namespace(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """A tenant cannot lower the Pod Security level of its namespace."""
    patch = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    path = f"/api/v1/namespaces/{tenant_a.namespace}"
    answer = tenant_a.api.request("PATCH", path, patch, query=DRY_RUN, content_type=MERGE_PATCH)
    evidence.add("set pod-security.kubernetes.io/enforce to privileged (dry run)", answer)
    assert answer.refused, f"the tenant may set its own Pod Security level: {answer}"


@requirement("GVC-WKL-04")
@pytest.mark.parametrize(
    "resource",
    [
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
    ],
)
def test_tenant_cannot_change_admission(tenant_a: Tenant, resource: str, evidence: EvidenceBook) -> None:
    """A tenant can neither remove nor add what judges objects at admission."""
    path = f"{ADMISSION}/{resource}"
    remove = tenant_a.api.request("DELETE", path, query=DRY_RUN)
    evidence.add(f"delete all {resource} (dry run)", remove)
    add = tenant_a.api.request("POST", path, {"metadata": {"name": "govcloud-audit"}}, query=DRY_RUN)
    evidence.add(f"create one of {resource} (dry run)", add)
    if remove.status == add.status == 404:
        pytest.skip(f"this cloud does not serve {resource}")
    assert remove.status == 403, f"the tenant may delete {resource}: {remove}"
    assert add.status == 403, f"the tenant may create {resource}: {add}"


@requirement("GVC-IAM-03")
@pytest.mark.parametrize("what", ["role", "rolebinding", "clusterrolebinding"])
def test_tenant_cannot_raise_itself(tenant_a: Tenant, what: str, evidence: EvidenceBook) -> None:
    """A tenant cannot give itself rights that it does not hold."""
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": tenant_a.user}
    administrator = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": "cluster-admin"}
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    body: Manifest = {"apiVersion": RBAC, "metadata": {"name": "govcloud-audit"}}
    bodies: Mapping[str, Manifest] = {
        "role": {**body, "kind": "Role", "rules": everything},
        "rolebinding": {**body, "kind": "RoleBinding", "roleRef": administrator, "subjects": [subject]},
        "clusterrolebinding": {**body, "kind": "ClusterRoleBinding", "roleRef": administrator, "subjects": [subject]},
    }
    path = f"/apis/{RBAC}/clusterrolebindings" if what == "clusterrolebinding" else tenant_a.path(f"{what}s", RBAC)
    answer = tenant_a.api.request("POST", path, bodies[what], query=DRY_RUN)
    evidence.add(f"create a {what} that grants everything to {tenant_a.user} (dry run)", answer)
    assert answer.status == 403, f"the tenant may grant itself everything by a {what}: {answer}"


@requirement("GVC-IAM-03")
def test_tenant_holds_no_wildcard(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """A tenant's account holds neither all verbs on all resources, nor impersonation, nor escalation."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": tenant_a.namespace},
    }
    status = tenant_a.api.create("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)["status"]
    rules = status.get("resourceRules", [])
    evidence.add(
        f"review the rules of {tenant_a.user}", f"{len(rules)} rules; complete: {not status.get('incomplete')}"
    )
    wide = [r for r in rules if "*" in r["verbs"] or "*" in r.get("resources", [])]
    risky = [r for r in rules if {"bind", "escalate", "impersonate"} & set(r["verbs"])]
    assert not wide + risky, f"rights without bound: {(wide + risky)[0]}"


@requirement("GVC-IAM-04")
def test_default_account_holds_no_rights(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """The default service account may read and start nothing in its own namespace."""
    evidence.add(f"ask whether {tenant_a.user} may get pods", rights.must_tell_who_may(tenant_a))
    user = f"system:serviceaccount:{tenant_a.namespace}:default"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{tenant_a.namespace}", rights.EVERYBODY]
    granted = []
    for resource, verbs in OF_DEFAULT_ACCOUNT.items():
        may = [verb for verb in verbs if rights.somebody_may(tenant_a, user, groups, verb, resource)]
        evidence.add(f"ask whether {user} may {', '.join(verbs)} {resource}", ", ".join(may) or "no")
        granted += [f"{', '.join(may)} {resource}"] if may else []
    assert not granted, f"the default service account may {'; '.join(granted)}"
