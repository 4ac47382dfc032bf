"""Signing the folder of a run: what is signed cannot be changed, and what says two things is not signed."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance import reports
from conformance.results import Verdict
from conformance.signing import folder as signing
from conformance.signing import keys
from core import signatures
from core.errors import KitError
from core.signatures import Trust
from tests.conformance.runs import all_of, good_run, run_of
from tests.signers import AUDITOR, Authority, Signer, make


def now() -> dict[str, Any]:
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return {"started": moment, "finished": moment, "judged": moment}


def opened(signer: Signer, folder: Path) -> Any:
    return keys.from_file(*signer.write(folder), None)


@pytest.fixture(scope="module")
def trust(authority: Authority) -> Trust:
    return signatures.read_trust(authority.file, AUDITOR)


@pytest.fixture(scope="module")
def signed_once(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed") / "run"
    reports.write(good_run(**now()), folder)
    (folder / "evidence").mkdir()
    (folder / "evidence" / "capture.txt").write_text("a packet")
    signing.sign(folder, opened(authority.auditor, folder.parent))
    return folder


@pytest.fixture
def signed(signed_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_once, tmp_path / "run"))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_signed_folder_is_verified(signed: Path, trust: Trust) -> None:
    """Every file, the signer, and the certificate with it."""
    held = signing.verify(signed, trust)
    assert (held.files, held.signature.signer) == (6, AUDITOR)
    assert held.certificate is not None
    assert held.certificate.level == 3
    assert held.run.verdict is Verdict.PASS


@pytest.mark.parametrize(
    "name",
    [
        "results.json",
        "junit.xml",
        "oscal.json",
        "report.html",
        "certificate.json",
        "evidence/capture.txt",
        "manifest.json",
        "manifest.json.p7s",
    ],
)
@pytest.mark.parametrize("place", [0.0, 0.37, 0.999])
def test_one_changed_byte_anywhere_is_noticed(signed: Path, trust: Trust, name: str, place: float) -> None:
    """In whichever file, at the beginning, inside or at the end."""
    path = signed / name
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(KitError, match=name.split("/", maxsplit=1)[0].split(".", maxsplit=1)[0]):
        signing.verify(signed, trust)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "more.txt").write_text(""), "more.txt: was not signed"),
        (lambda folder: (folder / "junit.xml").unlink(), "junit.xml: was signed and is not there"),
        (lambda folder: (folder / "manifest.json.p7s").unlink(), "the folder is not signed"),
        (lambda folder: (folder / "manifest.json").unlink(), "the folder is not signed"),
        (lambda folder: (folder / "link").symlink_to("results.json"), "neither a file nor a folder"),
        (lambda folder: (folder / "junit.xml").rename(folder / "report.xml"), "report.xml: was not signed"),
    ],
    ids=range(6),
)
def test_a_folder_with_more_or_less_is_refused(
    signed: Path, trust: Trust, change: Callable[[Path], Any], said: str
) -> None:
    """A file that was put in, taken away or renamed."""
    change(signed)
    with pytest.raises(KitError, match=said):
        signing.verify(signed, trust)


def test_a_certificate_of_another_run_is_noticed(
    signed: Path, trust: Trust, authority: Authority, tmp_path: Path
) -> None:
    """Even where the auditor's own key signed both, a certificate speaks for its own results."""
    from conformance.signing import manifest

    other = tmp_path / "other"
    moment = {key: value - dt.timedelta(days=1) for key, value in now().items()}
    reports.write(good_run(**moment), other)
    signer = opened(authority.auditor, tmp_path)
    signing.sign(other, signer)
    shutil.copyfile(other / "certificate.json", signed / "certificate.json")
    listed = manifest.build(signed).text()
    (signed / "manifest.json").write_bytes(listed)
    (signed / "manifest.json.p7s").write_bytes(keys.sign(listed, signer))
    with pytest.raises(KitError, match=r"certificate\.json: is of another run"):
        signing.verify(signed, trust)


def test_a_run_without_a_certificate_is_signed_too(authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """What was found wanting is published as well."""
    reports.write(run_of(all_of(NET_01=Verdict.FAIL), **now()), tmp_path / "run")
    assert signing.sign(tmp_path / "run", opened(authority.auditor, tmp_path)) is None
    held = signing.verify(tmp_path / "run", trust)
    assert (held.certificate, held.run.verdict) == (None, Verdict.FAIL)


def test_signing_again_is_no_harm(signed: Path, authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """As where the signing certificate was renewed."""
    renewed = make(AUDITOR, authority.root)
    signing.sign(signed, opened(renewed, tmp_path))
    assert signing.verify(signed, trust).files == 6


def raise_level(folder: Path) -> None:
    path = folder / "certificate.json"
    content = json.loads(path.read_text())
    content["certificate"]["level"] = 5
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda folder: (folder / "report.html").write_text("all is well"),
            "report.html: is not what results.json says",
        ),
        (lambda folder: (folder / "junit.xml").unlink(), "junit.xml: is missing"),
        (raise_level, "certificate.json: is not the certificate that results.json yields"),
        (lambda folder: (folder / "results.json").write_text("{}"), "results.json: "),
        (lambda folder: (folder / "results.json").unlink(), "results.json: cannot be read"),
    ],
    ids=range(5),
)
def test_what_says_two_things_is_not_signed(
    authority: Authority, tmp_path: Path, change: Callable[[Path], Any], said: str
) -> None:
    """A report that is not what the model says is not signed, and the folder stays as it was."""
    folder = tmp_path / "run"
    reports.write(good_run(**now()), folder)
    change(folder)
    before = snapshot(folder)
    with pytest.raises(KitError, match=said):
        signing.sign(folder, opened(authority.auditor, tmp_path))
    assert snapshot(folder) == before


def test_a_certificate_that_was_put_in_is_not_signed(authority: Authority, tmp_path: Path) -> None:
    """A run that yields none gets none by hand."""
    folder = tmp_path / "run"
    reports.write(run_of(all_of(NET_01=Verdict.FAIL), **now()), folder)
    (folder / "certificate.json").write_bytes(reports.files(good_run(**now()))["certificate.json"])
    with pytest.raises(KitError, match="yields no certificate"):
        signing.sign(folder, opened(authority.auditor, tmp_path))


def test_an_ended_signing_certificate_is_noticed(authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """The folder was good while the certificate held."""
    moment = dt.datetime.now(dt.UTC)
    signer = make(AUDITOR, authority.root, start=moment - dt.timedelta(days=20), days=19)
    reports.write(good_run(**now()), tmp_path / "run")
    signing.sign(tmp_path / "run", opened(signer, tmp_path))
    with pytest.raises(KitError, match="ended on"):
        signing.verify(tmp_path / "run", trust)
    assert signing.verify(tmp_path / "run", trust, at=moment - dt.timedelta(days=10)).files == 5
