"""`govcloud audit report|diff|sign|verify|register|revoke`, as a person calls them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from conformance import catalogue, reports
from conformance.results import Verdict
from govcloud.audit_commands import app
from govcloud.audit_signing import SECRET
from tests.conformance.runs import all_of, good_run, run_of
from tests.signers import AUDITOR, Authority

JUDGED = ("GVC-GOV-04", *catalogue.load().partly)
"""What a person has to judge before the runs of these tests are complete."""


def call(*words: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output + repr(done.exception)
    assert "Traceback" not in done.output
    return done


def today(**more: Any) -> dict[str, Any]:
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return {"started": moment, "finished": moment, "judged": moment, **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of a run that lacks the judgements of a person."""
    found = [item.model_copy(update={"by": ""}) for item in all_of() if item.requirements != ("GVC-GOV-04",)]
    reports.write(run_of(found, **today()), tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def key(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Options that name the auditor's key, whose passphrase is in the environment."""
    monkeypatch.setenv(SECRET, "mật khẩu")
    pem, certificates = authority.auditor.write(tmp_path, "auditor", "mật khẩu")
    return ["--key", pem, "--certificates", certificates]


@pytest.fixture
def trust(authority: Authority) -> list[object]:
    return ["--trust", authority.file, "--signer", AUDITOR]


def judgement(folder: Path, verdict: str = "PASS") -> Path:
    (folder / "matrix.pdf").write_bytes(b"%PDF")
    path = folder / "judgements.yaml"
    path.write_text(
        "judgements:\n"
        + "".join(
            f"- requirement: {id_}\n  verdict: {verdict}\n  reason: read it\n  by: Nguyễn Văn A\n"
            f"  date: {dt.datetime.now(dt.UTC).date()}\n  documents: [matrix.pdf]\n"
            for id_ in JUDGED
        )
    )
    return path


def test_from_a_run_to_the_register(folder: Path, key: list[object], trust: list[object], tmp_path: Path) -> None:
    """The whole way: what a person judges completes the run, it is signed, verified, published and taken back."""
    done = call("report", folder)
    assert f"No certificate: {len(JUDGED)} of 79 requirements are MANUAL: GVC-GOV-04" in done.output
    assert not (folder / "certificate.json").exists()
    done = call("report", folder, "--judgements", judgement(tmp_path))
    assert "certificate.json, not signed yet" in done.output
    assert "Signed. The certificate for Đám mây Thử nghiệm, level 3, holds from" in call("sign", folder, *key).stderr
    done = call("verify", folder, *trust)
    assert "Whole and signed: 5 files" in done.stdout
    assert "holds." in done.stdout

    runs = tmp_path / "runs"
    runs.mkdir()
    folder.rename(runs / "one")
    done = call("register", runs, *trust, "--out", tmp_path / "site")
    assert "Đám mây Thử nghiệm" in done.stdout
    assert "there is no list of revocations" in done.stderr
    taken_back = ["--certificate", runs / "one" / "certificate.json", "--reason", "lỗi"]
    assert "1 taken back" in call("revoke", runs, *trust, *key, *taken_back).stderr
    shown = json.loads(call("register", runs, *trust, "--out", tmp_path / "site", "--json").stdout)
    assert [item["state"] for item in shown["certificates"]] == ["revoked"]


def test_a_changed_folder_does_not_verify(folder: Path, key: list[object], trust: list[object]) -> None:
    """Exit code 2, and the file that was changed."""
    call("sign", folder, *key)
    (folder / "junit.xml").write_text("<testsuites/>")
    assert "junit.xml: was changed after it was signed" in call("verify", folder, *trust, code=2).stderr


def test_what_was_verified_is_told_to_programs(tmp_path: Path, key: list[object], trust: list[object]) -> None:
    """With --json: signer, files, verdict, certificate."""
    reports.write(good_run(**today()), tmp_path / "good")
    call("sign", tmp_path / "good", *key)
    told = json.loads(call("verify", tmp_path / "good", *trust, "--json").stdout)
    assert (told["files"], told["verdict"], told["certificate-state"]) == (5, "PASS", "holds")
    assert told["certificate"]["level"] == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sign", "RUN"], "either by --key FILE or by --pkcs11"),
        (["sign", "RUN", "--pkcs11", "x.so"], "--pkcs11 needs --token"),
        (["sign", "absent", "--key", "KEY", "--certificates", "CERTIFICATES"], "absent"),
        (["report", "RUN", "--waivers", "absent.yaml"], "absent.yaml: cannot be read"),
        (["report", "RUN", "--previous", "absent"], "absent: cannot be read"),
        (["diff", "RUN", "absent"], "absent: cannot be read"),
        (["verify", "RUN", "--trust", "absent.pem"], "absent.pem: cannot be read"),
        (
            ["revoke", "RUN", "--trust", "ROOT", "--signer", "x", "--reason", "r"],
            "--certificate FILE and --reason TEXT",
        ),
    ],
    ids=range(8),
)
def test_mistakes_are_explained(
    folder: Path, key: list[object], trust: list[object], words: list[str], said: str
) -> None:
    """Exit code 2, one line, and nothing written."""
    before = {path.name for path in folder.iterdir()}
    names = {"RUN": folder, "KEY": key[1], "CERTIFICATES": key[3], "ROOT": trust[1]}
    done = call(*(names.get(word, word) for word in words), code=2)
    assert said in done.stderr.replace("\n", "")
    assert {path.name for path in folder.iterdir()} == before


def test_what_changed_is_told(tmp_path: Path) -> None:
    """Exit code 1 where something was newly found wanting, 0 where not; --json has each requirement."""
    old, new = tmp_path / "old", tmp_path / "new"
    reports.write(run_of(all_of(NET_11=Verdict.FAIL)), old)
    reports.write(run_of(all_of(NET_01=Verdict.FAIL)), new)
    done = call("diff", old, new, code=1)
    assert "79 requirements: 1 new, 1 fixed, 77 same, 0 incomparable." in done.output
    assert "GVC-NET-01" in done.output
    assert "GVC-GOV-01" not in done.output
    call("diff", new, new / "results.json")
    told = json.loads(call("diff", old, new, "--json", code=1).stdout)
    assert told["counts"]["new"] == 1
    assert len(told["changes"]) == 79


def test_a_waiver_and_an_earlier_run_come_into_the_report(tmp_path: Path) -> None:
    """The reports are written again with both, and the exit code follows the verdict."""
    folder, waivers = tmp_path / "run", tmp_path / "waivers.yaml"
    reports.write(run_of(all_of(NET_01=Verdict.FAIL)), folder)
    reports.write(good_run(), tmp_path / "earlier")
    waivers.write_text("waivers:\n- {requirement: GVC-NET-01, reason: r, approver: a, until: 2099-01-01}\n")
    call("report", folder, code=1)
    judged = ["--judgements", judgement(tmp_path)]
    added = ["--waivers", waivers, "--previous", tmp_path / "earlier", "--out", tmp_path / "again"]
    done = call("report", folder, *judged, *added)
    assert "1 WAIVED" in done.output
    assert "1 new, 0 fixed" in done.output
    assert (tmp_path / "again" / "certificate.json").is_file()
    assert not (folder / "certificate.json").exists()
    waivers.write_text("waivers:\n- {requirement: GVC-NET-01, reason: r, approver: a, until: 2020-01-01}\n")
    assert "ended on 2020-01-01" in " ".join(call("report", folder, "--waivers", waivers, code=1).output.split())
    waivers.write_text("waivers:\n- {requirement: GVC-NET-02, reason: r, approver: a, until: 2099-01-01}\n")
    reports.write(good_run(), folder)
    assert "1 ERROR" in call("report", folder, *judged, "--waivers", waivers, code=2).output
