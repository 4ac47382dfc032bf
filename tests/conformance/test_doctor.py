"""Before a run: what works is said to work, what does not is named with its reason, and quickly."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic.networks import HttpUrl
from typer.testing import CliRunner

from conformance import doctor, reach, rights, tenants
from conformance import run as runner
from conformance.declared import ObjectStore
from conformance.outcomes import Outcomes
from conformance.results import Check
from conformance.rights import Right
from conformance.run import FOLDER, plan
from govcloud.audit_commands import app
from tests.certificates import Certificate
from tests.conformance import servers
from tests.conformance.cloud_api import CloudApi
from tests.conformance.servers import Server


@pytest.fixture(scope="module")
def made(target_file: Path) -> Outcomes:
    """Return what a run would check."""
    return plan(target_file)


Diagnose = Callable[[servers.Answer], tuple[int, dict[str, Any]]]


@pytest.fixture
def diagnose(
    monkeypatch: pytest.MonkeyPatch,
    made: Outcomes,
    certificate: Certificate,
    serve: Callable[..., Server],
    make_target: Callable[..., Path],
    tmp_path: Path,
) -> Diagnose:
    """Run the doctor against a server that answers as it is told; return the exit code and what was printed."""
    monkeypatch.setattr(runner, "plan", lambda *_: made)

    def run(answer: servers.Answer) -> tuple[int, dict[str, Any]]:
        server = serve(certificate.context(), answer)
        target = make_target(tmp_path, f"https://127.0.0.1:{server.port}", certificate.authority)
        done = CliRunner().invoke(app, ["doctor", "--target", str(target), "--json"])
        return done.exit_code, json.loads(done.stdout)

    return run


def test_a_cloud_that_answers_is_fit(diagnose: Diagnose) -> None:
    """Each account is reached, known, and holds its rights; what checks could decide is counted of all that apply."""
    code, found = diagnose(CloudApi())
    assert code == 0
    assert found["ok"]
    assert {(f["what"], f["detail"]) for f in found["findings"] if "credentials" in f["what"]} == {
        ("tenant a: credentials", "a-token"),
        ("tenant b: credentials", "b-token"),
    }
    counts = found["counts"]
    assert counts["checks"] >= 10
    assert counts["checks"] + counts["nobody"] + counts["person"] == counts["of"] == len(found["requirements"])


def test_a_right_that_is_missing_is_named_with_what_needs_it(diagnose: Diagnose) -> None:
    """What rests on the right cannot be decided, the rest can; exit code 2."""
    code, found = diagnose(CloudApi(denied={"create pods/exec"}))
    assert code == 2
    bad = [finding["detail"] for finding in found["findings"] if not finding["ok"]]
    wanted = len(rights.of_tenant())
    assert bad == [f"{wanted - 1} of {wanted}; not: create pods/exec"] * 2
    by = {line["requirement"]: (line["by"], line["why"]) for line in found["requirements"]}
    assert by["GVC-NET-01"][0] == "nobody"
    assert by["GVC-NET-01"][1].endswith("too few rights: create pods/exec")
    assert by["GVC-WKL-01"] == ("checks", "")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (servers.hang, "no answer within 1 s"),
        (servers.drop, "Remote end closed connection"),
        (servers.redirect, "with a redirect (302)"),
        (servers.garbage, "127.0.0.1 port"),
        (servers.as_json(401, {"message": "Unauthorized"}), "401 Unauthorized"),
        (servers.as_json(200, {}), "the server does not say whose they are"),
    ],
    ids=["hang", "drop", "redirect", "garbage", "refusal", "something-else"],
)
def test_a_cloud_that_answers_badly_is_not(
    monkeypatch: pytest.MonkeyPatch, diagnose: Diagnose, answer: servers.Answer, reason: str
) -> None:
    """The reason is one line, nothing could be decided, and it does not take long."""
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 1.0)
    code, found = diagnose(answer)
    assert code == 2
    assert any(reason in finding["detail"] for finding in found["findings"] if not finding["ok"])
    assert found["counts"]["checks"] == 0


def test_a_cloud_out_of_reach_is_told_quickly(
    unused_port: int, make_target: Callable[..., Path], tmp_path: Path
) -> None:
    """With nothing there the answer takes seconds, as a table for people, and there is no traceback."""
    target = make_target(tmp_path, f"https://127.0.0.1:{unused_port}")
    began = time.monotonic()
    done = CliRunner().invoke(app, ["doctor", "--target", str(target)])
    assert time.monotonic() - began < 20
    assert done.exit_code == 2
    assert "0 of 2 attempts went well." in done.stdout
    assert "0 of 79 requirements that apply could be decided by checks" in " ".join(done.stdout.split())
    assert "Traceback" not in done.output


def test_nothing_configured_gives_not_one_pass(tmp_path: Path) -> None:
    """Without a target at all no check passes, and none fails: nothing was found out."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=no", "conformance", f"--outcomes={tmp_path / 'outcomes.jsonl'}"],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    found = Outcomes(tmp_path / "outcomes.jsonl")
    found.update()
    assert len(found.found) == len(found.planned) >= 58, done.stdout
    assert {(result.verdict, result.reason) for result in found.found.values()} == {
        ("ERROR", "no target was given, so nothing can be decided")
    }


def planned(**fixtures: tuple[str, ...]) -> Outcomes:
    checks = Outcomes(Path("/nonexistent"))
    for name, used in fixtures.items():
        checks.planned[f"x.{name}"] = Check(name=f"x.{name}", title="", requirements=("GVC-NET-01",))
        checks.needs[f"x.{name}"] = used
    return checks


@pytest.mark.parametrize(
    ("fixtures", "by", "why"),
    [
        ({"one": ("tenant_a",), "two": ("evidence",)}, "checks", ""),
        ({"one": ("tenant_a",), "two": ("object_store",)}, "nobody", "1 of 2 checks cannot be made: not declared"),
        ({"one": ("probes",)}, "nobody", "1 of 1 checks cannot be made: tenant b cannot be used"),
    ],
)
def test_a_requirement_is_decidable_if_all_its_checks_can_be_made(
    fixtures: dict[str, tuple[str, ...]], by: str, why: str
) -> None:
    """One check that cannot be made leaves the requirement open, with the reason."""
    broken = {"object_store": "not declared", "tenant_b": "tenant b cannot be used"}
    found = doctor.outlooks("EGC", 3, planned(**fixtures), broken, frozenset())
    assert [(line.by, line.why) for line in found if line.requirement == "GVC-NET-01"] == [(by, why)]


def test_what_checks_need_is_what_prepared_tenants_may(made: Outcomes) -> None:
    """Every right that is asked for is one that ``prepare`` gives, and the checks it is listed for exist."""
    given = {
        (group, resource, verb)
        for rule in tenants.TENANT_RULES
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert [right for right in rights.of_tenant() if (right.group, right.resource, right.verb) not in given] == []
    assert set(rights.BY_CHECK) | set(rights.BY_READER) <= {name.partition("[")[0] for name in made.planned}
    assert set(rights.BY_FIXTURE) <= {fixture for fixtures in made.needs.values() for fixture in fixtures}


def test_a_right_is_asked_for_by_its_parts() -> None:
    """Kind, subresource, group and name are fields of their own, as the API has them."""
    review = Right("delete", "networkpolicies", "networking.k8s.io", "p").review("ns")
    assert review["spec"]["resourceAttributes"] == {
        "namespace": "ns",
        "verb": "delete",
        "group": "networking.k8s.io",
        "resource": "networkpolicies",
        "name": "p",
    }
    assert Right("create", "pods/exec").review("ns")["spec"]["resourceAttributes"]["subresource"] == "exec"
    counts = Right("get", "/metrics").review("")["spec"]
    assert counts == {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}


def test_a_server_with_another_certificate_is_not_trusted(
    certificate: Certificate, serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each family is tried apart, and the certificate has to hold against the declared authority."""
    server = serve(certificate.context())
    (good,) = reach.attempt(reach.Place("store", "127.0.0.1", server.port, certificate.authority))
    assert (good.what, good.ok) == ("store, IPv4", True)
    other = Certificate(tmp_path_factory.mktemp("other")).authority
    (bad,) = reach.attempt(reach.Place("store", "127.0.0.1", server.port, other))
    assert not bad.ok
    assert "certificate" in bad.detail
    (lost,) = reach.attempt(reach.Place("store", "no-such-name.invalid", 443))
    assert "the name is not found" in lost.detail


def test_every_url_of_a_section_is_tried(tmp_path: Path) -> None:
    """With the authority that stands beside it, and the port that it says or means."""
    (tmp_path / "keys").write_text("access: a\nsecret: b\n")
    account = {"credentials": tmp_path / "keys"}
    store = ObjectStore.model_validate(
        {
            "endpoint": "https://store.test:7070/",
            "addresses": ["127.0.0.1", "::1"],
            "authority": tmp_path / "keys",
            "accounts": {"a": account, "b": account},
        }
    )
    assert list(reach.places("object_store", store)) == [
        reach.Place("object_store.endpoint", "store.test", 7070, tmp_path / "keys", ("127.0.0.1", "::1"))
    ]
    assert list(reach.places("x", [HttpUrl("https://a.test/b"), HttpUrl("http://plain.test")])) == [
        reach.Place("x.0", "a.test", 443)
    ]
