"""Every requirement that the catalogue gives to policies has rules at both gates, or a reason."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from conformance import catalogue
from govcloud import policies_commands
from policies.coverage import GATES, coverage, reasons
from policies.rules import about, shipped

KNOWN = catalogue.load()
ASKED = {
    it.id: it.title for it in KNOWN.values() if any(way.method in {"preview-policy", "admission"} for way in it.check)
}
LINES = coverage(shipped(), ASKED)
RUNNER = CliRunner()


@pytest.mark.parametrize("line", LINES, ids=lambda it: it.requirement)
def test_requirement_has_rules_or_a_reason(line: object) -> None:
    """No requirement is left to policies in silence."""
    assert line.gaps == ()  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", range(len(reasons())))
def test_reason_is_not_stale(number: int) -> None:
    """A reason is for a requirement of policies; one for the whole of it stands only where there is no rule."""
    reason = reasons()[number]
    assert reason.requirement in ASKED
    served = {it for rule in shipped() for it in about(rule).requirements}
    assert (reason.requirement in served) is bool(reason.part)


def test_reason_stands_once() -> None:
    """No part of a requirement is excused twice."""
    named = [(it.requirement, it.part) for it in reasons()]
    assert len(set(named)) == len(named)


def test_requirement_without_rule_and_reason_is_a_gap() -> None:
    """What nobody thought of is named at both gates, and a stack rule alone leaves admission open."""
    (line,) = coverage([], {"GVC-XXX-01": "New"})
    assert line.gaps == GATES
    deny = [it for it in shipped() if about(it).id == "agency-namespace-default-deny"]
    (line,) = coverage(deny, {"GVC-IP6-04": "Same protection"})
    assert line.gaps == ("admission",)


def test_command_prints_table_and_json() -> None:
    """People and programs get the same answer."""
    shown = RUNNER.invoke(policies_commands.app, ["coverage", "--json"])
    assert shown.exit_code == 0
    entries = {it["requirement"]: it for it in json.loads(shown.stdout)}
    assert set(entries) == set(ASKED)
    assert "replicas" in entries["GVC-ISO-07"]["admission"]
    assert "agency-namespace-default-deny" in entries["GVC-NET-01"]["preview"]
    assert "agency-namespace-default-deny" not in entries["GVC-NET-01"]["admission"]
    assert entries["GVC-HST-01"]["left_out"]
    table = RUNNER.invoke(policies_commands.app, ["coverage"])
    assert table.exit_code == 0
    assert f"{len(ASKED)} requirements" in table.output
