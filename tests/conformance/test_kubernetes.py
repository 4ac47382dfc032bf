"""Results of conformance runs: whole ones are read, others are told apart; versions and what their makers support."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
import yaml

from conformance import kubernetes_results
from conformance.checks import test_kubernetes as checks
from conformance.kubernetes_results import FOCUS, LOG, PLACE, REPORT, SERVER, TAG, read
from conformance.kubernetes_versions import known, minor, supported
from conformance.plugin import EvidenceBook, verdict_of
from conformance.results import Result, Verdict
from conformance.run import FOLDER, audit
from core.errors import KitError
from tests.certificates import Certificate
from tests.conformance.servers import Server, as_json

TESTS = known()["1.36"].tests
PASSED = '    <testcase name={} status="passed" time="0.1"></testcase>'
FAILED = '    <testcase name={} status="failed" time="0.1"><failure type="failed">gone</failure></testcase>'
SKIPPED = '    <testcase name={} status="skipped" time="0"><skipped message="skipped"></skipped></testcase>'
WHOLE = {"FocusStrings": FOCUS, "SkipStrings": "", "LabelFilter": "", "DryRun": "false"}


def report(count: int = TESTS, failed: int = 0, **settings: str) -> bytes:
    """Return the report of a run, as Ginkgo writes it."""
    properties = "".join(f"<property name={quoteattr(k)} value={quoteattr(v)}/>" for k, v in (WHOLE | settings).items())
    names = [quoteattr(f"[It] [sig-node] Pods should hold number {number} {TAG}") for number in range(count)]
    cases = [(FAILED if number < failed else PASSED).format(name) for number, name in enumerate(names)]
    cases += [PASSED.format('"[SynchronizedBeforeSuite]"'), SKIPPED.format('"[It] something else"')]
    lines = "\n".join(cases)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites><testsuite name="Kubernetes e2e suite" '
        f'timestamp="2026-11-01T08:00:00"><properties>{properties}</properties>\n{lines}\n</testsuite></testsuites>'
    ).encode()


def log(count: int = TESTS, failed: int = 0) -> bytes:
    """Return the log of a run, as Ginkgo ends it."""
    end = f"{'FAIL' if failed else 'SUCCESS'}! -- {count - failed} Passed | {failed} Failed | 0 Pending | 6907 Skipped"
    return f"Will run {count} of 7348 specs\nSSS•\n\nRan {count} of 7348 Specs in 6989.963 seconds\n{end}\n".encode()


def server(version: str = "v1.36.3") -> bytes:
    return json.dumps({"major": "1", "minor": "36", "gitVersion": version}).encode()


def archive(path: Path, files: Mapping[str, bytes], member: Callable[[tarfile.TarInfo], Any] = lambda it: it) -> Path:
    """Write an archive as sonobuoy does, among files that nobody asked for."""
    with tarfile.open(path, "w:gz") as made:
        for name, content in {"meta/info.json": b"{}", **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            member(entry)
            made.addfile(entry, io.BytesIO(content))
    return path


def sonobuoy(folder: Path, count: int = TESTS, failed: int = 0, version: str = "v1.36.3", **settings: str) -> Path:
    """Write the archive of a run."""
    files = {PLACE + LOG: log(count, failed), PLACE + REPORT: report(count, failed, **settings)}
    return archive(folder / "results.tar.gz", files | ({SERVER: server(version)} if version else {}))


def test_a_whole_archive_is_read(tmp_path: Path) -> None:
    """Every conformance test of the version, nothing failed, nothing left out, and the server's version."""
    found = read(sonobuoy(tmp_path))
    assert (found.server, found.ran, len(found.passed), found.failed) == ("v1.36.3", TESTS, TESTS, frozenset())
    assert (found.unfinished, found.filtered, found.began) == ("", "", "2026-11-01T08:00:00")


def test_a_folder_of_hydrophone_is_read(tmp_path: Path) -> None:
    """Log and report lie in the folder; the version is the log's, where that has it."""
    (tmp_path / LOG).write_bytes(b"  I1101 kube-apiserver version: v1.36.1\n" + log())
    (tmp_path / REPORT).write_bytes(report())
    found = read(tmp_path)
    assert (found.server, found.ran, found.unfinished) == ("v1.36.1", TESTS, "")


@pytest.mark.parametrize("kept", [0.2, 0.9, 0.999])
def test_a_truncated_archive_is_refused(tmp_path: Path, kept: float) -> None:
    """Wherever it was cut, also behind the files that are read: its checksum does not fit."""
    path = sonobuoy(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(KitError, match=r"not a whole tar\.gz"):
        read(path)


def test_a_changed_octet_is_found(tmp_path: Path) -> None:
    """An archive that was damaged on its way is not read as another result."""
    path = sonobuoy(tmp_path)
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)
    with pytest.raises(KitError, match=r"not a whole tar\.gz"):
        read(path)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({PLACE + LOG: log()}, f"holds no {REPORT}"),
        ({}, f"holds no {LOG} and no {REPORT}"),
        ({PLACE + LOG: log(), PLACE + REPORT: report()[:-30]}, "is not a whole report"),
        ({PLACE + LOG: log(), PLACE + REPORT: b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"}, "is not a whole report"),
        ({f"../{LOG}": log(), f"/tmp/{REPORT}": report()}, f"holds no {LOG}"),
        ({PLACE + LOG: log(), LOG: log(), PLACE + REPORT: report()}, "twice"),
    ],
    ids=["no-report", "empty", "cut-report", "entities", "outside", "twice"],
)
def test_an_archive_of_something_else_is_refused(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    """What is missing or wrong is named; paths that lead elsewhere are not the files that are looked for."""
    with pytest.raises(KitError, match=said):
        read(archive(tmp_path / "x.tar.gz", files))


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither a link in an archive nor one in a folder makes the audit read a file of this machine."""

    def link(entry: tarfile.TarInfo) -> None:
        if entry.name.endswith(REPORT):
            entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0

    with pytest.raises(KitError, match=f"holds no {REPORT}"):
        read(archive(tmp_path / "x.tar.gz", {PLACE + LOG: log(), PLACE + REPORT: b""}, link))
    (tmp_path / "outside").write_bytes(report())
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / LOG).write_bytes(log())
    (folder / REPORT).symlink_to(tmp_path / "outside")
    with pytest.raises(KitError, match="leads out of the folder"):
        read(folder)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive that unpacks to a lot is left at the limit, and so is a single file that is too large."""
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb") as packed:
        packed.write(bytes(4 << 20))
    monkeypatch.setattr(kubernetes_results, "MOST", 1 << 20)
    with pytest.raises(KitError, match="unpacks to more than 1 MiB"):
        read(path)
    monkeypatch.setattr(kubernetes_results, "MOST", 1 << 30)
    monkeypatch.setattr(kubernetes_results, "LARGEST", dict.fromkeys((LOG, REPORT, SERVER), 1 << 10))
    with pytest.raises(KitError, match="is larger than"):
        read(sonobuoy(tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({PLACE + LOG: b"Will run 446 of 7348 specs\nSS"}, "has no end"),
        ({PLACE + REPORT: report(DryRun="true")}, "dry run"),
        ({PLACE + REPORT: report(count=20)}, f"the log speaks of {TESTS} tests, and the report holds 20"),
    ],
    ids=["cut-short", "dry-run", "report-of-another"],
)
def test_a_run_that_did_not_end_is_told(tmp_path: Path, change: dict[str, bytes], said: str) -> None:
    """A run that was stopped, or never made, is no result."""
    files = {PLACE + LOG: log(), PLACE + REPORT: report(), **change}
    assert said in read(archive(tmp_path / "x.tar.gz", files)).unfinished


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("FocusStrings", r"\[Conformance\].*Pods"),
        ("FocusStrings", ""),
        ("SkipStrings", "Disruptive"),
        ("LabelFilter", "!Slow"),
    ],
)
def test_a_filter_is_found(tmp_path: Path, setting: str, value: str) -> None:
    """Whatever limits the run to some of the tests is named with its value."""
    assert setting in read(sonobuoy(tmp_path, **{setting: value})).filtered


def test_versions_are_in_order_and_have_a_source() -> None:
    """Each version of the table follows the one before, is supported longer, and says where that is written."""
    numbers = [tuple(map(int, number.split("."))) for number in known()]
    assert numbers == [(1, numbers[0][1] + index) for index in range(len(numbers))]
    ends = [version.ends for version in known().values()]
    assert ends == sorted(ends)
    assert all(version.of for version in known().values())


@pytest.mark.parametrize(
    ("version", "on", "said"),
    [
        ("v1.36.3", "2027-06-28", "supported"),
        ("v1.36.3", "2027-06-29", "ended"),
        ("v1.36.0-vendor.1+abc", "2026-11-23", "supported"),
        ("v1.9.11", "2026-11-23", "ended"),
        ("v1.33.12", "2026-11-23", "ended"),
    ],
)
def test_support_ends(version: str, on: str, said: str) -> None:
    """The last day counts; what is older than the table has ended, whatever the digits look like."""
    assert supported(version, dt.date.fromisoformat(on))[0] is (said == "supported")


@pytest.mark.parametrize("version", ["v1.99.0", "v2.0.0", "unknown", ""])
def test_an_unknown_version_is_not_decided(version: str) -> None:
    """Of a version newer than the table, or of none, nothing is said."""
    with pytest.raises(KitError):
        supported(version, dt.date(2026, 11, 23))


def test_minor_of_a_version() -> None:
    assert [minor(it) for it in ("v1.36.3", "1.36", "v1.30.1-eks-1")] == ["1.36", "1.36", "1.30"]


def said_of(check: Callable[..., None], **given: Any) -> Verdict:
    """Make one check, and return what its end means."""
    book = EvidenceBook()
    try:
        check(evidence=book, **given)
    except (AssertionError, KitError) as error:
        return verdict_of("call", error)[0]
    assert book.entries
    return Verdict.PASS


@pytest.mark.parametrize(
    ("server_version", "run", "verdicts"),
    [
        ("v1.36.3", {}, "PASS PASS PASS PASS"),
        ("v1.31.2", {"version": "v1.31.2"}, "PASS PASS ERROR PASS"),
        ("v1.36.3", {"version": "v1.35.4"}, "PASS FAIL PASS PASS"),
        ("v1.36.3", {"version": ""}, "PASS PASS PASS PASS"),
        ("v1.36.3", {"version": "", "count": 441}, "PASS FAIL FAIL PASS"),
        ("v1.31.2", {"version": ""}, "PASS ERROR ERROR PASS"),
        ("v1.36.3", {"failed": 2}, "PASS PASS PASS FAIL"),
        ("v1.36.3", {"SkipStrings": "Disruptive"}, "PASS PASS FAIL PASS"),
        ("v1.36.3", {"count": 40}, "PASS PASS FAIL PASS"),
        ("v1.36.3", {"DryRun": "true"}, "FAIL PASS PASS PASS"),
    ],
    ids=["good", "old", "other", "by-number", "other-number", "unknown-number", "failed", "skipped", "few", "dry-run"],
)
def test_each_fault_of_a_run_fails_its_check(
    tmp_path: Path, server_version: str, run: dict[str, Any], verdicts: str
) -> None:
    """A run has to be whole, of this version, unfiltered and without failure; each fault fails the check of its own."""
    results = read(sonobuoy(tmp_path, **run))
    found = [
        said_of(checks.test_conformance_run_is_whole, results=results),
        said_of(checks.test_conformance_run_is_of_this_version, results=results, server_version=server_version),
        said_of(checks.test_conformance_run_is_unfiltered, results=results, server_version=server_version),
        said_of(checks.test_no_conformance_test_failed, results=results),
    ]
    assert " ".join(found) == verdicts


@pytest.mark.parametrize(("version", "verdict"), [("v1.36.3", "PASS"), ("v1.31.2", "FAIL"), ("v1.99.0", "ERROR")])
def test_old_versions_fail(version: str, verdict: str) -> None:
    """A version whose support ended is a finding, on the API server as on a node; one that is not known is an ERROR."""
    node = {"metadata": {"name": "node-1"}, "status": {"nodeInfo": {"kubeletVersion": version}}}

    class Reader:
        def must(self, _method: str, _path: str) -> dict[str, Any]:
            return {"items": [node]}

    assert said_of(checks.test_api_server_is_supported, server_version=version) == verdict
    assert said_of(checks.test_nodes_are_supported, reader=Reader()) == verdict


def test_the_target_says_where_the_results_are(
    make_target: Any, tmp_path: Path, serve: Callable[..., Server], certificate: Certificate
) -> None:
    """With results every check is decided; a target that hands none in leaves them to a person."""
    said = {"gitVersion": "v1.36.3", "status": {"userInfo": {"username": "u"}}}
    answers = serve(certificate.context(), as_json(200, said))
    target = make_target(tmp_path, f"https://127.0.0.1:{answers.port}", certificate.authority)
    bare = yaml.safe_load(target.read_text())
    sonobuoy(tmp_path)
    found: dict[str, list[Result]] = {}
    for name, sections in (("with", {"kubernetes_conformance": {"results": "results.tar.gz"}}), ("without", {})):
        target.write_text(yaml.safe_dump(bare | sections, allow_unicode=True))
        run = audit(target, tmp_path / name, checks=[FOLDER / "checks" / "test_kubernetes.py"])
        found[name] = [it for it in run.results if it.requirements == ("GVC-CAP-02",)]
    assert [it.verdict for it in found["with"]] == [Verdict.PASS] * 4
    assert [it.verdict for it in found["without"]] == [Verdict.MANUAL] * 4
    assert "declares no result of a Kubernetes conformance run" in found["without"][0].reason
