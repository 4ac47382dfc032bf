"""What an agency takes over keeps its namespaces, gets another owner, and answers under both names for a time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import KitError
from modules import guards, inheritance, labels
from modules.agency import Agency
from modules.inheritance import Former, Heirloom, Inheritance
from modules.reforms import heirs
from modules.reforms.heirs import Ended
from tests.modules.agencies import agency

UNTIL = dt.date(2027, 7, 1)
BEFORE = dt.date(2027, 6, 30)
EXPOSED = {"exposure": "agency", "level": 2, "data": "personal"}


def old(folder: Path, code: str, *systems: dict[str, Any]) -> Path:
    made = agency(*systems, code=code, effective="2008-08-01", short=f"old-{code.lower()}")
    file = folder / f"{code}.yaml"
    content = made.model_dump(mode="json", by_alias=True, exclude_unset=True)
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def given(file: Path, *systems: str, more: tuple[Former, ...] = ()) -> Inheritance:
    slug = f"old-{file.stem.lower()}-{file.stem.lower()}-080801"
    return Inheritance(file=file, systems=systems, former=(Former(slug=slug, until=UNTIL), *more))


@pytest.fixture
def one(tmp_path: Path) -> tuple[Agency, list[Heirloom]]:
    """Give an heir of one unit of old, which declares the system itself too."""
    owner = agency(EXPOSED, short="heir", code="19")
    return owner, inheritance.load([given(old(tmp_path, "A", EXPOSED), "s0")], owner)


def test_namespace_stays_and_its_owner_changes(one: tuple[Agency, list[Heirloom]]) -> None:
    """The name is that of old; label, group and the owner's name are the heir's."""
    owner, (heirloom,) = one
    space = heirloom.space(None, "", BEFORE)
    assert space.name == "agc-old-a-a-080801-s0"
    assert (space.labels[labels.AGENCY], space.labels[labels.FOUNDER]) == (owner.slug, "old-a-a-080801")
    assert space.group == f"govcloud:agc:{owner.slug}"


@pytest.mark.parametrize(
    ("today", "groups"),
    [(BEFORE, ["heir-19-250701", "old-a-a-080801"]), (UNTIL, ["heir-19-250701"])],
    ids=["before", "after"],
)
def test_old_rights_and_names_end_on_their_day(
    one: tuple[Agency, list[Heirloom]], today: dt.date, groups: list[str]
) -> None:
    """Until that day both groups have rights and both Services stand; from then on the heir's alone."""
    _, (heirloom,) = one
    bindings = [it for it in guards.guards(heirloom.space(None, "", today)) if it["kind"] == "RoleBinding"]
    assert len(bindings) == 4
    for it in bindings:
        role = it["roleRef"]["name"]
        assert [s["name"] for s in it["subjects"]] == [f"govcloud:agc:{slug}:{role}" for slug in groups]
    names = {it["metadata"]["name"] for it in heirloom.services(None, "image:1", today)}
    assert names == {"s0-heir-19-250701"} | ({"s0"} if today < UNTIL else set())


def test_new_name_leads_to_both_families(one: tuple[Agency, list[Heirloom]]) -> None:
    """The alias holds no address: it names a Service that asks for one of each family."""
    owner, heirlooms = one
    ((space, (alias,)),) = inheritance.names_of(owner, heirlooms, BEFORE)
    assert (space.name, space.quota.pods) == ("agc-heir-19-250701", 0)
    assert alias["metadata"]["name"] == "s0"
    target = alias["spec"]["externalName"]
    assert target == "s0-heir-19-250701.agc-old-a-a-080801-s0.svc.cluster.local"
    services = {it["metadata"]["name"]: it["spec"] for it in heirlooms[0].services(None, "image:1", BEFORE)}
    assert services[target.partition(".")[0]]["ipFamilyPolicy"] == "RequireDualStack"


def test_system_of_one_forebear_goes_on(one: tuple[Agency, list[Heirloom]]) -> None:
    """A system that the heir declares and one unit brings is not made a second time."""
    owner, heirlooms = one
    assert inheritance.own_systems(owner, heirlooms) == []


def test_systems_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    """Where two units bring one of the same name, each has a name of its own, and the heir's is made new."""
    owner = agency(EXPOSED, short="heir", code="19")
    files = [old(tmp_path, code, EXPOSED) for code in ("A", "B")]
    heirlooms = inheritance.load([given(file, "s0") for file in files], owner)
    assert [it.alias for it in heirlooms] == ["s0-old-a-a-080801", "s0-old-b-b-080801"]
    assert [it.name for it in inheritance.own_systems(owner, heirlooms)] == ["s0"]


def test_other_zones_are_refused(tmp_path: Path) -> None:
    """An heir's file that would take a namespace with data away is refused before anything is made."""
    owner = agency({**EXPOSED, "zones": ["edge", "application"]}, short="heir", code="19")
    with pytest.raises(KitError, match="namespaces with data would be deleted"):
        inheritance.load([given(old(tmp_path, "A", EXPOSED), "s0")], owner)


def test_names_of_owners_between_go_on(tmp_path: Path) -> None:
    """After a second reform the names of the first heir answer too, in its namespace of names."""
    owner = agency(EXPOSED, short="heir", code="19")
    between = Former(slug="between-9-260101", until=UNTIL)
    heirlooms = inheritance.load([given(old(tmp_path, "A", EXPOSED), "s0", more=(between,))], owner)
    assert [space.name for space, _ in inheritance.names_of(owner, heirlooms, BEFORE)] == [
        "agc-heir-19-250701",
        "agc-between-9-260101",
    ]
    names = {it["metadata"]["name"] for it in heirlooms[0].services(None, "image:1", BEFORE)}
    assert names == {"s0", "s0-between-9-260101", "s0-heir-19-250701"}


def test_leaving_shuts_everything(one: tuple[Agency, list[Heirloom]]) -> None:
    """In quarantine a namespace has no binding, no way and no label that opens one elsewhere; its quota stays."""
    _, (heirloom,) = one
    space = guards.closed(heirloom.space(None, "", BEFORE))
    made = guards.guards(space)
    assert [it["metadata"]["name"] for it in made if it["kind"] == "NetworkPolicy"] == ["default-deny"]
    assert not [it for it in made if it["kind"] == "RoleBinding"]
    assert [it for it in made if it["kind"] == "ResourceQuota"]
    assert space.labels[labels.QUARANTINED] == "true"
    assert not [it for it in space.labels if "open-to" in it or "consumes" in it]


def test_namespaces_of_an_heir_are_those_of_old(tmp_path: Path) -> None:
    """What status looks for: inherited namespaces under their names of old, and the heir's own new ones."""
    owner = agency(EXPOSED, {**EXPOSED, "name": "new"}, short="heir", code="19")
    assert heirs.namespaces(tmp_path, owner) == ["agc-heir-19-250701-new", "agc-heir-19-250701-s0"]
    heirs.write_inherited(tmp_path, owner.slug, [given(old(tmp_path, "A", EXPOSED), "s0")])
    assert heirs.namespaces(tmp_path, owner) == ["agc-heir-19-250701-new", "agc-old-a-a-080801-s0"]
    assert str(tmp_path / "A.yaml") in heirs.configuration(tmp_path, owner.slug)["inherited"]


def test_unit_that_is_no_more_is_not_applied(tmp_path: Path) -> None:
    """Its heirs are named; others are let through."""
    heirs.refuse_predecessor(tmp_path, "a")
    heirs.end(tmp_path, Ended(slug="a", heirs=("b", "c"), on=UNTIL, plan="0" * 12))
    with pytest.raises(KitError, match="a went into b, c on 2027-07-01"):
        heirs.refuse_predecessor(tmp_path, "a")
