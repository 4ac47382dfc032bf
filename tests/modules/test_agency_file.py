"""Reading agency files: what is right is read, what is wrong is refused with its line and field."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import KitError
from core.paths import REPOSITORY
from modules import labels
from modules.agency import Agency
from modules.agency_file import AgencyFileError, load

GOOD = """\
code: "00004"
effective: 2025-07-01
kind: commune
short: ba-dinh
name:
  vi: Ủy ban nhân dân phường Ba Đình
  en: People's Committee of Ba Đình Ward
level: 3
systems:
  - name: one-stop
    title: {vi: Một cửa, en: One-stop desk}
    level: 2
    exposure: none
    consumes: [exchange]
    quota: {cpu: "1", memory: 1Gi, pods: 10}
  - name: documents
    title: {vi: Văn bản, en: Documents}
    level: 3
    exposure: agency
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
    agencies = [load(file) for file in sorted((REPOSITORY / "data" / "agencies").glob("*.yaml"))]
    assert len({agency.slug for agency in agencies}) == len(agencies) >= 2


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ('code: "00004"', 'code: "4-5"', 1, "code"),
        ('code: "00004"', "code:", 1, "code"),
        ("2025-07-01", "01/07/2025", 2, "effective"),
        ("2025-07-01", "20250701", 2, "effective"),
        ("2025-07-01", "2025-02-30", 2, "effective"),
        ("kind: commune", "kind: ward", 3, "kind"),
        ("short: ba-dinh", "short: Ba Đình", 4, "short"),
        ("short: ba-dinh", "short: ba-dinh-", 4, "short"),
        ("short: ba-dinh", f"short: {'b' * 21}", 4, "short"),
        ("  en: People's Committee of Ba Đình Ward\n", "", 5, "name.en"),
        ("level: 3\nsystems", "level: 6\nsystems", 8, "level"),
        ("level: 3\nsystems", "level: 0\nsystems", 8, "level"),
        ("level: 3\nsystems", "level: high\nsystems", 8, "level"),
        ("level: 3\nsystems", "level: 2.5\nsystems", 8, "level"),
        ("level: 3\nsystems", "level: 3\nlevle: 3\nsystems", 9, "levle"),
        ("level: 3\nsystems", "level: 2\nsystems", 18, "systems[1].level"),
        ("level: 3\nsystems", "level: 3\nlevel: 3\nsystems", 9, "level"),
        ("    level: 2\n", "    level: 7\n", 12, "systems[0].level"),
        ("    level: 2\n", "", 10, "systems[0].level"),
        ("exposure: none", "exposure: public", 13, "systems[0].exposure"),
        ("[exchange]", "exchange", 14, "systems[0].consumes"),
        ("[exchange]", "[Exchange]", 14, "systems[0].consumes[0]"),
        ('cpu: "1"', "cpu: 0", 15, "systems[0].quota.cpu"),
        ("memory: 1Gi", "memory: 1GB", 15, "systems[0].quota.memory"),
        ("pods: 10", "pods: -1", 15, "systems[0].quota.pods"),
        ("pods: 10", "pods: 10, disk: 3", 15, "systems[0].quota.disk"),
        ("name: documents", "name: one-stop", 16, "systems[1].name"),
    ],
)
def test_mistake_is_refused_with_line_and_field(tmp_path: Path, old: str, new: str, line: int, field: str) -> None:
    """One mistake in a good file is reported once, at its own line, by its own field, with what is wrong."""
    assert old in GOOD
    with pytest.raises(AgencyFileError) as caught:
        load(write(tmp_path, GOOD.replace(old, new, 1)))
    found = [(mistake.line, mistake.field) for mistake in caught.value.mistakes]
    assert found == [(line, field)]
    assert caught.value.mistakes[0].wrong


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """A person mends a file in one go: all mistakes come together, in the order of the file."""
    text = GOOD.replace("commune", "ward").replace("level: 3\nsystems", "level: 9\nsystems").replace("none", "all")
    with pytest.raises(AgencyFileError) as caught:
        load(write(tmp_path, text))
    assert [mistake.field for mistake in caught.value.mistakes] == ["kind", "level", "systems[0].exposure"]
    assert "allowed: 1, 2, 3, 4 or 5" in str(caught.value)


def test_level_5_is_not_put_on_a_shared_cluster(tmp_path: Path) -> None:
    """A level 5 system needs machines of its own, which the shared cluster is not."""
    text = GOOD.replace("level: 3", "level: 5")
    with pytest.raises(AgencyFileError, match="machines of its own"):
        load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"code: [", "not YAML"),
        (b"", "holds no fields"),
        (b"- a\n- b\n", "holds no fields"),
        (b"code: \xff\xfe", "UTF-8"),
        (b"a: &x [1]\nb: *x\n", "alias"),
        (b"a: 1\n---\nb: 2\n", "not YAML"),
        (b"x" * 300_000, "larger than"),
    ],
)
def test_not_an_agency_file(tmp_path: Path, content: bytes, said: str) -> None:
    """What is no agency file at all is refused in one line."""
    file = tmp_path / "agency.yaml"
    file.write_bytes(content)
    with pytest.raises(KitError, match=said):
        load(file)


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
    title = {"vi": "x", "en": "x"}
    agency = Agency.model_validate(
        {
            "code": code,
            "effective": str(date),
            "kind": "other",
            "short": short,
            "name": title,
            "level": 1,
            "systems": [{"name": system, "title": title, "level": 1, "exposure": "none"}],
        }
    )
    assert labels.is_name(agency.slug)
    assert labels.is_name(agency.namespace(agency.systems[0]))
