"""How much of the catalogue the checks decide: counted over all that applies, each gap with its reason."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from conformance import catalogue
from conformance.coverage import Line, counts, coverage
from conformance.results import Check
from govcloud.audit_commands import app

CHECKS = [
    Check(name=f"area.thing[{family}]", title="A thing", requirements=("GVC-NET-01", "GVC-SUP-05"))
    for family in ("ipv4", "ipv6")
]


def lines(level: int | None = 3) -> dict[str, Line]:
    return {line.id: line for line in coverage(catalogue.load(), CHECKS, "EGC", level)}


def test_each_requirement_has_one_state() -> None:
    """A check counts once whatever its parameters; what it leaves open, and why there is none, is told."""
    found = lines()
    assert (found["GVC-NET-01"].state, found["GVC-NET-01"].checks) == ("checked", ("area.thing",))
    assert (found["GVC-NET-01"].reason, found["GVC-NET-01"].methods[-1]) == ("", "live-probe")
    assert (found["GVC-SUP-05"].state, found["GVC-SUP-05"].reason) == ("in part", catalogue.load().partly["GVC-SUP-05"])
    assert (found["GVC-IAM-09"].state, found["GVC-IAM-09"].checks) == ("no check", ())
    assert found["GVC-IAM-09"].reason == catalogue.load().unchecked["GVC-IAM-09"]
    assert found["GVC-GOV-03"].state == "documents"
    assert all(line.reason for line in found.values() if line.state != "checked")


def test_the_denominator_is_all_that_applies() -> None:
    """Counts add up to the requirements of the level, and without a level to those of any."""
    applies = catalogue.load().applicable("EGC", 3)
    assert sum(counts(list(lines().values())).values()) == len(applies) == 79
    everything = [it for it in catalogue.load().values() if "EGC" in it.applies_to]
    assert len(lines(level=None)) == len(everything) > len(applies)


@pytest.fixture(scope="module")
def told() -> str:
    done = CliRunner().invoke(app, ["coverage", "--level", "3", "--json"])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_counts_the_checks_that_there_are(told: str) -> None:
    """With --json: the counts, their denominator, and a line for each requirement; no gap is without a reason."""
    found = json.loads(told)
    assert found["requirements"] == len(found["lines"]) == sum(found["counts"].values()) == 79
    by_id = {line["id"]: line for line in found["lines"]}
    assert "isolation.default_deny_ingress" in by_id["GVC-NET-01"]["checks"]
    assert not [line for line in found["lines"] if line["state"] != "checked" and not line["reason"]]
    assert "the kit does not say why" not in told


def test_the_table_names_gaps_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """For people: a line for each requirement, and the counts with what they are of."""
    monkeypatch.setattr("conformance.run.every", lambda: tuple(CHECKS))
    done = CliRunner().invoke(app, ["coverage", "--kind", "EGC", "--level", "3"])
    assert done.exit_code == 0, done.output
    assert "79 requirements apply to kind EGC at level 3: " in done.output
    assert "1 in part (1%)" in done.output
    assert "GVC-IAM-09" in done.output
