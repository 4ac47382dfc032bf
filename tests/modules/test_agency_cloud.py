"""Which doors stand open between the systems of one agency."""

from __future__ import annotations

from typing import Any

import pytest

from modules import labels
from modules.agency import Agency
from modules.components.agency_cloud import doors_inside, space, workload


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
