"""What stands in every namespace before anything runs there."""

from __future__ import annotations

from typing import Any

import pytest

from modules import guards, labels
from modules.levels import LEVELS

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
    """Operators and viewers of the owner get their role, and no one else gets any."""
    found = {it["roleRef"]["name"]: [subject["name"] for subject in it["subjects"]] for it in of("RoleBinding")}
    assert found == {"operators": ["govcloud:agc:x:operators"], "viewers": ["govcloud:agc:x:viewers"]}


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


def test_default_account_has_no_token() -> None:
    """A pod that names no account gets no token."""
    account = guards.default_account("space")
    assert (account["metadata"]["name"], account["automountServiceAccountToken"]) == ("default", False)
