"""Reading agency files: what is right is read, what is wrong is refused with its line and field."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import KitError
from core.paths import REPOSITORY
from modules import labels
from modules.agency import Agency, Kind
from modules.agency.checks import findings
from modules.agency.fields import every_field
from modules.agency_file import AgencyFileError, load
from modules.levels import LEAST_LEVEL, LEVELS, DataClass
from tests.modules.agencies import agency as made

GOOD = """\
code: "00004"
effective: 2025-07-01
kind: commune
short: ba-dinh
name:
  vi: Ủy ban nhân dân phường Ba Đình
  en: People's Committee of Ba Đình Ward
parent: {code: "01", effective: 2025-07-01}
contacts:
  owner: {email: office@agency.example.gov.vn}
  operator: {email: office@agency.example.gov.vn}
  security: {email: office@agency.example.gov.vn}
systems:
  - name: one-stop
    title: {vi: Một cửa}
    level: 2
    data: personal
  - name: documents
    title: {vi: Văn bản}
    level: 3
    data: important
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "agency.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_good_file_is_read(tmp_path: Path) -> None:
    """Every field arrives as it stands in the file: zeros of a code, diacritics of a name."""
    agency = load(write(tmp_path, GOOD))
    assert str(agency.key) == "00004.2025-07-01"
    assert agency.name.vi == "Ủy ban nhân dân phường Ba Đình"
    assert agency.slug == "ba-dinh-00004-250701"
    assert [agency.namespace(system) for system in agency.systems] == [
        "agc-ba-dinh-00004-250701-one-stop",
        "agc-ba-dinh-00004-250701-documents",
    ]


def test_code_without_quotes_keeps_its_zeros(tmp_path: Path) -> None:
    """YAML would read 00004 as the number 4; the kit reads a code as text."""
    assert load(write(tmp_path, GOOD.replace('"00004"', "00004"))).code == "00004"


def test_shipped_agencies_are_read() -> None:
    """The examples of the kit are good files, of different agencies."""
    agencies = [load(file) for file in sorted((REPOSITORY / "data" / "agencies").rglob("*.yaml"))]
    assert len({agency.slug for agency in agencies}) == len(agencies) >= 12
    assert {agency.kind for agency in agencies} == set(get_args(Kind))
    assert {system.level for agency in agencies for system in agency.systems} == {1, 2, 3, 4, 5}
    assert {system.data for agency in agencies for system in agency.systems} == set(get_args(DataClass))
    assert {agency.placement.cluster for agency in agencies} == {"shared", "own", "egc"}


def refused(folder: Path, text: str) -> AgencyFileError:
    with pytest.raises(AgencyFileError) as caught:
        load(write(folder, text))
    return caught.value


def test_defaults_follow_from_the_level(tmp_path: Path) -> None:
    """What a file leaves out is that of the level: nothing open, one quota, the zones and the months of the level."""
    agency = load(write(tmp_path, GOOD))
    low, high = agency.systems
    assert agency.level == 3
    assert (agency.placement.cluster, agency.identity, agency.exchange.provides) == ("shared", None, ())
    assert (low.exposure, low.environment, low.flows, low.consumes) == ("none", "production", (), ())
    assert low.limits == LEVELS[2].quota
    assert (low.all_zones, low.log_months) == (("edge", "application"), 1)
    assert (high.all_zones, high.log_months) == (("edge", "application", "database", "administration"), 3)
    assert (low.backup.every, low.backup.keep, low.retention.data) == (24, 30, 12)


def test_quota_is_asked_for_in_part(tmp_path: Path) -> None:
    """What a quota does not name stays that of the level."""
    text = GOOD.replace("data: important", "data: important\n    quota: {memory: 8Gi}")
    assert load(write(tmp_path, text)).systems[1].limits == LEVELS[3].quota.model_copy(update={"memory": "8Gi"})


def test_names_are_kept_as_one_character_a_letter(tmp_path: Path) -> None:
    """A name that was typed letter by mark by mark (NFD) is the same name."""
    decomposed = unicodedata.normalize("NFD", GOOD)
    assert decomposed != GOOD
    assert load(write(tmp_path, decomposed)) == load(write(tmp_path, GOOD))


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """A person mends a file in one go: mistakes of every sort come together, in the order of the file."""
    text = GOOD.replace("kind: commune", "kind: ward").replace("level: 2", "level: 9").replace("Văn bản", '""')
    text = text.replace("name: documents", "name: one-stop").replace("data: important", "data: core")
    text += "shade: blue\ncode: X\n"
    error = refused(tmp_path, text)
    assert [(mistake.line, mistake.field) for mistake in error.mistakes] == [
        (3, "kind"),
        (16, "systems[0].level"),
        (18, "systems[1].name"),
        (19, "systems[1].title.vi"),
        (20, "systems[1].level"),
        (22, "shade"),
        (23, "code"),
    ]
    assert "allowed: 1, 2, 3, 4 or 5" in str(error)
    assert "allowed: 'ministry'," in str(error)
    assert "allowed: 5 or more" in str(error)


def test_contradiction_with_a_wrong_value_is_not_told(tmp_path: Path) -> None:
    """What rests on a value that is wrong itself is told once the value is right."""
    error = refused(tmp_path, GOOD.replace("data: important", "data: secret"))
    assert [mistake.field for mistake in error.mistakes] == ["systems[1].data"]


def test_a_file_of_mistakes_alone(tmp_path: Path) -> None:
    """However much is wrong, each required field is named and nothing breaks."""
    error = refused(tmp_path, "systems: [1, {name: [x]}]\nx: {y: 1}\n")
    fields = [mistake.field for mistake in error.mistakes]
    assert {"code", "effective", "kind", "short", "name", "contacts", "systems[0]", "systems[1].name"} <= set(fields)
    assert len(fields) == len(set(fields))


def test_at_most_twenty_fields_are_required() -> None:
    """A person has to fill in twenty fields at most, counting those that only hold others."""
    fields = every_field()
    needed = [it for it in fields if all(fields[it[:end]].required for end in range(1, len(it) + 1))]
    assert len(needed) <= 20


def test_figures_in_descriptions_are_those_that_are_checked() -> None:
    """What people read of the figures by class and level is what the kit goes by."""
    fields = every_field()
    profiles = [LEVELS[level] for level in sorted(LEVELS)]
    listed = ", ".join(f"{data} {level}" for data, level in LEAST_LEVEL.items())
    assert fields["systems", "data"].description.endswith(f"Least level: {listed}")
    for place, attribute in (
        (("systems", "retention", "logs"), "logs"),
        (("systems", "backup", "copies"), "copies"),
        (("systems", "backup", "test"), "test"),
    ):
        figures = ", ".join(str(getattr(profile, attribute)) for profile in profiles)
        assert f" {figures} " in fields[place].description
    page = (REPOSITORY / "docs" / "agency.md").read_text(encoding="utf-8")
    for data, level in LEAST_LEVEL.items():
        assert re.search(rf"^\| `{data}` \|[^|]+\| {level}\b", page, re.MULTILINE)


def test_level_5_is_not_put_on_a_shared_cluster(tmp_path: Path) -> None:
    """A level 5 system needs machines of its own, which the shared cluster is not."""
    text = GOOD.replace("level: 3\n    data: important", "level: 5\n    data: core\n    backup: {site: da-nang}")
    with pytest.raises(AgencyFileError, match="machines of its own"):
        load(write(tmp_path, text))
    assert load(write(tmp_path, f"{text}placement: {{cluster: own, kubeconfig: x}}\n")).level == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"code: [", "not YAML"),
        (b"", "holds no fields"),
        (b"- a\n- b\n", "holds no fields"),
        (b"code: \xff\xfe", "UTF-8"),
        (b"a: &x [1]\nb: *x\n", "alias"),
        (b"a: 1\n---\nb: 2\n", "not YAML"),
        (b"code: !secret x\n", "has no meaning here"),
        (b"? [a]\n: b\n", "is a list or a map"),
        (b"a: " + b"[" * 200, "too many things inside each other"),
        (b"x" * 300_000, "larger than"),
    ],
)
def test_not_an_agency_file(tmp_path: Path, content: bytes, said: str) -> None:
    """What is no agency file at all is refused in one line."""
    file = tmp_path / "agency.yaml"
    file.write_bytes(content)
    with pytest.raises(KitError, match=said):
        load(file)


def test_way_within_a_zone_is_declared_from_level_four() -> None:
    """Up to level 3 a zone is open to itself and such a flow says nothing; above that it is the only way inside."""
    own = [{"from": "database", "to": "database", "port": 7000}]
    found = {level: list(findings(made({"level": level, "reason": "x", "flows": own}))) for level in (3, 4)}
    assert [it.field for it in found[3]][-1] == ("systems", 0, "flows", 0, "to")
    assert found[4] == []


def test_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(KitError, match=r"nowhere\.yaml"):
        load(tmp_path / "nowhere.yaml")


_short = st.from_regex(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True)


@given(
    short=_short,
    code=st.from_regex(r"[0-9A-Z]{1,10}", fullmatch=True),
    date=st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31)),
    system=_short,
)
def test_names_fit_kubernetes(short: str, code: str, date: object, system: str) -> None:
    """Whatever a file holds, the names made of it are names that Kubernetes takes."""
    person = {"email": "a@b.vn"}
    agency = Agency.model_validate(
        {
            "code": code,
            "effective": str(date),
            "kind": "other",
            "short": short,
            "name": {"vi": "x", "en": "x"},
            "contacts": {"owner": person, "operator": person, "security": person},
            "systems": [{"name": system, "title": {"vi": "x"}, "level": 1, "data": "public"}],
        }
    )
    assert labels.is_name(agency.slug)
    assert labels.is_name(agency.namespace(agency.systems[0]))
    assert labels.is_name(agency.namespace(agency.systems[0], "administration"))
