"""Plain manifests are judged with their file and line; what cannot be read is told, and the rest is judged."""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
import yaml

from core.errors import KitError
from policies.check import check, sources
from policies.judge import Line
from policies.judgement import Judgement
from policies.report import Format, summary, write
from policies.rules import FOLDER, about, shipped
from policies.waivers import Waiver

pytestmark = [pytest.mark.toolchain, pytest.mark.usefixtures("judging")]

RULES = shipped()
DAY = dt.date(2026, 11, 22)
BAD = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: space}
spec: {ports: [{port: 80}]}
"""
GOOD = BAD.replace("{ports", "{ipFamilyPolicy: RequireDualStack, ports")
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


def judged(*files: Path, waivers: tuple[Waiver, ...] = (), day: dt.date = DAY, level: int = 5) -> Judgement:
    return check(level, sources([str(file) for file in files]), waivers, day, lambda: None)


def places(found: Judgement) -> list[Line]:
    return [it.at for it in found.findings if it.at]


def written(folder: Path, text: str | bytes, name: str = "file.yaml") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [\nc: 2\n", 3, "is no YAML"),
        ("# a comment\n\ntext\n", 3, "is no Kubernetes object"),
        ("- a\n", 1, "is no Kubernetes object"),
        ("kind: Service\n", 1, "it has no apiVersion and kind"),
        ("apiVersion: v1\nkind: 5\n", 1, "is no Kubernetes object"),
        ("apiVersion: apps/v7\nkind: Deployment\n", 1, "has no kind Deployment in apps/v7, but in apps/v1"),
        ("apiVersion: apps/v1beta1\nkind: Deployment\n", 1, "no kind Deployment in apps/v1beta1, but in apps/v1"),
        ("apiVersion: v1\nkind: Sevrice\n", 1, "has no kind Sevrice in v1"),
        ("apiVersion: example.org/v1\nkind: Thing\n", 1, "has no kind Thing.example.org"),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {a: 'x'}\ndata: {}\n", 4, "already set"),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {a: " + "x" * 5_000_000 + "}\n", 1, "is 5.0 MB large"),
        ("apiVersion: v1\nkind: ConfigMap\ndata: " + "[" * 300 + "]" * 300, 1, "nests more than 200 levels"),
        ("apiVersion: v1\nkind: ConfigMap\ndata: " + "[" * 20_000 + "]" * 20_000, 3, "max depth"),
        ("apiVersion: v1\nkind: ConfigMap\n" + BOMB, 1, "excessive aliasing"),
        ("apiVersion: v1\nkind: Service\nspec: {ports: [{port: http}]}\n", 1, "spec.ports.port is a string"),
        ("\ta: 1\n", 1, "is no YAML"),
        (b"apiVersion: v1\nkind: \xff\n", 2, "is no text in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_is_judged(
    tmp_path: Path, text: str | bytes, line: int, said: str
) -> None:
    """One line names file, line and mistake; documents and files beside it are judged all the same."""
    beside = written(tmp_path, BAD, "beside.yaml")
    found = judged(written(tmp_path, text, "a.yaml"), beside)
    (fault,) = found.faults
    assert fault.at == Line(str(tmp_path / "a.yaml"), line)
    assert said in fault.said
    assert "\n" not in fault.said
    assert [it.file for it in places(found)] == [str(beside)]
    assert found.exit_code == 30
    assert judged(tmp_path / "a.yaml").exit_code == 1


def test_documents_and_lists_have_their_lines(tmp_path: Path) -> None:
    """A finding stands at the line where its object begins, in a document after others and in a List."""
    items = "".join("- " + BAD.replace("\n", "\n  ").rstrip() + "\n" for _ in range(2))
    text = f"# head\n{GOOD}---\n\n# about it\n{BAD}--- # end\napiVersion: v1\nkind: List\nitems:\n{items}"
    found = judged(written(tmp_path, text))
    assert [it.number for it in places(found)] == [9, 17, 21]
    assert (found.facts["objects"], found.faults) == (4, [])


def test_broken_document_leaves_the_others(tmp_path: Path) -> None:
    """What stands before and after a document with a mistake is judged."""
    found = judged(written(tmp_path, f"{BAD}---\na: [\n---\n{BAD}"))
    assert [it.number for it in places(found)] == [1, 8]
    assert [it.at.number for it in found.faults if it.at] == [6]


def test_json_is_read(tmp_path: Path) -> None:
    """JSON, with the tabs that YAML does not take, is read too."""
    text = json.dumps(yaml.safe_load(BAD), indent="\t")
    assert len(judged(written(tmp_path, text, "file.json")).findings) == 1


def test_yaml_is_read_as_kubectl_reads_it(tmp_path: Path) -> None:
    """Times, numbers to the base 60 and octal ones are what kubectl takes them for; anchors and merges work."""
    text = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: x, annotations: &a {day: 2026-11-22, port: 22:22}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: x}
base: &base {ipFamilyPolicy: RequireDualStack}
copy: {<<: *base, a: 1}
"""
    found = judged(written(tmp_path, text))
    assert (found.facts["objects"], found.faults) == (2, [])


def test_folders_and_input_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder stands for its manifests, whatever else it holds; - is standard input."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    written(tmp_path / "deep" / "er", BAD, "a.yml")
    written(tmp_path, "text", "README.md")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    found = judged(tmp_path, Path("-"))
    assert [it.file for it in places(found)] == [str(tmp_path / "deep" / "er" / "a.yml"), "-"]
    with pytest.raises(KitError, match="no such file"):
        sources([str(tmp_path / "none")])


def test_custom_kind_is_known_by_its_definition(tmp_path: Path) -> None:
    """A kind that is defined among the files is no mistake, wherever the definition stands."""
    written(tmp_path, "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: x}\n", "a.yaml")
    names = "{group: example.org, names: {kind: Thing}}"
    head = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n"
    written(tmp_path, f"{head}spec: {names}\n", "b.yaml")
    assert judged(tmp_path).exit_code == 0


def test_objects_together_are_a_stack(tmp_path: Path) -> None:
    """A rule over several objects sees those of all files, and its finding has a place too."""
    bad = (FOLDER / "agency-namespace-default-deny" / "bad" / "open.yaml").read_text(encoding="utf-8")
    policy = (FOLDER / "agency-namespace-default-deny" / "good" / "closed.yaml").read_text(encoding="utf-8")
    written(tmp_path, bad, "a.yaml")
    found = {it.rule.id: it.at for it in judged(tmp_path).findings}
    assert found["agency-namespace-default-deny"] == Line(str(tmp_path / "a.yaml"), 1)
    written(tmp_path, policy.split("---", 1)[1], "b.yaml")
    left = {it.rule.id for it in judged(tmp_path).findings}
    assert set(found) - left == {"agency-namespace-default-deny"}


@pytest.mark.parametrize("form", get_args(Format))
def test_every_format_tells_findings_and_faults(tmp_path: Path, form: Format) -> None:
    """Each format has the file, the line, the rule, the requirement and what could not be read."""
    told = write(form, RULES, judged(written(tmp_path, f"{GOOD}---\n{BAD}---\na: [\n")))
    for word in ("file.yaml", "published-service-dual-stack", "GVC-IP6-03", "is no YAML"):
        assert word in told
    assert "6" in told


def test_sarif_and_junit_have_their_shape(tmp_path: Path) -> None:
    """Code hosts find rule and line; test reports count rules that fail and files that cannot be read."""
    found = judged(written(tmp_path, f"{GOOD}---\n{BAD}---\na: [\n"))
    run = json.loads(write("sarif", RULES, found))["runs"][0]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 6}
    assert result["level"] == "error"
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["toolExecutionNotifications"][0]["locations"][0]["physicalLocation"]
    suites = ET.fromstring(write("junit", RULES, found))  # noqa: S314 # what is parsed was just made
    wrong = {str(it.get("name")): it for it in suites if it.get("failures") != "0" or it.get("errors") != "0"}
    assert set(wrong) == {"published-service-dual-stack", "errors"}
    assert (wrong["errors"].get("tests"), wrong["errors"].get("errors")) == ("1", "1")
    assert len(suites) == len(RULES) + 1


def test_reports_escape_what_manifests_say(tmp_path: Path) -> None:
    """A name with control characters moves no cursor, makes no line, and breaks no XML."""
    name = '"a\\x1b[31m\\n<b>&\\x00"'
    found = judged(written(tmp_path, BAD.replace("name: web", f"name: {name}")))
    assert found.findings
    text = write("text", RULES, found)
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(found.findings) + len(found.facts)
    ET.fromstring(write("junit", RULES, found))  # noqa: S314 # what is parsed was just made
    json.loads(write("sarif", RULES, found))


WAIVED = Waiver(
    rule="published-service-dual-stack",
    resource="Service space/web",
    reason="no IPv6 here",
    owner="An",
    approver="Bình",
    expires=DAY,
).locate(Path("waivers.yaml"), 7)


def test_waived_finding_is_counted_and_is_no_fault(tmp_path: Path) -> None:
    """What somebody answers for is told with its line, and does not end the run with a fault."""
    found = judged(written(tmp_path, BAD), waivers=(WAIVED,))
    assert (found.exit_code, list(found.findings)) == (0, [])
    assert f"file.yaml:1: {WAIVED}" in write("text", RULES, found)
    assert summary(found) == "1 objects: no rule is violated, 1 waived"


@pytest.mark.parametrize(
    ("manifest", "day", "code", "said"),
    [
        (BAD, DAY + dt.timedelta(days=1), 30, "expired on 2026-11-22"),
        (GOOD, DAY, 1, "nothing is found there any more"),
        (BAD.replace("space", "other"), DAY, 30, "nothing is found there any more"),
    ],
    ids=["expired", "conforms", "elsewhere"],
)
def test_waiver_that_does_not_hold_is_a_fault(
    tmp_path: Path, manifest: str, day: dt.date, code: int, said: str
) -> None:
    """One past its day frees nothing; it and one that frees nothing are told with their line."""
    found = judged(written(tmp_path, manifest), waivers=(WAIVED,), day=day)
    (fault,) = found.faults
    assert (str(fault.at), found.exit_code) == ("waivers.yaml:7", code)
    assert said in fault.said


def test_waiver_of_a_rule_of_a_higher_level_is_no_concern(tmp_path: Path) -> None:
    """One file serves all levels: what is not judged at this level has nothing to free here."""
    above = next(about(it) for it in RULES if min(about(it).levels) > 1)
    other = WAIVED.model_copy(update={"rule": above.id})
    assert judged(written(tmp_path, GOOD), waivers=(other,), level=min(above.levels)).exit_code == 1
    assert judged(written(tmp_path, GOOD), waivers=(other,), level=1).exit_code == 0
