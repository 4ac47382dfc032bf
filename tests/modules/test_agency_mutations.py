"""Mistakes of every kind in a good agency file: each is refused with its line and its field, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modules.agency.fields import Described, every_field
from modules.agency_file import AgencyFileError, load
from modules.document import Field, dotted
from tests.modules.agency_texts import at, good, render

Change = Callable[[dict[str, Any]], None]
Case = tuple[str, Change, Field]

WORDS = {"kind", "cluster", "data", "exposure", "environment", "protocol", "from", "to"}
WHOLE = {
    "level": (1, 5),
    "pods": (1, 1000),
    "port": (1, 65535),
    "logs": (1, 1200),
    "every": (1, 168),
    "keep": (1, 3650),
    "copies": (1, 10),
    "test": (1, 12),
}
DATES = {"effective", "date", "until"}
BAD_DATES = ["01/07/2025", "20250701", "2025-02-30", "2025-7-1", "1999-12-31", "2100-01-01", "1751328000", "soon"]
BAD = {
    "code": ["4-5", "a1", "", "12345678901"],
    "short": ["Ba Đình", "ba-dinh-", "-x", "b" * 21, "a_b", ""],
    "name": ["Một Cửa", "one stop", "x" * 21, "-"],
    "system": ["One", "x-"],
    "service": ["Land Records", "x" * 21],
    "site": ["Đà Nẵng"],
    "vi": ["", "x" * 201, "two\nlines", "tab\tinside"],
    "en": ["x" * 201],
    "title": ["x" * 201],
    "document": ["", "x" * 201],
    "reason": ["x" * 201],
    "email": ["nobody", "a@b", "two words@x.vn", "a@x.vn, b@x.vn"],
    "phone": ["call me", "123", "+"],
    "issuer": ["sso.example.gov.vn", "http://sso.example.gov.vn", "https://"],
    "claim": ["a b", ""],
    "value": ["a b"],
    "cpu": ["0", "0.0", "2 cores", "-1", "1.2345", "0m", "1e3"],
    "memory": ["4GB", "0Gi", "4", "-1Gi", "4 Gi"],
    "storage": ["40G", "many"],
    "kubeconfig": ["", "x" * 1001],
    "certificate": [""],
    "egc": ["x" * 201],
}
UNKNOWN = "colour"


def places(value: Any, field: Field = ()) -> Iterator[Field]:
    """Give every place in the good file."""
    if field:
        yield field
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in pairs:
        yield from places(inner, (*field, part))


def about(field: Field) -> Described:
    return every_field()[tuple(part for part in field if isinstance(part, str))]


def put(field: Field, value: Any) -> Change:
    def change(whole: dict[str, Any]) -> None:
        at(whole, field[:-1])[field[-1]] = value

    return change


def drop(field: Field) -> Change:
    def change(whole: dict[str, Any]) -> None:
        del at(whole, field[:-1])[field[-1]]

    return change


def bad_values(field: Field) -> Iterator[object]:
    """Give values that can stand at no place of this name."""
    name = str(field[-1])
    if name in WORDS:
        yield from ("nonsense", "", "Production")
    if name in DATES:
        yield from BAD_DATES
    if (limits := WHOLE.get(name)) or (name, field[-2:-1]) == ("data", ("retention",)):
        low, high = limits or (1, 1200)
        yield from (low - 1, high + 1, 2.5, "many", -1)
    yield from BAD["en" if name == "name" and "contacts" in field else name] if name in BAD else ()


def put_all(changes: dict[Field, Any]) -> Change:
    def change(whole: dict[str, Any]) -> None:
        for place, value in changes.items():
            (drop(place) if value is None else put(place, value))(whole)

    return change


def cases() -> Iterator[Case]:
    """Make the mistakes that the shape of the file allows."""
    whole = good()
    for field in places(whole):
        value = at(whole, field)
        if isinstance(field[-1], int):
            wrong: object = {"x": "y"} if isinstance(value, str) else "text"
            yield f"{dotted(field)} is of another kind", put(field, wrong), field
            continue
        if about(field).required:
            yield f"{dotted(field)} is missing", drop(field), field
            yield f"{dotted(field)} is empty", put(field, None), field
        if isinstance(value, dict | list):
            yield f"{dotted(field)} is a text", put(field, "text"), field
        else:
            yield f"{dotted(field)} is a list", put(field, ["x"]), field
            yield f"{dotted(field)} is a map", put(field, {"x": "y"}), field
            yield from ((f"{dotted(field)} is {bad!r:.30}", put(field, bad), field) for bad in bad_values(field))
        if isinstance(value, dict):
            yield f"{dotted(field)} has an unknown field", put((*field, UNKNOWN), "red"), (*field, UNKNOWN)
    yield "an unknown field", put((UNKNOWN,), "red"), (UNKNOWN,)


S0: Field = ("systems", 0)
S1: Field = ("systems", 1)
CONFLICTS: list[tuple[str, dict[Field, Any], Field]] = [
    ("a commune without a unit above", {("parent",): None}, ("parent",)),
    ("a province under another", {("kind",): "province"}, ("parent",)),
    ("a district after the reform", {("kind",): "district"}, ("kind",)),
    ("its own parent", {("parent", "code"): "00004"}, ("parent",)),
    (
        "shared, with a kubeconfig",
        {("placement",): {"cluster": "shared", "kubeconfig": "x"}},
        ("placement", "kubeconfig"),
    ),
    ("shared, with an EGC", {("placement",): {"cluster": "shared", "egc": "x"}}, ("placement", "egc")),
    ("own, without a kubeconfig", {("placement",): {"cluster": "own"}}, ("placement", "kubeconfig")),
    (
        "own, with a certificate",
        {("placement",): {"cluster": "own", "kubeconfig": "x", "certificate": "y"}},
        ("placement", "certificate"),
    ),
    ("EGC without a name", {("placement", "egc"): None}, ("placement", "egc")),
    ("EGC without a certificate", {("placement", "certificate"): None}, ("placement", "certificate")),
    ("EGC without a kubeconfig", {("placement", "kubeconfig"): None}, ("placement", "kubeconfig")),
    ("EGC with logs of half a year", {(*S0, "retention", "logs"): 6}, (*S0, "retention", "logs")),
    ("two systems of one name", {(*S1, "name"): "one-stop"}, (*S1, "name")),
    ("a system named as another's zone", {(*S1, "name"): "one-stop-edge"}, (*S1, "name")),
    ("a level below that of the data", {(*S1, "data"): "core"}, (*S1, "level")),
    ("a raised level without a reason", {(*S1, "reason"): None}, (*S1, "reason")),
    ("a system above the agency", {("level",): 3, (*S1, "level"): 4}, (*S1, "level")),
    (
        "level 5 without a second site",
        {("level",): 5, (*S0, "level"): 5, (*S0, "backup"): {"every": 1}},
        (*S0, "backup", "site"),
    ),
    (
        "level 5 on a shared cluster",
        {("level",): 5, (*S0, "level"): 5, (*S0, "backup", "test"): 3, ("placement",): {"cluster": "shared"}},
        (*S0, "level"),
    ),
    (
        "a zone twice",
        {(*S0, "zones"): ["edge", "application", "database", "administration", "edge"]},
        (*S0, "zones", 4),
    ),
    ("too few zones", {(*S0, "zones"): ["edge", "application", "database"]}, (*S0, "zones")),
    ("a flow inside a zone", {(*S0, "flows", 0, "to"): "edge"}, (*S0, "flows", 0, "to")),
    ("the edge calls the database", {(*S0, "flows", 0, "to"): "database"}, (*S0, "flows", 0, "to")),
    ("too little processor time for the zones", {(*S0, "quota", "cpu"): "1199m"}, (*S0, "quota", "cpu")),
    ("too little memory for the zones", {(*S0, "quota", "memory"): "767Mi"}, (*S0, "quota", "memory")),
    ("too little disk for the zones", {(*S0, "quota", "storage"): "9Mi"}, (*S0, "quota", "storage")),
    ("too few pods for the zones", {(*S0, "quota", "pods"): "11"}, (*S0, "quota", "pods")),
    ("a flow twice", {(*S0, "flows", 1): {"from": "edge", "to": "application", "port": 8080}}, (*S0, "flows", 1)),
    ("too few copies", {(*S0, "backup", "copies"): 2}, (*S0, "backup", "copies")),
    ("restore tried too seldom", {(*S0, "level"): 4, (*S0, "backup", "test"): 7}, (*S0, "backup", "test")),
    (
        "backups gone before the next",
        {(*S0, "backup", "every"): 48, (*S0, "backup", "keep"): 1},
        (*S0, "backup", "keep"),
    ),
    ("a service of no system", {("exchange", "provides", 0, "system"): "other"}, ("exchange", "provides", 0, "system")),
    (
        "a service of a closed system",
        {("exchange", "provides", 0, "system"): "documents"},
        ("exchange", "provides", 0, "system"),
    ),
    (
        "a service with more than its system holds",
        {("exchange", "provides", 0, "data"): "important"},
        ("exchange", "provides", 0, "data"),
    ),
    ("a use by no system", {("exchange", "consumes", 0, "system"): "other"}, ("exchange", "consumes", 0, "system")),
    (
        "a use of its own service",
        {("exchange", "consumes", 0, "provider", "code"): "00004"},
        ("exchange", "consumes", 0, "provider"),
    ),
    (
        "a grant that ends before it begins",
        {("exchange", "consumes", 0, "grant", "until"): "2026-01-30"},
        ("exchange", "consumes", 0, "grant", "until"),
    ),
]
CASES = list(cases())


def refused(folder: Path, text: str) -> list[tuple[int, str]]:
    file = folder / "agency.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AgencyFileError) as caught:
        load(file)
    assert all(mistake.wrong for mistake in caught.value.mistakes)
    return [(mistake.line, mistake.field) for mistake in caught.value.mistakes]


def line_of(lines: dict[Field, int], field: Field) -> int:
    """Line of a field, or of what should hold it."""
    while field not in lines:
        field = field[:-1]
    return lines[field]


def test_good_file_is_good(tmp_path: Path) -> None:
    """The file that is mutated is itself read, and gives every field there is."""
    text, _ = render(good())
    (tmp_path / "agency.yaml").write_text(text, encoding="utf-8")
    load(tmp_path / "agency.yaml")
    given = {tuple(part for part in field if isinstance(part, str)) for field in places(good())}
    assert given == set(every_field())


def test_there_are_hundreds_of_mistakes() -> None:
    """Every field is mutated, in a hundred kinds and more."""
    assert len({name for name, _, _ in CASES}) == len(CASES) > 300
    assert {tuple(part for part in field if isinstance(part, str)) for _, _, field in CASES} >= set(every_field())


@pytest.mark.parametrize("place", sorted({field[0] for _, _, field in CASES}))
def test_one_mistake(tmp_path: Path, place: str) -> None:
    """One mistake in a good file is told once, at its own line, by its own field."""
    for name, change, field in CASES:
        if field[0] == place:
            whole = good()
            change(whole)
            text, lines = render(whole)
            assert refused(tmp_path, text) == [(line_of(lines, field), dotted(field))], name


@pytest.mark.parametrize(("changes", "field"), [pytest.param(it, field, id=name) for name, it, field in CONFLICTS])
def test_contradiction(tmp_path: Path, changes: dict[Field, Any], field: Field) -> None:
    """Fields that are each right and contradict each other are refused, at the field that is to be changed."""
    whole = good()
    for place, value in changes.items():
        (drop(place) if value is None else put(place, value))(whole)
    text, lines = render(whole)
    assert refused(tmp_path, text) == [(line_of(lines, field), dotted(field))]


def test_field_given_twice(tmp_path: Path) -> None:
    """A field that is given twice is refused at the second place, wherever it stands."""
    text, lines = render(good())
    for field in places(good()):
        if isinstance(field[-1], int):
            continue
        rows = text.splitlines()
        begin = lines[field] - 1
        blank = " " * (len(rows[begin]) - len(rows[begin].lstrip(" -")))
        end = begin + 1
        while end < len(rows) and rows[end].startswith(f"{blank} "):
            end += 1
        rows[end:end] = [blank + rows[begin].lstrip(" -"), *rows[begin + 1 : end]]
        assert refused(tmp_path, "\n".join(rows)) == [(end + 1, dotted(field))], dotted(field)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(CASES), min_size=2, max_size=8))
def test_many_mistakes_at_once(tmp_path: Path, chosen: list[Case]) -> None:
    """However many mistakes are made together, each that still stands is told, and nothing breaks."""
    whole = good()
    made: list[Field] = []
    for _, change, field in chosen:
        if not any(field[: len(it)] == it[: len(field)] for it in made):
            change(whole)
            made.append(field)
    found = refused(tmp_path, render(whole)[0])
    assert {dotted(field) for field in made} <= {field for _, field in found}
