"""What surrounds a tenant's namespace is missing, or its rights go too far."""

from __future__ import annotations

from core.audit_tenants import ACCOUNT
from testbed.faults.fault import Fault
from testbed.faults.objects import bound, changed, granted, removed

_A = "/api/v1/namespaces/{a}"
_ACCOUNT_A = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "{a}"}
_ACCOUNT_B = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "{b}"}
_POD_SECURITY = "pod-security.kubernetes.io/enforce"

POD_SECURITY_OFF = Fault(
    "pod-security-off",
    "tenant a's namespace takes any pod: privileged ones, and those that share the host",
    changed(_A, {"metadata": {"labels": {_POD_SECURITY: "privileged"}}}),
)
POD_SECURITY_BASELINE = Fault(
    "pod-security-baseline",
    "tenant a's namespace is held to 'baseline' alone: pods may run as root and gain privileges",
    changed(_A, {"metadata": {"labels": {_POD_SECURITY: "baseline"}}}),
)
QUOTA_MISSING = Fault(
    "quota-missing",
    "tenant a has no quota: it may use the cloud up, and open ports on nodes",
    removed(f"{_A}/resourcequotas/limits"),
)
QUOTA_LOOSE = Fault(
    "quota-loose",
    "tenant a's quota allows ports on every node",
    changed(f"{_A}/resourcequotas/limits", {"spec": {"hard": {"services.nodeports": "5"}}}),
)
LIMIT_RANGE_MISSING = Fault(
    "limit-range-missing",
    "nothing limits a single container of tenant a",
    removed(f"{_A}/limitranges/limits"),
)
DEFAULT_DENY_MISSING = Fault(
    "default-deny-missing",
    "tenant a's pods are open to their neighbours, as no policy denies by default",
    removed("/apis/networking.k8s.io/v1/namespaces/{a}/networkpolicies/default-deny"),
)
TOKEN_MOUNTED = Fault(
    "token-mounted",
    "every pod of tenant a gets the token of the default account",
    changed(f"{_A}/serviceaccounts/default", {"automountServiceAccountToken": True}),
)
DEFAULT_ACCOUNT_READS = Fault(
    "default-account-reads",
    "the default account of tenant a's namespace may read what is in it",
    bound("govcloud-fault-default", "view", {"kind": "ServiceAccount", "name": "default", "namespace": "{a}"}, "{a}"),
)
TENANT_IS_ADMINISTRATOR = Fault(
    "tenant-is-administrator",
    "tenant a is bound to cluster-admin, and may do everything",
    bound("govcloud-fault-administrator", "cluster-admin", _ACCOUNT_A),
)
NEIGHBOUR_READS = Fault(
    "neighbour-reads",
    "tenant b may read what is in tenant a's namespace",
    bound("govcloud-fault-neighbour", "view", _ACCOUNT_B, "{a}"),
)
NEIGHBOUR_EDITS = Fault(
    "neighbour-edits",
    "tenant b may read tenant a's secrets and run commands in its pods",
    bound("govcloud-fault-neighbour-edits", "edit", _ACCOUNT_B, "{a}"),
)
TENANT_CHANGES_ADMISSION = Fault(
    "tenant-changes-admission",
    "tenant a may change what judges objects at admission, in the whole cluster",
    granted(
        "govcloud-fault-admission",
        [
            {
                "apiGroups": ["admissionregistration.k8s.io"],
                "resources": [
                    "validatingadmissionpolicies",
                    "validatingadmissionpolicybindings",
                    "mutatingadmissionpolicies",
                    "validatingwebhookconfigurations",
                    "mutatingwebhookconfigurations",
                ],
                "verbs": ["create", "delete", "deletecollection"],
            }
        ],
        _ACCOUNT_A,
    ),
)
TENANT_CHANGES_LIMITS = Fault(
    "tenant-changes-limits",
    "tenant a may change and remove its own quota and limits",
    granted(
        "govcloud-fault-limits",
        [{"apiGroups": [""], "resources": ["resourcequotas", "limitranges"], "verbs": ["patch", "delete"]}],
        _ACCOUNT_A,
        "{a}",
    ),
)
TENANT_REMOVES_DEFAULT_DENY = Fault(
    "tenant-removes-default-deny",
    "tenant a may remove the policy that denies by default",
    granted(
        "govcloud-fault-policies",
        [{"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["patch", "delete"]}],
        _ACCOUNT_A,
        "{a}",
    ),
)
TENANT_WEAKENS_NAMESPACE = Fault(
    "tenant-weakens-namespace",
    "tenant a may lower the Pod Security level of its own namespace",
    granted(
        "govcloud-fault-namespace",
        [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "patch"]}],
        _ACCOUNT_A,
        "{a}",
    ),
)
TENANT_RAISES_ITSELF = Fault(
    "tenant-raises-itself",
    "tenant a may make roles and bindings that grant more than it holds",
    granted(
        "govcloud-fault-escalation",
        [
            {
                "apiGroups": ["rbac.authorization.k8s.io"],
                "resources": ["roles", "rolebindings", "clusterroles", "clusterrolebindings"],
                "verbs": ["create", "bind", "escalate"],
            }
        ],
        _ACCOUNT_A,
    ),
)
TENANT_HOLDS_WILDCARD = Fault(
    "tenant-holds-wildcard",
    "tenant a holds every verb on every resource of an API group, those that come later among them",
    granted(
        "govcloud-fault-wildcard",
        [{"apiGroups": ["later.govcloud.local"], "resources": ["*"], "verbs": ["*"]}],
        _ACCOUNT_A,
        "{a}",
    ),
)
TENANT_IMPERSONATES = Fault(
    "tenant-impersonates",
    "tenant a may act as any account of its namespace",
    granted(
        "govcloud-fault-impersonation",
        [{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}],
        _ACCOUNT_A,
        "{a}",
    ),
)
