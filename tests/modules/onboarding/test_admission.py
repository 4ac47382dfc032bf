"""Who may be applied as things are, and why not; nothing is written by asking."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from modules.addresses import prefixes
from modules.agency import Agency
from modules.onboarding import register
from modules.onboarding.admission import Admission, Admitted, admit, in_order
from modules.onboarding.budgets import Share
from modules.onboarding.register import Entry
from modules.planning import records
from modules.planning.settings import Planning
from modules.quantities import Amounts
from tests.modules.agencies import agency

DAY = dt.date(2026, 11, 22)
CENTRAL = Path("/central.kubeconfig")
RULES = {"province": "own", "commune": "above"}
PLANNING = Planning.model_validate(
    {
        "systems": {},
        "budgets": {"province": {"cpu": "6", "memory": "1Ti", "storage": "1Ti", "pods": 1000}},
        "placement": {"where": RULES},
    }
)
SHARED = {"placement": {"cluster": "shared"}}
OF_COMMUNE: dict[str, Any] = {
    "kind": "commune",
    "parent": {"code": "22", "effective": "2025-07-01"},
}
SMALL = {"level": 2, "data": "internal"}


def province(**more: Any) -> Agency:
    return agency(SMALL, **more)


def commune(code: str = "00001", system: dict[str, Any] | None = None, **more: Any) -> Agency:
    return agency(system or SMALL, code=code, short=f"c{code}", **{**OF_COMMUNE, **more})


def ask(folder: Path, *agencies: Agency) -> Admission:
    given = [(folder / f"{it.slug}.yaml", it) for it in agencies]
    return admit(given, folder, records.read(folder, prefixes.load()), PLANNING, CENTRAL, DAY)


def only(decided: Admission) -> Admitted:
    assert decided.refused == {}
    (admitted,) = decided.admitted
    return admitted


def refusal(folder: Path, *agencies: Agency) -> str:
    decided = ask(folder, *agencies)
    (error,) = decided.refused.values()
    return error.message


def known(folder: Path, it: Agency, **more: Any) -> None:
    """Record an agency as applied on the shared cluster."""
    usual = {
        "file": "x",
        "state": "applied",
        "cluster": "cgc-1",
        "kubeconfig": "/shared",
        "applied": "2026-11-01T00:00:00Z",
    }
    parent = str(it.parent) if it.parent else None
    facts = {"key": str(it.key), "stack": it.slug, "kind": it.kind, "parent": parent, **usual, **more}
    register.write(folder, Entry.model_validate(facts))


def test_asking_writes_nothing(tmp_path: Path) -> None:
    """An agency that is only asked about leaves no trace."""
    it = only(ask(tmp_path, province(**SHARED)))
    assert (it.planned.cluster, it.kubeconfig, it.central) == ("cgc-1", CENTRAL, True)
    assert it.planned.ipv6
    assert list(tmp_path.iterdir()) == []


def test_each_comes_after_the_one_above_it() -> None:
    """However the files are called; units that stand under each other are not lost."""
    pairs = [(Path(f"{it.short}.yaml"), it) for it in (commune("00001"), commune("00002"), province())]
    assert [it.short for _, it in in_order(pairs)] == ["x", "c00001", "c00002"]
    odd = [commune("00003", parent={"code": "00004", "effective": "2025-07-01"})]
    odd.append(commune("00004", parent={"code": "00003", "effective": "2025-07-01"}))
    assert len(in_order([(Path("a"), it) for it in odd])) == 2


def test_unit_above_has_to_be_applied(tmp_path: Path) -> None:
    """A commune whose province is not known is refused; with the province before it, or in the same folder, not."""
    assert "22.2025-07-01 above it has not been applied" in refusal(tmp_path, commune())
    both = ask(tmp_path, commune(), province(**SHARED))
    assert [it.key for it in both.admitted] == ["22.2025-07-01", "00001.2025-07-01"]
    known(tmp_path, province(), applied=None, state="failed")
    assert "has not been applied" in refusal(tmp_path, commune())
    known(tmp_path, province())
    assert only(ask(tmp_path, commune())).kubeconfig == CENTRAL
    known(tmp_path, commune("00009"))
    under = commune(parent={"code": "00009", "effective": "2025-07-01"})
    assert "a commune does not stand under a commune (00009.2025-07-01)" in refusal(tmp_path, under)


def test_refusal_above_is_one_below(tmp_path: Path) -> None:
    """A commune in the same folder waits for its province, unless that one stands already."""
    huge = {**SMALL, "quota": {"cpu": "7"}}
    wrong = agency(huge, **SHARED)
    decided = ask(tmp_path, wrong, commune())
    assert decided.admitted == []
    assert "cpu: 7 wanted, 6 left" in decided.refused["22.2025-07-01"].message
    assert "22.2025-07-01 above it was refused" in decided.refused["00001.2025-07-01"].message
    known(tmp_path, province())
    assert [it.key for it in ask(tmp_path, wrong, commune()).admitted] == ["00001.2025-07-01"]


def test_budget_above_counts_those_that_are_there(tmp_path: Path) -> None:
    """What a province has left is what its systems and its other communes leave."""
    share = Share(
        needs=Amounts(cpu=2000),
        budget=Amounts(6000, 1 << 50, 1 << 50, 1000),
        below={"00002.2025-07-01": Amounts(cpu=3000)},
    )
    known(tmp_path, province(), share=share.model_dump())
    decided = ask(tmp_path, commune())
    assert decided.shares["22.2025-07-01"].below["00001.2025-07-01"].cpu == 1000
    assert "asks for more than 22.2025-07-01 above it has left: cpu: 2 wanted, 1 left" in refusal(
        tmp_path, commune(system={**SMALL, "quota": {"cpu": "2"}})
    )


def test_rule_asks_for_a_cluster_and_a_file_can_say_otherwise(tmp_path: Path) -> None:
    """A province that says nothing gets a cluster of its own: its kubeconfig has to be there. Its own word wins."""
    assert "the plan puts it on cluster x-22-250701 (a cluster of its own: every province has one)" in refusal(
        tmp_path, province()
    )
    file = tmp_path / "clusters" / "x-22-250701.kubeconfig"
    file.parent.mkdir()
    file.touch()
    it = only(ask(tmp_path, province()))
    assert (it.kubeconfig, it.central) == (file, False)
    assert only(ask(tmp_path, province(**SHARED))).kubeconfig == CENTRAL


def test_commune_goes_where_its_province_is(tmp_path: Path) -> None:
    """The cluster of a province is found for its communes: in the same folder, and later, alone."""
    own = province(placement={"cluster": "own", "kubeconfig": "own.kubeconfig"})
    both = ask(tmp_path, own, commune())
    assert {it.kubeconfig for it in both.admitted} == {tmp_path / "own.kubeconfig"}
    held = records.read(tmp_path, prefixes.load())
    admit([(tmp_path / "x.yaml", own)], tmp_path, held, PLANNING, CENTRAL, DAY)
    with records.changing(tmp_path, prefixes.load()) as change:
        change.placements = held.placements
    known(tmp_path, own, cluster="x-22-250701", kubeconfig="/own")
    alone = only(ask(tmp_path, commune()))
    assert (alone.planned.cluster, alone.kubeconfig, alone.central) == ("x-22-250701", Path("/own"), False)


def test_no_apply_moves_an_agency(tmp_path: Path) -> None:
    """Another placement in the file of an agency that stands would leave its data behind: refused."""
    known(tmp_path, province(), cluster="x-22-250701")
    assert "stands on x-22-250701, and would be put on cgc-1" in refusal(tmp_path, province(**SHARED))


@pytest.mark.parametrize("name", ["cgc-1", "l5-x-22-250701-s0"])
def test_named_clusters_are_used(tmp_path: Path, name: str) -> None:
    """A kubeconfig among the records is taken: for a shared cluster, and for a system of level 5."""
    file = tmp_path / "clusters" / f"{name}.kubeconfig"
    file.parent.mkdir()
    file.touch()
    core = {"level": 5, "data": "core", "backup": {"site": "da-nang", "test": 3}}
    it = only(ask(tmp_path, agency(core, SMALL, placement={"cluster": "own", "kubeconfig": "k"})))
    assert it.alone == ({"s0": file} if name.startswith("l5") else {})
    if name == "cgc-1":
        assert only(ask(tmp_path, province(**SHARED))).kubeconfig == file
