"""What each heir takes over, from the plan and the files; and who has to approve it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from core.errors import KitError
from modules.agency import Agency
from modules.planning import estates
from modules.planning import settings as planning_settings
from modules.reforms import approvals
from modules.reforms.approvals import Approvals
from modules.reforms.links import Link
from modules.reforms.models import ReformPlan
from modules.reforms.planning import plan
from modules.reforms.takeover import check_day, takeovers
from modules.units import era
from modules.units.tree import Tree
from tests.modules.agencies import agency

PLANNING = planning_settings.load()
SYSTEM: dict[str, Any] = {"level": 2, "data": "personal"}


def unit(code: str, *systems: str, day: str = "2008-08-01", **more: Any) -> Agency:
    named = [{**SYSTEM, "name": name} for name in systems]
    return agency(*named, code=code, effective=day, short=f"u{code}", **more)


OLD = [unit("01", "a", "b"), unit("02", "a")]
NEW = [unit("01", "a", day="2025-07-01"), unit("03", "b", day="2025-07-01")]


def made(*links: tuple[int, int, tuple[str, ...]], new: list[Agency] = NEW) -> ReformPlan:
    tree = Tree.of([it.unit for it in new], era.load("from-2025-07-01"))
    found = [Link(OLD[a].unit, new[b].unit, systems) for a, b, systems in links]
    return plan(estates.declared(OLD), tree, found, dt.date(2025, 7, 1), PLANNING)


def taken(reform: ReformPlan, new: list[Agency] = NEW, old: list[Agency] = OLD) -> dict[str, Any]:
    by_key = {str(it.key): it for it in old}
    files = {key: Path(f"/records/{it.slug}.yaml") for key, it in by_key.items()}
    found = takeovers(reform, by_key, {str(it.key): it for it in new}, files, {})
    return {it.heir.code: ([(one.file.stem, one.systems) for one in it.inherited], it.moves) for it in found}


def test_merged_units_go_into_one() -> None:
    """Both units' systems and namespaces go to the heir, each under the unit that had it."""
    inherited, moves = taken(made((0, 0, ()), (1, 0, ())))["01"]
    assert inherited == [("u01-01-080801", ("a", "b")), ("u02-02-080801", ("a",))]
    assert [(it.source, it.namespaces) for it in moves] == [
        ("u01-01-080801", ("agc-u01-01-080801-a", "agc-u01-01-080801-b")),
        ("u02-02-080801", ("agc-u02-02-080801-a",)),
    ]


def test_divided_unit_goes_where_its_systems_go() -> None:
    """Each namespace goes to one heir alone, and none is left out."""
    found = taken(made((0, 0, ()), (0, 1, ("b",)), (1, 0, ())))
    assert found["03"][0] == [("u01-01-080801", ("b",))]
    places = [place for _, moves in found.values() for move in moves for place in move.namespaces]
    assert sorted(places) == ["agc-u01-01-080801-a", "agc-u01-01-080801-b", "agc-u02-02-080801-a"]


def test_every_missing_file_is_named() -> None:
    """Units without a file, old and new, are all told at once."""
    with pytest.raises(KitError) as caught:
        taken(made((0, 0, ()), (1, 1, ())), new=NEW[:1], old=OLD[:1])
    assert "02.2008-08-01" in caught.value.message
    assert "no agency file" in caught.value.message


def test_other_cluster_is_refused() -> None:
    """Data is carried from one cluster to another by nobody here."""
    own = unit("01", "a", day="2025-07-01", placement={"cluster": "own", "kubeconfig": "k"})
    with pytest.raises(KitError, match="different placements"):
        taken(made((0, 0, ()), (1, 0, ()), new=[own]), new=[own])


def test_not_before_its_day() -> None:
    with pytest.raises(KitError, match="takes effect on 2025-07-01"):
        check_day(made((0, 0, ()), (1, 0, ())), dt.date(2025, 6, 30))


def voices(digest: str, **units: str) -> Approvals:
    listed = [{"by": by, "name": "N", "date": "2026-11-22", "unit": unit} for unit, by in units.items()]
    return Approvals.model_validate({"plan": digest, "approvals": listed})


def test_every_owner_and_the_platform_approve() -> None:
    """Enough are the owner of each unit, by address, and the platform team; anything less is named."""
    digest = approvals.digest(made((0, 0, ()), (1, 0, ())))
    owners = {"u": "owner@u.example.gov.vn"}
    good = voices(digest, u="Owner@u.example.gov.vn", platform="p@example.gov.vn")
    assert approvals.check(good, digest, ["u"], owners) == good.approvals
    for wrong, said in (
        (None, "is not approved"),
        (voices("0" * 12, u=owners["u"], platform="p@example.gov.vn"), "has changed since"),
        (voices(digest, u="x@u.example.gov.vn", platform="p@example.gov.vn"), "is not its owner"),
        (voices(digest, u=owners["u"]), "nobody approves for platform"),
        (voices(digest, platform="p@example.gov.vn"), "nobody approves for u"),
    ):
        with pytest.raises(KitError, match=said):
            approvals.check(wrong, digest, ["u"], owners)


def test_digest_follows_the_plan() -> None:
    """Another plan has another digest; the same has the same."""
    one, other = made((0, 0, ()), (1, 0, ())), made((0, 0, ()), (1, 1, ()))
    assert approvals.digest(one) == approvals.digest(made((0, 0, ()), (1, 0, ())))
    assert approvals.digest(one) != approvals.digest(other)
