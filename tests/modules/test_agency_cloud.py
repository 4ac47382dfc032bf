"""Which doors stand open between the systems of one agency."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import KitError
from core.paths import REPOSITORY
from modules import agency_file, labels
from modules.agency import Agency
from modules.components.agency_cloud import check_placement, doors_inside, space, unapplied, workload


def agency(*exposures: str) -> Agency:
    title = {"vi": "Một cửa", "en": "One stop"}
    person = {"email": "office@agency.example.gov.vn"}
    systems = [
        {
            "name": f"s{number}",
            "title": title,
            "level": 3,
            "data": "important",
            "exposure": exposure,
            "consumes": ["exchange"],
        }
        for number, exposure in enumerate(exposures)
    ]
    return Agency.model_validate(
        {
            "code": "22",
            "effective": "2025-07-01",
            "kind": "province",
            "short": "x",
            "name": title,
            "contacts": {"owner": person, "operator": person, "security": person},
            "systems": systems,
        }
    )


def doors(unit: Agency, index: int) -> dict[str, Any]:
    system = unit.systems[index]
    return {it["metadata"]["name"]: it["spec"] for it in doors_inside(unit, workload(unit, system), system)}


@pytest.mark.parametrize(
    ("exposures", "expected"),
    [
        (["none", "none"], [[], []]),
        (["none", "agency"], [["to-own-systems"], ["from-own-systems"]]),
        (["agency"], [["from-own-systems"]]),
        (["agency", "agency"], [["to-own-systems", "from-own-systems"]] * 2),
    ],
)
def test_doors_follow_exposure(exposures: list[str], expected: list[list[str]]) -> None:
    """A system that is exposed to its agency has a door in, and the others a door out to it; no one else has any."""
    unit = agency(*exposures)
    assert [list(doors(unit, index)) for index in range(len(exposures))] == expected


def test_doors_stay_within_the_agency() -> None:
    """Both doors name the agency: no other agency's pods are let in or reached."""
    unit = agency("none", "agency")
    own = {"namespaceSelector": {"matchLabels": {labels.AGENCY: unit.slug}}}
    (out,) = doors(unit, 0)["to-own-systems"]["egress"]
    assert out["to"] == [{**own, "podSelector": {"matchLabels": {labels.EXPOSURE: "agency"}}}]
    (inward,) = doors(unit, 1)["from-own-systems"]["ingress"]
    assert inward["from"] == [own]
    assert workload(unit, unit.systems[1]).pod_labels == {labels.EXPOSURE: "agency"}


def test_namespace_carries_the_facts() -> None:
    """The namespace tells whose it is, of which level, and which shared services it may call."""
    unit = agency("none")
    found = space(unit, unit.systems[0])
    assert found.labels == {
        labels.AGENCY: "x-22-250701",
        labels.AGENCY_KEY: "22.2025-07-01",
        labels.SYSTEM: "s0",
        labels.consumes("exchange"): "true",
    }
    assert found.annotations[f"{labels.PREFIX}/agency-name-vi"] == "Một cửa"
    assert (found.tier, found.level, found.group) == ("agc", 3, "govcloud:agc:x-22-250701")


def test_another_cluster_is_refused() -> None:
    """An agency that is to run elsewhere is not put on the shared cluster instead."""
    check_placement(agency("none"))
    for name in ("ha-noi", "an-giang"):
        elsewhere = agency_file.load(REPOSITORY / "data" / "agencies" / f"{name}.yaml")
        with pytest.raises(KitError, match="is not applied by this version"):
            check_placement(elsewhere)


def test_what_is_not_applied_is_named() -> None:
    """Nobody takes a declared field to be in force while nothing acts on it; what is applied is not named."""
    assert list(unapplied(agency("none", "agency"))) == []
    hospital = agency_file.load(REPOSITORY / "data" / "agencies" / "quang-ninh-hospital.yaml")
    assert list(unapplied(hospital)) == [
        "exchange",
        "systems: records: exposure state (it stays closed)",
        "systems: records: flows",
        "systems: records: retention",
        "systems: records: backup",
    ]
