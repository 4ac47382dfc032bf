"""The site of the register: whole or not at all, and nothing on it that was not signed."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from pathlib import Path

import pytest

from conformance import reports
from conformance.register import site
from conformance.results import Subject, Verdict
from conformance.signing import folder as signing
from conformance.signing import keys, revoking
from core import signatures
from core.errors import KitError
from core.signatures import Trust
from tests.conformance.runs import all_of, run_of
from tests.signers import AUDITOR, Authority, make

CLOUDS = {"bac": "Đám mây <Bắc> & bạn", "nam": "Đám mây Nam"}
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture(scope="module")
def trust(authority: Authority) -> Trust:
    return signatures.read_trust(authority.file, AUDITOR)


@pytest.fixture(scope="module")
def runs(authority: Authority, trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed runs of two clouds, one taken back, one forged, and one of a stranger."""
    folder = tmp_path_factory.mktemp("runs")
    keys_folder = tmp_path_factory.mktemp("keys")
    signer = keys.from_file(*authority.auditor.write(keys_folder), None)
    stranger = keys.from_file(*make(AUDITOR).write(keys_folder, "stranger"), None)
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0)
    for name, days, verdicts in (
        ("bac", 30, {"NET_01": Verdict.FAIL}),
        ("bac", 2, {}),
        ("nam", 1, {}),
        ("nam", 0, {}),
    ):
        at = moment - dt.timedelta(days=days)
        subject = Subject(cloud=CLOUDS[name], operator=f"o <i>{name}</i>", kind="EGC", level=3)
        run = run_of(all_of(subject=subject, **verdicts), subject, started=at, finished=at, judged=at)
        reports.write(run, folder / f"{name}-{days}")
        signing.sign(folder / f"{name}-{days}", stranger if (name, days) == ("nam", 0) else signer)
    shutil.copytree(folder / "bac-2", folder / "forged")
    report = folder / "forged" / "report.html"
    report.write_text(report.read_text().replace("FAIL", "PASS") + " ")
    taken_back = folder / "nam-1" / "certificate.json"
    revoking.write(folder, signer, trust, TODAY, revoke=taken_back, reason="<b>lỗi</b>")
    return folder


@pytest.fixture(scope="module")
def built(runs: Path, trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "register"
    site.write(runs, trust, out, TODAY)
    return out


def test_the_register_says_who_holds_what(built: Path) -> None:
    """For programs as for people: places, certificates with their state, and what was left out with the reason."""
    data = json.loads((built / "register.json").read_text())
    assert [(it["place"], it["cloud"], it["level"]) for it in data["ranking"]] == [
        (1, CLOUDS["bac"], 3),
        (2, CLOUDS["nam"], None),
    ]
    assert [(it["cloud"], it["state"]) for it in data["certificates"]] == [
        (CLOUDS["bac"], "valid"),
        (CLOUDS["nam"], "revoked"),
    ]
    reasons = {it["folder"]: it["reason"] for it in data["left-out"]}
    assert set(reasons) == {"forged", "nam-0"}
    assert "was changed after it was signed" in reasons["forged"]
    assert "no trusted authority vouches" in reasons["nam-0"]


def test_what_is_published_can_be_verified(built: Path, trust: Trust) -> None:
    """The signed folders are there as they were, and so is the list of revocations."""
    published = list((built / "runs").iterdir())
    assert len(published) == 3
    for folder in published:
        signing.verify(folder, trust)
    assert (built / "revocations.json").is_file()


def test_every_link_leads_to_a_file_of_the_site(built: Path) -> None:
    """No page asks for anything from elsewhere, and nothing is linked that is not there."""
    pages = [*built.glob("*.html"), *built.glob("clouds/*.html")]
    assert len(pages) == 3
    for page in pages:
        text = page.read_text(encoding="utf-8")
        links = re.findall(r'(?:href|src)="([^"]*)"', text)
        assert links
        for link in links:
            assert link.startswith("#") or (page.parent / link).resolve().is_relative_to(built.resolve()), link
            assert link.startswith("#") or (page.parent / link).is_file(), link
            assert not link.startswith("#") or f'id="{link[1:]}"' in text, link
        assert not re.search(r"<script|url\(|@import|https?://", text)


def test_names_and_reasons_are_text(built: Path) -> None:
    """What clouds and auditors write cannot become part of a page."""
    for page in (built / "index.html", *built.glob("clouds/*.html")):
        text = page.read_text(encoding="utf-8")
        assert "<Bắc>" not in text
        assert "<i>" not in text
        assert "<b>lỗi</b>" not in text
    assert "&lt;b&gt;lỗi&lt;/b&gt;" in (built / "index.html").read_text(encoding="utf-8")


def test_the_charts_show_each_certificate_and_run(built: Path) -> None:
    """A bar a certificate in the timeline; in a cloud's history a bar a run, as high as each other."""
    index = (built / "index.html").read_text(encoding="utf-8")
    assert len(re.findall(r"<rect ", index)) == 2
    (bac,) = [page for page in built.glob("clouds/*.html") if "bac" in page.name]
    heights: dict[str, float] = {}
    for x, height in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="([\d.]+)"', bac.read_text()):
        heights[x] = heights.get(x, 0) + float(height)
    assert len(heights) == 2
    assert all(abs(height - 160) < 0.2 for height in heights.values())


def test_the_site_is_made_anew_or_not_at_all(runs: Path, trust: Trust, tmp_path: Path) -> None:
    """A register is replaced; any other folder is left alone, and a list of revocations that is forged stops it all."""
    out = tmp_path / "out"
    site.write(runs, trust, out, TODAY)
    (out / "stale").write_text("")
    site.write(runs, trust, out, TODAY)
    assert not (out / "stale").exists()

    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("")
    with pytest.raises(KitError, match="holds something else than a register"):
        site.write(runs, trust, other, TODAY)
    with pytest.raises(KitError, match="is inside"):
        site.write(runs, trust, runs / "site", TODAY)
    with pytest.raises(KitError, match="is not a folder"):
        site.write(tmp_path / "absent", trust, tmp_path / "new", TODAY)

    forged = tmp_path / "forged"
    shutil.copytree(runs, forged)
    listed = forged / "revocations.json"
    listed.write_text(listed.read_text().replace("lỗi", "không"))
    with pytest.raises(KitError, match="not what was signed"):
        site.write(forged, trust, tmp_path / "new", TODAY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["forged", "other", "out"]


def test_a_register_of_nothing_is_a_page_too(trust: Trust, tmp_path: Path) -> None:
    """Before the first audit."""
    (tmp_path / "runs").mkdir()
    made = site.write(tmp_path / "runs", trust, tmp_path / "out", TODAY)
    assert (made.runs, made.revocations) == ([], None)
    assert (tmp_path / "out" / "index.html").is_file()


def test_a_list_of_revocations_is_added_to_and_renewed(
    authority: Authority, trust: Trust, runs: Path, tmp_path: Path
) -> None:
    """Nothing that was taken back is ever given again; the same is not taken back twice."""
    folder = tmp_path / "runs"
    shutil.copytree(runs, folder)
    signer = keys.from_file(*authority.auditor.write(tmp_path), None)
    again = folder / "nam-1" / "certificate.json"
    with pytest.raises(KitError, match="was taken back already"):
        revoking.write(folder, signer, trust, TODAY, revoke=again, reason="r")
    renewed = revoking.write(folder, signer, trust, TODAY + dt.timedelta(days=3))
    assert (len(renewed.revoked), renewed.until) == (1, TODAY + dt.timedelta(days=33))
    more = revoking.write(folder, signer, trust, TODAY, revoke=folder / "bac-2" / "certificate.json", reason="r")
    assert len(more.revoked) == 2
    with pytest.raises(KitError, match="no trusted authority"):
        revoking.write(folder, signer, trust, TODAY, revoke=folder / "nam-0" / "certificate.json", reason="r")
