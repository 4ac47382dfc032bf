"""The tenants that the kit makes for an audit of its own cloud."""

from __future__ import annotations

import datetime as dt

from conformance import tenants, workloads
from conformance.results import Subject

SUBJECT = Subject(cloud="cloud", operator="operator", kind="CGC", level=3)
UNTIL = dt.datetime(2026, 12, 1, 7, tzinfo=dt.timezone(dt.timedelta(hours=7)))


def test_a_tenant_has_every_guard() -> None:
    """Pod Security, quota, limits, default deny both ways and accounts without tokens, before any right is given."""
    objects = list(tenants.tenant_objects("ns", SUBJECT, UNTIL))
    kinds = [manifest["kind"] for manifest in objects]
    assert kinds[0] == "Namespace"
    assert objects[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {"ResourceQuota", "LimitRange", "NetworkPolicy"} <= set(kinds)
    deny = next(manifest for manifest in objects if manifest["metadata"]["name"] == "default-deny")
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    accounts = [manifest for manifest in objects if manifest["kind"] == "ServiceAccount"]
    assert all(account["automountServiceAccountToken"] is False for account in accounts)
    assert kinds[-1] == "RoleBinding"


def test_a_tenant_holds_no_right_over_its_guards() -> None:
    """It may add policies and remove the audit's own two, and change nothing that guards it."""
    verbs: dict[str, set[str]] = {}
    for rule in tenants.TENANT_RULES:
        for resource in rule["resources"]:
            if not rule.get("resourceNames"):
                verbs.setdefault(resource, set()).update(rule["verbs"])
    assert verbs["networkpolicies"] == {"get", "list", "create"}
    assert verbs["resourcequotas"] == {"get", "list"}
    assert verbs["secrets"] == {"create"}
    assert not {"roles", "rolebindings", "namespaces"} & set(verbs)
    named = [rule["resourceNames"] for rule in tenants.TENANT_RULES if rule.get("resourceNames")]
    assert named == [[workloads.STORED], [workloads.INGRESS_POLICY, workloads.EGRESS_POLICY]]


def test_a_tenants_rights_say_until_when_and_why() -> None:
    """The role that enters pods ends, by its own word, when the accounts' tokens do; the time is that of UTC."""
    (role,) = [it for it in tenants.tenant_objects("ns", SUBJECT, UNTIL) if it["kind"] == "Role"]
    assert role["metadata"]["annotations"] == {
        "govcloud.local/expires": "2026-12-01T00:00:00Z",
        "govcloud.local/ticket": "audit of cloud",
    }


def test_every_object_is_labelled() -> None:
    """What prepare makes can be told from what is the cloud's own."""
    for manifest in (*tenants.tenant_objects("ns", SUBJECT, UNTIL), *tenants.reader_objects(SUBJECT)):
        assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "govcloud-audit"
        assert workloads.RUN not in manifest["metadata"]["labels"]


def test_the_reader_sees_nodes_and_counts_and_nothing_else() -> None:
    """The reader's only rules are on nodes and what the API server counts, without a verb that changes."""
    (role,) = [manifest for manifest in tenants.reader_objects(SUBJECT) if manifest["kind"] == "ClusterRole"]
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]},
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]
