"""What the kit itself makes conforms to its own rules, and would be refused without its guards."""

from __future__ import annotations

from typing import Any

import pytest

from core.paths import REPOSITORY
from modules import agency_file, doors, guards, spaces, workloads
from modules.components import shared_service
from policies.judge import judge_all
from policies.rules import shipped


def central() -> list[dict[str, Any]]:
    space = shared_service.space("exchange", 4)
    server = shared_service.workload("exchange", 4, "image:1")
    return [guards.namespace(space), *guards.guards(space), *shared_service.manifests(server, ["state", "internet"])]


def agency(name: str) -> list[dict[str, Any]]:
    unit = agency_file.load(REPOSITORY / "data" / "agencies" / f"{name}.yaml")
    made = []
    for system in unit.systems:
        for zone in system.places:
            space, server = spaces.space(unit, system, zone), spaces.workload(unit, system, zone)
            made += [guards.namespace(space), *guards.guards(space), *workloads.manifests(server, service=True)]
            made += [
                *doors.between_zones(unit, system, zone),
                *doors.between_systems(unit, server, system, zone, unit.systems),
            ]
    return made


pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]
AGENCIES = ("quang-ninh", "ha-long", "quang-ninh-hospital", "ha-noi", "bai-chay")
CLOUDS = {"central": central(), **{name: agency(name) for name in AGENCIES}}


@pytest.mark.parametrize("name", CLOUDS)
def test_clouds_conform(name: str) -> None:
    """No rule finds anything in the clouds that the kit makes."""
    assert judge_all(shipped(), CLOUDS[name]) == []


@pytest.mark.parametrize("name", CLOUDS)
def test_cloud_without_its_guard_is_refused(name: str) -> None:
    """The same cloud without its default deny is refused, so the pass above means something."""
    open_ones = [it for it in CLOUDS[name] if it["metadata"]["name"] != "default-deny"]
    assert {finding.requirements[0] for finding in judge_all(shipped(), open_ones)} == {"GVC-NET-01"}
