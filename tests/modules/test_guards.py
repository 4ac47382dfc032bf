"""What stands in every namespace before anything runs there."""

from __future__ import annotations

from typing import Any

import pytest

from modules import guards, labels
from modules.levels import LEVELS, Quota

SPACE = guards.Space(name="space", tier="agc", level=3, quota=LEVELS[3].quota, group="govcloud:agc:x")
GUARDS = guards.guards(SPACE)


def of(kind: str) -> list[dict[str, Any]]:
    return [it for it in GUARDS if it["kind"] == kind]


def test_pod_security_is_enforced() -> None:
    """The API server itself refuses pods that are not 'restricted'."""
    found = guards.namespace(SPACE)["metadata"]["labels"]
    assert found["pod-security.kubernetes.io/enforce"] == "restricted"
    assert found[labels.SECURITY_LEVEL] == "3"
    assert found[labels.TIER] == "agc"


def test_facts_cannot_take_pod_security_away() -> None:
    """Labels given for a namespace add to the kit's; the annotations keep names as people write them."""
    space = guards.Space("space", "agc", 2, LEVELS[2].quota, "g", {labels.SYSTEM: "x"}, {"name": "Một cửa"})
    metadata = guards.namespace(space)["metadata"]
    assert metadata["labels"][labels.SYSTEM] == "x"
    assert metadata["annotations"] == {"name": "Một cửa"}


def test_both_directions_are_closed() -> None:
    """One policy selects every pod, names both directions and opens neither."""
    closed = next(it for it in of("NetworkPolicy") if it["metadata"]["name"] == "default-deny")
    assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_names_can_be_asked_for() -> None:
    """The one other guard that opens something opens port 53 of the name service, by its labels."""
    others = [it for it in of("NetworkPolicy") if it["metadata"]["name"] != "default-deny"]
    assert [it["metadata"]["name"] for it in others] == ["allow-dns"]
    (rule,) = others[0]["spec"]["egress"]
    assert {(port["protocol"], port["port"]) for port in rule["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert "ipBlock" not in str(others)


def test_roles_have_no_wildcard_and_widen_nothing() -> None:
    """No role holds a wildcard, and none may change rights, limits, doors or run commands in a container."""
    fixed = {"roles", "rolebindings", "networkpolicies", "resourcequotas", "limitranges", "serviceaccounts"}
    for role in of("Role"):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not {"pods/exec", "pods/attach", "serviceaccounts/token"} & set(rule["resources"])
            if set(rule["verbs"]) - {"get", "list", "watch"}:
                assert not fixed & set(rule["resources"])


def test_roles_go_to_the_groups_of_the_owner() -> None:
    """Each group of the agency gets its role, and no one else gets any."""
    found = {it["roleRef"]["name"]: [subject["name"] for subject in it["subjects"]] for it in of("RoleBinding")}
    names = ("owners", "operators", "viewers", "auditors")
    assert found == {name: [f"govcloud:agc:x:{name}"] for name in names}
    assert {it["metadata"]["name"] for it in of("Role")} == set(names)


def test_tiers_are_apart() -> None:
    """The central cloud's namespaces know no agency's groups, and have the two roles of its own."""
    central = guards.Space(name="space", tier="cgc", level=4, quota=LEVELS[4].quota, group="govcloud:cgc")
    bound = [it for it in guards.guards(central) if it["kind"] == "RoleBinding"]
    assert [it["subjects"][0]["name"] for it in bound] == ["govcloud:cgc:operators", "govcloud:cgc:viewers"]


def rights(role: str) -> set[tuple[str, str, str]]:
    """Return what a role may do, as verb, group and resource."""
    (found,) = [it for it in of("Role") if it["metadata"]["name"] == role]
    return {
        (verb, group, resource)
        for rule in found["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_each_role_may_what_it_is_for() -> None:
    """Auditors see no contents, viewers no secrets, owners may stop a system and nothing more; only operators run."""
    reads = {"get", "list", "watch"}
    assert {verb for verb, _, _ in rights("auditors") | rights("viewers")} == reads
    assert not {it[2] for it in rights("auditors")} & {"pods/log", "configmaps", "secrets"}
    assert {("list", "rbac.authorization.k8s.io", it) for it in ("roles", "rolebindings")} <= rights("auditors")
    assert "secrets" not in {it[2] for it in rights("viewers") | rights("owners")}
    assert {it[2] for it in rights("owners") if it[0] not in reads} == {"deployments/scale", "statefulsets/scale"}
    assert ("create", "apps", "deployments") in rights("operators")
    assert ("list", "", "secrets") not in rights("operators")


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_limits(level: int) -> None:
    """A namespace of every level has a quota, no node ports and no load balancers."""
    hard = guards.resource_quota("space", LEVELS[level].quota)["spec"]["hard"]
    assert hard["pods"] == str(LEVELS[level].quota.pods)
    assert hard["requests.storage"] == LEVELS[level].quota.storage
    assert hard["services.nodeports"] == hard["services.loadbalancers"] == "0"


def test_higher_level_never_has_fewer_copies() -> None:
    """Availability grows with the level."""
    copies = [LEVELS[level].replicas for level in sorted(LEVELS)]
    assert copies == sorted(copies)
    assert copies[2] >= 2


def test_defaults_fit_into_a_small_quota() -> None:
    """What a container gets that asks for nothing is never more than the most that it may have."""
    (limit,) = guards.limit_range("space", Quota(cpu="50m", memory="32Mi", storage="1Gi", pods=2))["spec"]["limits"]
    assert limit["default"] == limit["max"] == {"cpu": "50m", "memory": "32Mi"}
    (limit,) = guards.limit_range("space", LEVELS[3].quota)["spec"]["limits"]
    assert limit["default"] == {"cpu": "100m", "memory": "64Mi"}


def test_default_account_has_no_token() -> None:
    """A pod that names no account gets no token."""
    account = guards.default_account("space")
    assert (account["metadata"]["name"], account["automountServiceAccountToken"]) == ("default", False)
