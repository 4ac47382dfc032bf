"""The namespaces of an agency's systems, and the facts on them."""

from __future__ import annotations

import pytest

from modules import guards, labels, workloads
from modules.agency import Agency
from modules.levels import LEVELS
from modules.quantities import Amounts, parse
from modules.spaces import kept, quota, space, workload
from tests.modules.agencies import USE, agency

FLOWS = [{"from": "edge", "to": "application", "port": 8443}]


def test_namespace_carries_the_facts() -> None:
    """The namespace tells whose it is, of which level, which shared services it may call, and what is kept."""
    unit = agency({"consumes": ["exchange"], "environment": "test"})
    found = space(unit, unit.systems[0])
    assert found.labels == {
        labels.AGENCY: "x-22-250701",
        labels.AGENCY_KEY: "22.2025-07-01",
        labels.SYSTEM: "s0",
        labels.DATA_CLASS: unit.systems[0].data,
        labels.consumes("exchange"): "true",
        labels.ENVIRONMENT: "test",
        labels.LOG_MONTHS: "3",
        labels.DATA_MONTHS: "12",
        "govcloud.local/backup-hours": "24",
        "govcloud.local/backup-days": "30",
        "govcloud.local/backup-copies": "3",
        "govcloud.local/backup-test-months": "12",
    }
    assert found.annotations[f"{labels.PREFIX}/agency-name-vi"] == "Một cửa"
    assert (found.name, found.tier, found.level) == ("agc-x-22-250701-s0", "agc", 3)
    assert found.group == "govcloud:agc:x-22-250701"


def test_each_zone_has_a_namespace_where_the_file_names_zones() -> None:
    """A system whose file names zones or flows has a namespace a zone, any other has one."""
    assert agency({}).systems[0].places == (None,)
    for named in ({"flows": FLOWS}, {"zones": ["edge", "application", "database", "administration"]}):
        unit = agency(named)
        system = unit.systems[0]
        made = {zone: space(unit, system, zone) for zone in system.places}
        assert {zone: it.name for zone, it in made.items()} == {
            zone: f"agc-x-22-250701-s0-{zone}" for zone in ("edge", "application", "database", "administration")
        }
        assert {zone: it.labels[labels.ZONE] for zone, it in made.items()} == {zone: zone for zone in made}


def test_rights_of_a_zone() -> None:
    """Only the application zone may call shared services, and only the edge is open to a gateway."""
    unit = agency(
        {"flows": FLOWS, "consumes": ["identity"], "exposure": "internet"},
        exchange={"consumes": [USE], "provides": [{"service": "prices", "title": "Giá đất", "system": "s0"}]},
    )
    made = {zone: space(unit, unit.systems[0], zone) for zone in unit.systems[0].places}
    for label, zone in {
        labels.consumes("identity"): "application",
        labels.GRANTED: "application",
        labels.open_to("state"): "edge",
        labels.open_to("internet"): "edge",
    }.items():
        assert [it for it, found in made.items() if label in found.labels] == [zone]
    assert made["application"].annotations[f"{labels.GRANTED}-services"] == "civil-status@BTP.2025-03-01"


def test_zones_share_the_quota() -> None:
    """The hard limits of all zones of a system together are its quota."""
    unit = agency({"flows": FLOWS, "quota": {"cpu": "7", "memory": "9Gi", "storage": "1Ti", "pods": 41}})
    system = unit.systems[0]
    hard = [guards.resource_quota("x", space(unit, system, zone).quota)["spec"]["hard"] for zone in system.places]
    for name, whole in {"limits.cpu": "7", "limits.memory": "9Gi", "requests.storage": "1Ti", "pods": "41"}.items():
        assert sum(parse(it[name]) for it in hard) == parse(whole)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_server_and_its_update_fit_into_a_zone(level: int) -> None:
    """With the quota of its level, each zone has room for its copies and the one more of an update."""
    unit = agency({"level": level, "flows": FLOWS, "data": "public"})
    system = unit.systems[0]
    for zone in system.places:
        server, share = workload(unit, system, zone), Amounts.of(quota(system, zone))
        limits = workloads.deployment(server)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        copies = LEVELS[level].replicas + 1
        assert parse(limits["cpu"]) * 1000 * copies <= share.cpu
        assert parse(limits["memory"]) * copies <= share.memory
        assert copies <= share.pods


def test_logs_have_a_place_of_their_own() -> None:
    """The address of the log store is completed by agency and system; without a store none is named."""
    unit = agency({})
    found = space(unit, unit.systems[0], logs="https://logs.example/in/")
    assert found.annotations[labels.LOGS_TO] == "https://logs.example/in/x-22-250701/s0"
    assert labels.LOGS_TO not in space(unit, unit.systems[0]).annotations


def test_a_commercial_cloud_keeps_logs_for_a_year() -> None:
    """On a commercial cloud logs are kept twelve months at every level (GVC-LOG-02)."""
    placement = {"cluster": "egc", "egc": "c", "kubeconfig": "k", "certificate": "c"}
    unit = agency({"backup": {"site": "da-nang"}}, placement=placement)
    assert kept(unit, unit.systems[0])[labels.LOG_MONTHS] == "12"
    assert kept(unit, unit.systems[0])["govcloud.local/backup-site"] == "da-nang"


def test_what_is_called_has_a_name() -> None:
    """The server that is called from outside its system has a name below the platform's domain; no other has one."""
    unit = agency({"flows": FLOWS, "exposure": "state"}, {})
    named = {zone: workload(unit, unit.systems[0], zone) for zone in unit.systems[0].places}
    assert named["edge"].dns_name == "s0.x-22-250701"
    service = workloads.dual_stack_service(named["edge"])
    assert service["metadata"]["annotations"] == {labels.DNS_NAME: "s0.x-22-250701"}
    assert service["spec"]["ipFamilyPolicy"] == "RequireDualStack"
    assert {it.dns_name for zone, it in named.items() if zone != "edge"} == {""}
    assert workload(unit, unit.systems[1]).dns_name == ""


def test_names_of_groups_are_of_one_agency() -> None:
    """No agency's groups begin as another's, and none are the central cloud's."""

    def groups(unit: Agency) -> set[str]:
        made = guards.guards(space(unit, unit.systems[0]))
        return {it["subjects"][0]["name"] for it in made if it["kind"] == "RoleBinding"}

    one, other = groups(agency({})), groups(agency({}, short="x-2"))
    assert one == {f"govcloud:agc:x-22-250701:{name}" for name in ("owners", "operators", "viewers", "auditors")}
    assert not one & other
