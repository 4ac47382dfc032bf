"""`govcloud agency plan|reform|merge|split|rename` and `govcloud address`, as a person calls them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from typer.testing import CliRunner

from core.errors import KitError
from core.paths import REPOSITORY
from govcloud import address_commands, agency_commands

RUNNER = CliRunner()
AGENCIES = REPOSITORY / "data" / "agencies"
OLD = "code,name,level,parent_code\n01,Tỉnh A,province,\n001,Huyện A,district,01\n00001,Xã Một,commune,001\n"
OLD += "00002,Xã Hai,commune,001\n00003,Xã Ba,commune,001\n"
NEW = "code,name,level,parent_code\n01,Tỉnh A,province,\n00001,Xã Một Hai,commune,01\n00003,Xã Bốn,commune,01\n"
LINKS = "old_code,old_name,new_code,new_name\n01,Tỉnh A,01,Tỉnh A\n00001,Xã Một,00001,Xã Một Hai\n"
LINKS += "00002,Xã Hai,00001,Xã Một Hai\n00003,Xã Ba,00003,Xã Bốn\n"


@pytest.fixture(autouse=True)
def _records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVCLOUD_RECORDS", str(tmp_path / "records"))


def run(app: Any, *words: str | Path) -> str:
    """Run a command that succeeds, and return what it printed."""
    result = RUNNER.invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def plan(*words: str | Path) -> str:
    return run(agency_commands.app, "plan", *words)


def refused(app: Any, *words: str | Path) -> KitError:
    """Run a command that is refused, and return the refusal."""
    result = RUNNER.invoke(app, [str(word) for word in words])
    assert isinstance(result.exception, KitError), result.output
    return result.exception


def test_plan_without_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """A plan is a look ahead: only --write records what it gave out."""
    plan("--units", AGENCIES)
    assert list(tmp_path.iterdir()) == []


def test_written_plan_is_shown_and_exported(tmp_path: Path) -> None:
    """What was planned with --write is what `address show` and all exports say afterwards."""
    planned = {unit["key"]: unit for unit in json.loads(plan("--units", AGENCIES, "--json", "--write"))["units"]}
    province = planned["22.2025-07-01"]
    shown = json.loads(run(address_commands.app, "show", "22", "--json"))
    assert (shown["ipv6"], shown["ipv4"]) == (province["ipv6"], province["ipv4"])
    zones = {zone["namespace"]: zone["addresses"] for it in province["systems"] for zone in it["zones"]}
    assert shown["zones"] == zones
    assert yaml.safe_load(run(address_commands.app, "export"))["units"].keys() == planned.keys()
    rows = list(csv.DictReader(io.StringIO(run(address_commands.app, "export", "--format", "csv"))))
    assert {row["unit"] for row in rows} == planned.keys()
    drawing = tmp_path / "addresses.svg"
    run(address_commands.app, "export", "--format", "svg", "--out", drawing)
    assert ET.parse(drawing).getroot().tag.endswith("svg")  # noqa: S314
    assert json.loads(run(address_commands.app, "show", "--json"))["units"] == len(planned)
    assert "22.2025-07-01" in run(address_commands.app, "show", "22.2025-07-01")
    assert "2001:db8::/32" in run(address_commands.app, "show")


def test_same_plan_again_is_the_same(tmp_path: Path) -> None:
    """A second --write changes no file."""
    first = plan("--units", AGENCIES, "--json", "--write")
    before = {file.name: file.read_bytes() for file in (tmp_path / "records").iterdir()}
    assert plan("--units", AGENCIES, "--json", "--write") == first
    assert {file.name: file.read_bytes() for file in (tmp_path / "records").iterdir()} == before


def test_list_of_units_is_planned_as_csv_and_as_a_map(tmp_path: Path) -> None:
    """All rows are in the CSV, with the reason for each; the map is written where it is asked for."""
    units = tmp_path / "units.csv"
    units.write_text(NEW, encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(plan("--units", units, "--csv", "--map", tmp_path / "map.html"))))
    assert [row["key"] for row in rows] == ["01.2025-07-01", "00001.2025-07-01", "00003.2025-07-01"]
    assert all(row["reasons"] and row["ipv6"] and row["cluster"] for row in rows)
    assert "Xã Một Hai" in (tmp_path / "map.html").read_text(encoding="utf-8")
    plan("--units", units, "--map", tmp_path / "map.svg")
    assert ET.parse(tmp_path / "map.svg").getroot().tag.endswith("svg")  # noqa: S314


def test_summary_tells_kinds_clusters_and_reasons() -> None:
    """A person sees how many there are, where they go and why."""
    said = plan("--units", AGENCIES)
    for word in ("commune", "ha-noi-01-250701", "as its file says", "is of level 5"):
        assert word in said


def test_what_cannot_be_had_ends_with_exit_code_1(tmp_path: Path) -> None:
    """Refusals are listed in the plan, and the command fails."""
    text = (REPOSITORY / "data" / "planning.yaml").read_text(encoding="utf-8")
    small = tmp_path / "planning.yaml"
    small.write_text(text.replace('province: {cpu: "1000"', 'province: {cpu: "1"'), encoding="utf-8")
    result = RUNNER.invoke(agency_commands.app, ["plan", "--units", str(AGENCIES), "--settings", str(small)])
    assert isinstance(result.exception, KitError)
    assert "wanted" in result.output


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    """A map of another kind, a list that is not there, a unit without addresses, a file that cannot be written."""
    assert ".html or .svg" in refused(agency_commands.app, "plan", "--units", AGENCIES, "--map", "map.pdf").message
    assert "nowhere.csv" in refused(agency_commands.app, "plan", "--units", tmp_path / "nowhere.csv").message
    assert "no addresses" in refused(address_commands.app, "show", "99").message
    assert "cannot be written" in refused(address_commands.app, "export", "--out", "/proc/x/y").message


def reform(folder: Path, command: str, *words: str) -> str:
    for name, text in (("old", OLD), ("new", NEW), ("links", LINKS)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    files = ("--reform", folder / "links.csv", "--old", folder / "old.csv", "--new", folder / "new.csv")
    return run(agency_commands.app, command, *files, *words)


@pytest.mark.parametrize(
    ("command", "units"),
    [
        ("reform", {"01", "001", "00001", "00002", "00003"}),
        ("merge", {"00001", "00002"}),
        ("split", set()),
        ("rename", {"01", "00003"}),
    ],
)
def test_plan_of_a_reform_has_the_units_asked_for(tmp_path: Path, command: str, units: set[str]) -> None:
    """Each command plans its kind of change; `reform` plans them all, and lists those without a link."""
    made = json.loads(reform(tmp_path, command, "--json"))
    assert {it["unit"].partition(".")[0] for it in made["successions"]} == units


def test_plan_of_a_reform_is_told(tmp_path: Path) -> None:
    """A person reads what moves, what stays, who approves, and what is still to be decided."""
    said = reform(tmp_path, "reform")
    for words in ("Deletions of what bears data: 0", "Huyện A", "00002.2004-07-08", "approved by the owners of"):
        assert words in said
