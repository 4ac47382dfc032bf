"""The result of an upstream conformance run: a sonobuoy archive (tar.gz) or a folder of hydrophone's, read with care.

Nothing is unpacked: of an archive three files are read into memory, and no more of it than ``MOST`` bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from core.errors import KitError

LOG, REPORT, SERVER = "e2e.log", "junit_01.xml", "serverversion.json"
PLACE = "plugins/e2e/results/global/"
"""Where sonobuoy puts log and report in its archive; hydrophone puts them into a folder as they are."""
LARGEST: Mapping[str, int] = {LOG: 64 << 20, REPORT: 16 << 20, SERVER: 1 << 20}
"""Size of each file that is read at most, in bytes; a whole report has 3 MiB."""
MOST = 512 << 20
"""Most bytes that an archive may unpack to: it also holds the logs of the cluster's pods."""
TAG = "[Conformance]"
FOCUS = r"\[Conformance\]"
FILTERS = ("SkipStrings", "LabelFilter", "FocusFiles", "SkipFiles", "SemVerFilter")
"""Further filters of the test program; a whole run sets none of them."""
_RAN = re.compile(r"^Ran (\d+) of \d+ Specs in ", re.MULTILINE)
_SERVER = re.compile(r"kube-apiserver version: (v[\w.+-]+)")
_HINT = "ask the operator for the archive of 'sonobuoy retrieve', or the folder that hydrophone wrote"


@dataclass(frozen=True)
class Results:
    """What a run says of itself."""

    server: str
    """Version of the API server; '' where nothing says so."""
    began: str
    settings: Mapping[str, str]
    """Settings of the test program, as its report has them."""
    ran: int
    """Number of tests that the log says were run; -1 where it has no end."""
    passed: frozenset[str]
    """Names of the conformance tests that passed."""
    failed: frozenset[str]
    """Names of all tests and steps that failed."""

    @property
    def unfinished(self) -> str:
        """What shows that the run did not come to its end, or ''."""
        if self.ran < 0:
            return "the log has no end: the run was cut short"
        if self.settings.get("DryRun") != "false":
            return "it was a dry run, which runs no test"
        done = len(self.passed | {name for name in self.failed if TAG in name})
        if done < self.ran:
            return f"the log speaks of {self.ran} tests, and the report holds {done} conformance tests"
        return ""

    @property
    def filtered(self) -> str:
        """Which setting limited the run to some of the conformance tests, or ''."""
        if (focus := self.settings.get("FocusStrings", "")) != FOCUS:
            return f"FocusStrings is {focus[:200]!r}, not {FOCUS!r}"
        found = [f"{name} is {self.settings[name][:200]!r}" for name in FILTERS if self.settings.get(name)]
        return "; ".join(found)


def read(path: Path) -> Results:
    """Read the results of a run. Raises KitError where they cannot be read, are cut short or unsafe to read."""
    files = _folder(path) if path.is_dir() else _archive(path)
    if missing := [name for name in (LOG, REPORT) if name not in files]:
        raise KitError(f"{path}: holds no {' and no '.join(missing)}", _HINT)
    try:
        report = fromstring(files[REPORT], forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise KitError(f"{path}: {REPORT} is not a whole report in XML: {error}", _HINT) from error
    return parse(report, files[LOG].decode(errors="replace"), files.get(SERVER, b""))


def parse(report: Element, log: str, server: bytes = b"") -> Results:
    """Put together what report, log and the server's own words say."""
    names: dict[bool, set[str]] = {True: set(), False: set()}
    for case in report.iter("testcase"):
        name, status = case.get("name", ""), case.get("status", "")
        bad = case.find("failure") is not None or case.find("error") is not None
        if bad or status not in {"passed", "skipped", "pending"}:
            names[False].add(name)
        elif status == "passed" and TAG in name:
            names[True].add(name)
    suite = next(report.iter("testsuite"), Element("testsuite"))
    ran = _RAN.findall(log)
    return Results(
        server=_version(server) or next(iter(_SERVER.findall(log)), ""),
        began=suite.get("timestamp", ""),
        settings={it.get("name", ""): it.get("value", "") for it in suite.iter("property")},
        ran=int(ran[-1]) if ran else -1,
        passed=frozenset(names[True]),
        failed=frozenset(names[False]),
    )


def _version(server: bytes) -> str:
    try:
        content: Any = json.loads(server or b"{}")
    except ValueError:
        return ""
    return str(content.get("gitVersion", "")) if isinstance(content, dict) else ""


def _folder(path: Path) -> dict[str, bytes]:
    """Read the files of a folder; a link that leads out of it is refused."""
    found: dict[str, bytes] = {}
    for name in LARGEST:
        file = next((it for it in (path / name, path / PLACE / name) if it.is_file()), None)
        if file is None:
            continue
        if not file.resolve().is_relative_to(path.resolve()):
            raise KitError(f"{file}: is a link that leads out of the folder", _HINT)
        if file.stat().st_size > LARGEST[name]:
            raise KitError(f"{file}: is larger than {LARGEST[name] >> 20} MiB", _HINT)
        found[name] = file.read_bytes()
    return found


class _Counted(io.RawIOBase):
    """A stream that ends with an error once more than ``MOST`` bytes came out of it."""

    def __init__(self, source: gzip.GzipFile, refuse: Callable[[], KitError]) -> None:
        self._source, self._left, self._refuse = source, MOST, refuse

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise self._refuse()
        return data


def _archive(path: Path) -> dict[str, bytes]:
    """Read the files of a tar.gz to its end, so that a checksum that does not fit is found."""
    found: dict[str, bytes] = {}
    try:
        with gzip.open(path) as unpacked:
            stream = _Counted(
                unpacked, lambda: KitError(f"{path}: unpacks to more than {MOST >> 20} MiB, so it is not read", _HINT)
            )
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    name = member.name.removeprefix("./").removeprefix(PLACE)
                    if name not in LARGEST or not member.isfile():
                        continue
                    if member.size > LARGEST[name]:
                        raise KitError(f"{path}: {member.name} is larger than {LARGEST[name] >> 20} MiB", _HINT)
                    if name in found:
                        raise KitError(f"{path}: holds {name} twice", _HINT)
                    content = archive.extractfile(member)
                    found[name] = content.read() if content else b""
            while stream.read(1 << 20):
                pass
    except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
        raise KitError(f"{path}: is not a whole tar.gz archive: {error}", _HINT) from error
    return found
