"""What an agency gets on its first day, on a real cluster: ways between its zones, names, quotas, rights."""

from __future__ import annotations

import json
import time
from functools import partial
from ipaddress import ip_address

import pytest
from kubernetes import client

from conformance import dns
from govcloud.proof import Pod, call, ready_pod
from modules import labels
from modules.components import shared_service
from modules.levels import Zone
from modules.quantities import parse
from modules.spaces import workload
from modules.workloads import POD_PORT, Workload
from tests.stacks.clouds import LOGS, SERVICE, Clouds
from tests.stacks.names import asked
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

FAMILIES = (4, 6)
ROLES = ("owners", "operators", "viewers", "auditors")
RBAC = "rbac.authorization.k8s.io"


def server(zoned: Clouds, zone: Zone | None, system: int = 0) -> Workload:
    unit = zoned.agencies[0]
    return workload(unit, unit.systems[system], zone)


def pod_of(zoned: Clouds, of: Workload) -> Pod:
    return ready_pod(zoned.kubeconfig, of, time.monotonic() + 90)


def pods(zoned: Clouds) -> dict[str, Pod]:
    """Return a ready pod of each zone, of the other system, and of the central service."""
    found: dict[str, Pod] = {zone: pod_of(zoned, server(zoned, zone)) for zone in ("edge", "application", "database")}
    found["notices"] = pod_of(zoned, server(zoned, None, 1))
    found["gateway"] = pod_of(zoned, shared_service.workload(SERVICE, 4, ""))
    return found


def answered(zoned: Clouds, caller: Pod, target: Pod, family: int) -> bool:
    """Let one pod call another over a family; the answer has to be of that pod."""
    (address,) = [it for it in target.addresses if it.version == family]
    made = call(zoned.kubeconfig, caller, address, POD_PORT)
    assert made.answer or made.error
    return made.answer == target.name


def shut(zoned: Clouds, caller: Pod, target: Pod) -> bool:
    """Tell whether a call is shut in both families, while the target answers itself in both."""
    for family in FAMILIES:
        assert answered(zoned, target, target, family), (target, family)
    return not any(answered(zoned, caller, target, family) for family in FAMILIES)


OPEN = [
    ("edge", "application"),
    ("application", "database"),
    ("application", "notices"),
    ("gateway", "edge"),
    ("application", "gateway"),
]
SHUT = [
    ("edge", "database"),
    ("application", "edge"),
    ("database", "application"),
    ("database", "edge"),
    ("edge", "notices"),
    ("edge", "gateway"),
    ("notices", "edge"),
    ("notices", "application"),
    ("gateway", "application"),
    ("gateway", "database"),
    ("gateway", "notices"),
]


def test_declared_ways_carry_packets_and_others_do_not(zoned: Clouds) -> None:
    """Each declared way carries a call in both families; of those that are not declared none does, in either."""
    found = pods(zoned)
    for caller, target in OPEN:
        for family in FAMILIES:
            way = partial(answered, zoned, found[caller], found[target], family)
            eventually(way, f"{caller} calls {target} over IPv{family}")  # nodes learn of new pods a moment later
    assert [pair for pair in SHUT if not shut(zoned, found[pair[0]], found[pair[1]])] == []


def test_name_answers_in_both_families(zoned: Clouds) -> None:
    """The name of a system that can be called has the address of each family that its Service has."""
    edge = server(zoned, "edge")
    core = zoned.api(client.CoreV1Api)
    # the names of fields in the client's models change with its version; those of the API do not
    service = json.loads(core.read_namespaced_service(edge.name, edge.namespace, _preload_content=False).data)
    assert service["metadata"]["annotations"][labels.DNS_NAME] == "desk.test-zones-99-250701"
    addresses = {ip_address(it).version: it for it in service["spec"]["clusterIPs"]}
    assert sorted(addresses) == [4, 6]
    name = f"{edge.name}.{edge.namespace}.svc.cluster.local."
    for family, kind in ((4, dns.A), (6, dns.AAAA)):
        records = [it for it in dns.answers(asked(zoned.kubeconfig, name, kind)) if it.kind == kind]
        assert [it.matches(addresses[family]) for it in records] == [True], name


def test_zones_share_the_quota_on_the_cluster(zoned: Clouds) -> None:
    """The quotas in force in a system's namespaces are together no more than the system's."""
    unit = zoned.agencies[0]
    system = unit.systems[0]
    core = zoned.api(client.CoreV1Api)
    names = [unit.namespace(system, zone) for zone in system.places]
    hard = [core.read_namespaced_resource_quota("limits", name).status.hard for name in names]
    whole = {"limits.cpu": system.limits.cpu, "limits.memory": system.limits.memory, "pods": str(system.limits.pods)}
    for resource, most in whole.items():
        assert 0 < sum(parse(it[resource]) for it in hard) <= parse(most)


def test_namespaces_tell_what_tools_have_to_know(zoned: Clouds) -> None:
    """A collector and a backup tool find on each namespace where logs go and how long things are kept."""
    unit = zoned.agencies[0]
    for zone in unit.systems[0].places:
        found = zoned.api(client.CoreV1Api).read_namespace(unit.namespace(unit.systems[0], zone)).metadata
        assert found.annotations[labels.LOGS_TO] == f"{LOGS}/{unit.slug}/desk"
        assert (found.labels[labels.LOG_MONTHS], found.labels[labels.ENVIRONMENT]) == ("1", "production")
        assert found.labels[f"{labels.BACKUP}-copies"] == "2"


@pytest.mark.parametrize(
    ("verb", "group", "resource", "who"),
    [
        ("create", "apps", "deployments", {"operators"}),
        ("delete", "", "pods", {"operators"}),
        ("get", "", "secrets", {"operators"}),
        ("list", "", "secrets", set()),
        ("list", "", "pods", set(ROLES)),
        ("get", "", "pods/log", {"owners", "operators", "viewers"}),
        ("get", "", "configmaps", {"owners", "operators", "viewers"}),
        ("create", "", "pods/exec", set()),
        ("patch", "apps", "deployments/scale", {"owners"}),
        ("patch", "apps", "deployments", {"operators"}),
        ("list", RBAC, "rolebindings", {"owners", "auditors"}),
        ("create", RBAC, "rolebindings", set()),
        ("update", RBAC, "roles", set()),
        ("list", "networking.k8s.io", "networkpolicies", set(ROLES)),
        ("create", "networking.k8s.io", "networkpolicies", set()),
        ("update", "", "resourcequotas", set()),
        ("patch", "", "namespaces", set()),
        ("create", "", "serviceaccounts/token", set()),
        ("*", "*", "*", set()),
    ],
)
def test_who_may_do_what(zoned: Clouds, verb: str, group: str, resource: str, who: set[str]) -> None:
    """The API server itself says what each group may do in the agency's namespaces: nothing elsewhere."""
    unit = zoned.agencies[0]
    places = [unit.namespace(system, zone) for system in unit.systems for zone in system.places]
    for place in places:
        mine = {role for role in ROLES if _may(zoned, f"govcloud:agc:{unit.slug}:{role}", verb, group, resource, place)}
        assert mine == who, place
    for foreign in ("govcloud:cgc:operators", "govcloud:agc:other-01-250701:operators"):
        assert not _may(zoned, foreign, verb, group, resource, places[0])
    for elsewhere in (f"cgc-{SERVICE}", "kube-system"):
        assert not any(
            _may(zoned, f"govcloud:agc:{unit.slug}:{role}", verb, group, resource, elsewhere) for role in ROLES
        )


def test_no_role_has_a_wildcard(zoned: Clouds) -> None:
    """No role in the agency's namespaces holds a wildcard, and each is given to a group of the agency alone."""
    unit = zoned.agencies[0]
    api = zoned.api(client.RbacAuthorizationV1Api)
    for place in zoned.namespaces() - {f"cgc-{SERVICE}"}:
        roles, bindings = api.list_namespaced_role(place).items, api.list_namespaced_role_binding(place).items
        assert {it.metadata.name for it in roles} == set(ROLES)
        for rule in (rule for role in roles for rule in role.rules):
            assert "*" not in [*rule.api_groups, *rule.resources, *rule.verbs]
        subjects = {(it.kind, it.name) for binding in bindings for it in binding.subjects}
        assert subjects == {("Group", f"govcloud:agc:{unit.slug}:{role}") for role in ROLES}


def test_pods_hold_no_token(zoned: Clouds) -> None:
    """No pod of the agency has a token, and the account of a pod that names none gives none."""
    core = zoned.api(client.CoreV1Api)
    for place in zoned.namespaces() - {f"cgc-{SERVICE}"}:
        for pod in core.list_namespaced_pod(place).items:
            mounted = {mount.mount_path for container in pod.spec.containers for mount in container.volume_mounts or []}
            assert not any(path.startswith("/var/run/secrets") for path in mounted)
        for account in core.list_namespaced_service_account(place).items:
            assert account.automount_service_account_token is False


def test_flow_that_is_taken_out_is_shut(zoned: Clouds) -> None:
    """A way that carried packets carries none once the file no longer declares it, and again once it does."""
    unit = zoned.agencies[0]
    file = zoned.files[unit.slug]
    text = file.read_text(encoding="utf-8")
    flow = "      - {from: application, to: database, port: 8080}\n"
    assert flow in text
    found = pods(zoned)
    caller, target = found["application"], found["database"]
    assert all(answered(zoned, caller, target, family) for family in FAMILIES)
    try:
        file.write_text(text.replace(flow, ""), encoding="utf-8")
        zoned.up_agency(unit.slug)
        eventually(lambda: shut(zoned, caller, target), "the way is shut", 120)
    finally:
        file.write_text(text, encoding="utf-8")
        zoned.up_agency(unit.slug)
    eventually(lambda: all(answered(zoned, caller, target, family) for family in FAMILIES), "the way is open", 120)


def _may(zoned: Clouds, who: str, verb: str, group: str, resource: str, place: str) -> bool:
    name, _, part = resource.partition("/")
    attributes = {"namespace": place, "verb": verb, "group": group, "resource": name, "subresource": part or None}
    review = {"spec": {"user": "somebody", "groups": [who], "resourceAttributes": attributes}}
    allowed: bool = zoned.api(client.AuthorizationV1Api).create_subject_access_review(review).status.allowed
    return allowed
