"""Which rights of a tenant and of the reader the checks need, and whether an account holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from conformance.api import Answer, Api
from conformance.lanes import PROBES
from conformance.probes import Tenant
from conformance.workloads import EGRESS_POLICY, INGRESS_POLICY, STORED, Manifest
from core.errors import KitError

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_NETWORKING = "networking.k8s.io"
EVERYBODY = "system:authenticated"
"""Group of every account that the API server knows."""


@dataclass(frozen=True)
class Right:
    """One verb on one kind of object, or on one object of it by name."""

    verb: str
    resource: str
    """With its subresource: ``pods/exec``; or a path that is no resource: ``/metrics``."""
    group: str = ""
    name: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.verb, self.resource, self.name)))

    def review(self, namespace: str) -> Manifest:
        """Return the question whether the account that asks holds this right."""
        if self.resource.startswith("/"):
            return _review({"nonResourceAttributes": {"verb": self.verb, "path": self.resource}})
        resource, _, subresource = self.resource.partition("/")
        attributes = {
            "namespace": namespace,
            "verb": self.verb,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "name": self.name,
        }
        return _review({"resourceAttributes": {key: value for key, value in attributes.items() if value}})


def _review(spec: Manifest) -> Manifest:
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}


_PODS = tuple(Right(verb, "pods") for verb in ("get", "list", "create", "delete"))
_SERVICES = tuple(Right(verb, "services") for verb in ("list", "create", "delete"))
_LIST_POLICIES = Right("list", "networkpolicies", _NETWORKING)
_REVIEW = Right("create", "localsubjectaccessreviews", "authorization.k8s.io")
_LIMITS = (Right("list", "resourcequotas"), Right("list", "limitranges"))
_ALERTED = (Right("create", "pods"), Right("delete", "pods"), *_LIMITS)

BY_FIXTURE: Mapping[str, Sequence[Right]] = {
    PROBES: (
        *_PODS,
        Right("create", "pods/exec"),
        Right("create", "pods/portforward"),
        _LIST_POLICIES,
        Right("create", "networkpolicies", _NETWORKING),
        *(Right("delete", "networkpolicies", _NETWORKING, name) for name in (INGRESS_POLICY, EGRESS_POLICY)),
    ),
    "good_pod": (Right("create", "pods"),),
    "family_policy": (Right("create", "services"),),
    "service": _SERVICES,
}
"""What a tenant must be allowed for a check that uses a fixture, directly or not."""

BY_CHECK: Mapping[str, Sequence[Right]] = {
    "access.anonymous_is_refused": (Right("list", "pods"),),
    "access.tenants_cannot_touch_each_other": (Right("list", "pods"),),
    "alerts.alerts_stay_with_their_tenant": _ALERTED,
    "alerts.crossing_a_threshold_is_told_in_time": _ALERTED,
    "encryption.secret_is_stored_encrypted": (
        Right("create", "secrets"),
        *(Right(verb, "secrets", name=STORED) for verb in ("get", "delete")),
    ),
    "containment.neighbours_load_stays_within_its_limit": (*_PODS, Right("create", "pods/exec")),
    "guards.quota_holds": _LIMITS,
    "provider.provider_keeps_out": (_REVIEW,),
    "rights.tenant_cannot_change_limits": _LIMITS,
    "rights.tenant_cannot_remove_default_deny": (_LIST_POLICIES,),
    "rights.default_account_holds_no_rights": (_REVIEW,),
}
"""What a tenant must be allowed beyond that, by the name of the check without its parameters."""

BY_READER: Mapping[str, Sequence[Right]] = {
    "dual_stack.every_node_holds_both_families": (Right("list", "nodes"),),
    "kubernetes.nodes_are_supported": (Right("list", "nodes"),),
    "encryption.secret_is_stored_encrypted": (Right("get", "/metrics"),),
}
"""What the reader of the platform must be allowed, by the name of the check."""


def of_check(check: str, fixtures: Iterable[str]) -> set[Right]:
    """Return the rights of a tenant, and of the reader, that a check needs."""
    name = check.partition("[")[0]
    by_fixture = {right for fixture in fixtures for right in BY_FIXTURE.get(fixture, ())}
    return by_fixture | {*BY_CHECK.get(name, ()), *BY_READER.get(name, ())}


def of_tenant() -> list[Right]:
    """Return all rights of a tenant that any check needs, in order."""
    return _listed(*BY_FIXTURE.values(), *BY_CHECK.values())


def of_reader() -> list[Right]:
    """Return all rights of the reader that any check needs, in order."""
    return _listed(*BY_READER.values())


def _listed(*groups: Sequence[Right]) -> list[Right]:
    return list(dict.fromkeys(right for group in groups for right in group))


def missing(api: Api, namespace: str, wanted: Sequence[Right]) -> list[Right]:
    """Ask the API server which of some rights the account does not hold. Raises KitError where it does not say."""
    return [
        right
        for right in wanted
        if not api.create(_REVIEWS, right.review(namespace)).get("status", {}).get("allowed", False)
    ]


def who_am_i(api: Api, token: str = "") -> Answer:
    """Ask the API server whom it takes an account for, or the bearer of a token."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    return api.request("POST", _WHO_AM_I, review, token=token)


def name_of(answer: Answer) -> str:
    """Return the name in what the API server said to `who_am_i`, empty where it said none."""
    return str(answer.body.get("status", {}).get("userInfo", {}).get("username", ""))


def must_tell_who_may(tenant: Tenant) -> str:
    """See that reviews of somebody's rights say yes to what the tenant may do, and say so.

    Raises KitError where they do not: then a no says nothing.
    """
    if not somebody_may(tenant, tenant.user, [EVERYBODY], "get", "pods"):
        raise KitError(f"an access review denies {tenant.user} what it may do, so a denial means nothing")
    return "yes: reviews tell who may"


def somebody_may(tenant: Tenant, user: str, groups: Sequence[str], verb: str, resource: str) -> bool:
    """Ask the API server whether somebody else may do something in the tenant's namespace. Raises KitError."""
    name, _, subresource = resource.partition("/")
    attributes = {"namespace": tenant.namespace, "verb": verb, "resource": name, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "LocalSubjectAccessReview",
        "metadata": {"namespace": tenant.namespace},
        "spec": {"user": user, "groups": list(groups), "resourceAttributes": attributes},
    }
    path = tenant.path("localsubjectaccessreviews", "authorization.k8s.io/v1")
    return bool(tenant.api.create(path, review)["status"].get("allowed"))
