"""`govcloud agency schema|validate|new`, as a person calls them, and the pages that explain the file."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from core.errors import KitError
from core.paths import REPOSITORY
from govcloud import agency_commands
from modules import agency_file
from modules.agency import Kind, schema
from modules.agency.fields import every_field
from modules.units import era, names

RUNNER = CliRunner()
EXAMPLES = sorted((REPOSITORY / "data" / "agencies").rglob("*.yaml"))
DOCS = REPOSITORY / "docs"
FLAGS = {
    "kind": "commune",
    "code": "06688",
    "name-vi": "Ủy ban nhân dân phường Hạ Long",
    "name-en": "People's Committee of Hạ Long Ward",
    "parent": "22",
    "owner": "office@halong.example.gov.vn",
}


class _Loader(yaml.SafeLoader):
    """Reads YAML as editors do (YAML 1.2): a date is a text."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
    for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def run(*words: str | Path) -> Any:
    return RUNNER.invoke(agency_commands.app, [str(word) for word in words])


def flags(**changes: str) -> list[str]:
    given = FLAGS | {name.replace("_", "-"): value for name, value in changes.items()}
    return [word for name, value in given.items() if value for word in (f"--{name}", value)]


def plain(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader


def test_validate_shows_the_stack_of_each_agency() -> None:
    """Good files are answered with a table in which each has the name of its stack, uncut."""
    outcome = run("validate", *EXAMPLES)
    assert outcome.exit_code == 0
    for file in EXAMPLES:
        assert re.search(rf"^{agency_file.load(file).slug} ", outcome.stdout, re.MULTILINE)


def test_validate_judges_every_file(tmp_path: Path) -> None:
    """One wrong file does not keep the others from being checked, and the exit code tells."""
    good = REPOSITORY / "data" / "agencies" / "ha-long.yaml"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(good.read_text(encoding="utf-8").replace("level: 2", "level: 9"), encoding="utf-8")
    outcome = run("validate", wrong, tmp_path / "nowhere.yaml", good)
    assert "ha-long-06688-250701" in outcome.stdout
    assert outcome.stderr.count("level: '9' cannot be used; allowed: 1, 2, 3, 4 or 5") == 2
    assert "nowhere.yaml:1: file: No such file" in outcome.stderr
    assert isinstance(outcome.exception, KitError)
    assert "2 of 3 files" in outcome.exception.message


def test_validate_reads_folders_as_trees(tmp_path: Path) -> None:
    """In a folder also what is wrong between files is told, and the good ones are shown."""
    folder = REPOSITORY / "data" / "agencies"
    assert run("validate", folder).exit_code == 0
    (tmp_path / "ward.yaml").write_text((folder / "ha-long.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "province.yaml").write_text((folder / "ha-noi.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    outcome = run("validate", tmp_path)
    assert "ward.yaml:11: parent: there is no unit 22.2025-07-01" in outcome.stderr
    assert "ha-noi-01-250701" in outcome.stdout
    assert "ha-long" not in outcome.stdout
    assert "1 of 2 files" in outcome.exception.message


def test_validate_for_programs(tmp_path: Path) -> None:
    """As JSON, agencies and mistakes come with all that a person sees."""
    good = REPOSITORY / "data" / "agencies" / "quang-ninh-hospital.yaml"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(good.read_text(encoding="utf-8").replace("level: 3", "level: 9", 1), encoding="utf-8")
    found = json.loads(run("validate", "--json", good, wrong).stdout)
    (agency,), (mistake,) = found["agencies"], found["mistakes"]
    assert (agency["stack"], agency["code"]) == ("quang-ninh-hospital-qn01-250701", "QN01")
    assert agency["systems"][0]["flows"][0]["from"] == "edge"
    assert (mistake["file"], mistake["line"], mistake["field"]) == (str(wrong), 10, "level")
    assert mistake["allowed"] == "1, 2, 3, 4 or 5"


def test_schema_accepts_the_examples_and_refuses_mistakes() -> None:
    """An editor that reads the schema takes every example, and marks what the kit would refuse."""
    made = json.loads(run("schema").stdout)
    check = jsonschema.Draft202012Validator(made)
    check.check_schema(made)
    for file in EXAMPLES:
        check.validate(plain(file))
    good = plain(EXAMPLES[0])
    for change in ({"kind": "ward"}, {"colour": "red"}, {"short": "Ba Đình"}, {"level": 9}, {"systems": []}):
        assert list(check.iter_errors(good | change)), change
    assert list(check.iter_errors({key: value for key, value in good.items() if key != "code"}))


def test_schema_explains_every_field() -> None:
    """Each field in the schema has a title, a description, a source and an example; figures have a unit."""
    made = schema.schema()
    for definition in (made, *made["$defs"].values()):
        for name, field in definition.get("properties", {}).items():
            assert all(field[it] for it in ("title", "description", "source")), name
            assert "examples" in field, name
            numbers = [it for it in (field, *field.get("anyOf", ())) if it.get("type") == "integer"]
            assert not numbers or name == "level" or field["unit"], name


def test_shipped_schema_and_reference_are_those_of_the_models() -> None:
    """The schema that editors find and the page that people read say what the models say."""
    again = "govcloud agency schema > data/agency.schema.json, and with --reference > docs/agency-fields.md"
    assert (REPOSITORY / "data" / "agency.schema.json").read_text(encoding="utf-8") == run("schema").stdout, again
    page = (DOCS / "agency-fields.md").read_text(encoding="utf-8")
    assert page == run("schema", "--reference").stdout, again
    assert all(f"| `{'.'.join(place)}` |" in page for place in every_field())


def test_examples_point_to_the_schema() -> None:
    """The first line of each example leads an editor to the schema."""
    for file in EXAMPLES:
        first = file.read_text(encoding="utf-8").splitlines()[0]
        path = first.removeprefix("# yaml-language-server: $schema=")
        assert (file.parent / path).resolve() == REPOSITORY / "data" / "agency.schema.json"


def test_page_for_agencies_is_true() -> None:
    """The page names every field that is needed and every other one of a system, and its links lead somewhere."""
    page = (DOCS / "agency.md").read_text(encoding="utf-8")
    fields = every_field()
    needed = [it for it in fields if all(fields[it[:end]].required for end in range(1, len(it) + 1))]
    for place in [*needed, *(it for it in fields if it[0] == "systems" and len(it) == 2)]:
        assert f"`{place[-1]}`" in page or f"`{place[0]}: {place[-1]}`" in page, place
    for link in re.findall(r"\]\(([^)#]+)\)", page):
        assert (DOCS / link).exists(), link
    for line in re.findall(r"^my-agency\.yaml:\d+: (.+)$", page, re.MULTILINE):
        assert line.split(":")[0].split("[")[0].split(".")[0] in fields_at_top()


def fields_at_top() -> set[str]:
    return {place[0] for place in every_field() if len(place) == 1}


def test_mistakes_on_the_page_are_those_of_the_kit(tmp_path: Path) -> None:
    """The example of a check on the page is what the kit says of such a file."""
    page = (DOCS / "agency.md").read_text(encoding="utf-8")
    text = (REPOSITORY / "data" / "agencies" / "co-to.yaml").read_text(encoding="utf-8")
    file = tmp_path / "my-agency.yaml"
    file.write_text(text.replace("kind: commune", "kind: ward").replace("level: 2", "level: 1"), encoding="utf-8")
    said = [line.removeprefix(f"{tmp_path}/") for line in run("validate", file).stderr.splitlines()]
    shown = re.findall(r"^my-agency\.yaml:.+$", page, re.MULTILINE)
    assert [re.sub(r":\d+:", ":", line) for line in said] == [re.sub(r":\d+:", ":", line) for line in shown]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_new_writes_a_good_file_for_every_kind(tmp_path: Path, kind: Kind) -> None:
    """What is written for each kind is a good file that an editor can check, with the answers in it."""
    file = tmp_path / "agency.yaml"
    above = kind in {"district", "commune"}
    effective = "2004-07-08" if kind == "district" else ""
    outcome = run("new", file, *flags(kind=kind, parent="22" if above else "", effective=effective))
    assert outcome.exit_code == 0, outcome
    agency = agency_file.load(file)
    assert (agency.kind, agency.code, agency.name.vi) == (kind, "06688", FLAGS["name-vi"])
    assert agency.parent == (agency.key.model_copy(update={"code": "22"}) if above else None)
    assert agency.contacts.security.email == agency.contacts.owner.email == FLAGS["owner"]
    assert agency.systems
    first = file.read_text(encoding="utf-8").splitlines()[0]
    target = (tmp_path / first.removeprefix("# yaml-language-server: $schema=")).resolve()
    assert target == REPOSITORY / "data" / "agency.schema.json"
    jsonschema.validate(plain(file), schema.schema())


def test_new_names_an_agency_as_lists_name_its_unit(tmp_path: Path) -> None:
    """The short name of an agency is that of its unit in the list, so that a plan made before it joined holds."""
    run("new", tmp_path / "a.yaml", *flags())
    words = era.load("from-2025-07-01").rules["commune"].words
    assert agency_file.load(tmp_path / "a.yaml").short == names.short_name("Phường Hạ Long", words) == "ha-long"


def test_new_never_writes_over_a_file(tmp_path: Path) -> None:
    """A file that is there stays as it is, unless the person insists."""
    file = tmp_path / "agency.yaml"
    file.write_text("mine")
    outcome = run("new", file, *flags())
    assert isinstance(outcome.exception, KitError)
    assert "is there already" in outcome.exception.message
    assert file.read_text() == "mine"
    assert run("new", file, "--force", *flags()).exit_code == 0
    assert agency_file.load(file).code == "06688"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "ward"}, "--kind: 'ward' is not known; allowed: 'ministry'"),
        ({"kind": ""}, "--kind is missing"),
        ({"code": "6-8"}, "--code: '6-8' cannot be used; allowed: 1 to 10 digits"),
        ({"parent": ""}, "--parent is missing"),
        ({"owner": ""}, "--owner is missing"),
        ({"owner": "nobody"}, "--owner: 'nobody' cannot be used; allowed: one e-mail address"),
        ({"effective": "1/7/2025"}, "--effective: '1/7/2025' cannot be used"),
        ({"short": "Hạ Long"}, "--short: 'Hạ Long' cannot be used"),
        ({"name_vi": "a\nb"}, "--name-vi: "),
        ({"kind": "province"}, "parent: a province stands under no other unit"),
        ({"kind": "district"}, "kind: there is no district from 2025-07-01 on"),
        ({"parent": "06688"}, "parent: is the agency itself"),
    ],
)
def test_new_refuses_wrong_answers(tmp_path: Path, change: dict[str, str], said: str) -> None:
    """Without a person to ask, the flag that is missing or wrong is named, and nothing is written."""
    outcome = run("new", tmp_path / "agency.yaml", *flags(**change))
    assert isinstance(outcome.exception, KitError), outcome
    assert said in outcome.exception.message
    assert not list(tmp_path.iterdir())


def test_new_quotes_what_yaml_would_read_otherwise(tmp_path: Path) -> None:
    """Answers with signs that mean something in YAML stand in the file as they were given."""
    name = 'UBND "Phường" #1: {Hạ Long} \\ [x] - & *'
    assert run("new", tmp_path / "a.yaml", *flags(name_vi=name, code="0012", short="x")).exit_code == 0
    agency = agency_file.load(tmp_path / "a.yaml")
    assert (agency.name.vi, agency.code) == (name, "0012")


def test_new_asks_a_person(tmp_path: Path) -> None:
    """At a terminal it asks for one thing after the other, says at once what is wrong, and offers what follows."""
    answers = [
        "hamlet",
        "commune",
        "06688",
        "",
        FLAGS["name-vi"],
        FLAGS["name-en"],
        "",
        "22",
        "",
        FLAGS["owner"],
        "",
        "",
    ]
    leader, follower = pty.openpty()
    program = [sys.executable, "-c", "from govcloud.main import main; main()", "agency", "new"]
    with subprocess.Popen(program, cwd=tmp_path, stdin=follower, stdout=follower, stderr=subprocess.PIPE) as child:
        os.close(follower)
        os.write(leader, "".join(f"{answer}\n" for answer in answers).encode())
        assert child.stderr is not None
        said = child.stderr.read().decode()
        assert child.wait(60) == 0, said
    os.close(leader)
    assert "'hamlet' is not known" in said
    assert "the stack ha-long-06688-250701" in " ".join(said.split())
    agency = agency_file.load(tmp_path / "ha-long.yaml")
    assert (agency.short, str(agency.parent), agency.contacts.operator.email) == (
        "ha-long",
        "22.2025-07-01",
        FLAGS["owner"],
    )
