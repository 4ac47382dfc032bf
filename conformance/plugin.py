"""The pytest plugin of the audit: each check names its requirements, each outcome becomes a verdict.

An assertion that fails is a FAIL with its message as the finding; a skip is NOT_APPLICABLE; what the target file leaves
out is MANUAL; whatever else goes wrong is an ERROR: it could not be decided. Outcomes are written one by one, so that a
run that is cut short keeps what it has.
"""

from __future__ import annotations

import datetime as dt
import re
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance import catalogue, lanes, outcomes, target
from conformance.declared import NotDeclaredError
from conformance.probes import Family
from conformance.results import Check, Evidence, Result, Verdict
from core.errors import KitError

if TYPE_CHECKING:
    from types import FrameType

TARGET = pytest.StashKey[target.Target]()
_SECRET = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]+|(?i:bearer)\s+\S+|(?<=X-Amz-Signature=)\w+")
_TEXT_LIMIT = 500
_RING_AGAIN = 10.0


def requirement(*ids: str) -> pytest.MarkDecorator:
    """Mark a check with the requirements that it decides: ``@requirement("GVC-NET-01", "GVC-IP6-04")``."""
    return pytest.mark.requirement(*ids)


families = pytest.mark.parametrize("family", list(Family), ids=lambda family: family.lower())
"""Make a check in each address family: its argument ``family``."""


def serial(resource: str) -> pytest.MarkDecorator:
    """Mark checks that would disturb each other: those of one resource never run at the same time.

    Without it, the checks of one file keep together, and so do all that use the probe pods ('probes').
    """
    return pytest.mark.serial(resource)


class SlowCheckError(Exception):
    """A check took longer than it may."""


class EvidenceBook:
    """What a check did and saw, in order."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.entries: list[Evidence] = []

    def add(self, did: str, saw: object) -> None:
        """Note one action and what came back; credentials are cut out, long texts shortened."""
        at = round(time.monotonic() - self._began, 2)
        self.entries.append(Evidence(did=_clean(did), saw=_clean(str(saw)), at=at))


def _clean(text: str) -> str:
    text = _SECRET.sub("[removed]", text).encode(errors="replace").decode()  # a server may send half a character
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"


def verdict_of(when: str, error: BaseException | None) -> tuple[Verdict, str]:
    """Say what the end of one phase of a check (``setup``, ``call``, ``teardown``) means, and why."""
    if error is None:
        return Verdict.PASS, ""
    if isinstance(error, pytest.skip.Exception):
        return Verdict.NOT_APPLICABLE, _clean(str(error))
    if when == "call" and isinstance(error, AssertionError | pytest.fail.Exception):
        return Verdict.FAIL, _clean(_finding(error))
    if isinstance(error, KitError):
        verdict = Verdict.MANUAL if isinstance(error, NotDeclaredError) else Verdict.ERROR
        return verdict, _clean(error.message)
    if isinstance(error, SlowCheckError):
        return Verdict.ERROR, str(error)
    return Verdict.ERROR, _clean(f"{type(error).__name__}: {_finding(error)}")


def _finding(error: BaseException) -> str:
    """Return the message of an error without pytest's explanation of the expression under it."""
    lines = str(error).strip().splitlines() or ["no message"]
    kept = [lines[0]]
    for line in lines[1:]:
        if line.startswith(("assert ", " ", "+")):
            break
        kept.append(line)
    return " ".join(kept)


class Recorder:
    """Turns what pytest reports into results, and writes each as a line of JSON."""

    def __init__(self, path: Path | None, limit: float) -> None:
        self._path = path
        self._limit = limit
        self._book = EvidenceBook()
        self._verdict, self._reason = Verdict.PASS, ""

    @property
    def book(self) -> EvidenceBook:
        """The evidence of the check that is running."""
        return self._book

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Time a check, limit it, and write its result."""
        self._book, self._verdict, self._reason = EvidenceBook(), Verdict.PASS, ""
        began = time.monotonic()
        self._write("begun", describe(item).name)
        with _limited(self._limit):
            outcome = yield
        if self._verdict is Verdict.PASS and not self._book.entries:
            self._verdict, self._reason = Verdict.ERROR, "the check ended well and showed nothing, which proves nothing"
        self._write(
            "result",
            Result(
                **describe(item).model_dump(),
                verdict=self._verdict,
                reason=self._reason,
                evidence=tuple(self._book.entries),
                seconds=round(time.monotonic() - began, 2),
                decided=dt.datetime.now(dt.UTC).replace(microsecond=0),
            ).model_dump(mode="json"),
        )
        return outcome

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note the verdict of a phase; an error while tidying up spoils a pass, never hides a finding."""
        report = yield
        verdict, reason = verdict_of(call.when, call.excinfo.value if call.excinfo else None)
        if self._verdict is Verdict.PASS:
            self._verdict, self._reason = verdict, reason
        return report

    def _write(self, kind: str, value: object) -> None:
        if self._path:
            outcomes.append(self._path, kind, value)


def describe(item: pytest.Item) -> Check:
    """Name a check as reports show it: ``network.default_deny[ingress-ipv6]``."""
    module = item.path.stem.removeprefix("test_")
    function: Any = getattr(item, "function", None)
    title = " ".join((function.__doc__ or "").split("\n\n")[0].split())
    return Check(
        name=f"{module}.{item.name.removeprefix('test_')}",
        title=title.rstrip("."),
        requirements=_requirements(item),
    )


def _requirements(item: pytest.Item) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_ for mark in item.iter_markers("requirement") for id_ in mark.args))


@contextmanager
def _limited(seconds: float) -> Generator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise SlowCheckError(f"not decided within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    # It rings again: something on the way may take it for an error of its own, or hang while it tidies up.
    signal.setitimer(signal.ITIMER_REAL, seconds, _RING_AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the audit."""
    group = parser.getgroup("audit of a government cloud")
    group.addoption("--target", type=Path, help="target file: which cloud, with whose rights")
    group.addoption("--level", type=int, help="security level, instead of the target file's")
    group.addoption("--outcomes", type=Path, help="file to write outcomes to, one line of JSON each")
    group.addoption("--check-seconds", type=float, default=120, help="time limit of one check")


def pytest_configure(config: pytest.Config) -> None:
    """Read the target and set the recorder up."""
    config.addinivalue_line("markers", "requirement(*ids): the requirements of the catalogue that a check decides")
    if path := config.getoption("--target"):
        try:
            config.stash[TARGET] = target.load(path, level=config.getoption("--level"))
        except KitError as error:
            raise pytest.UsageError(str(error)) from error
    recorder = Recorder(config.getoption("--outcomes"), config.getoption("--check-seconds"))
    config.pluginmanager.register(recorder, "govcloud-recorder")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a check that serves no requirement; run what needs no pods first, while the pods start."""
    known = catalogue.load()
    for item in items:
        named = _requirements(item)
        if unknown := [id_ for id_ in named if id_ not in known]:
            raise pytest.UsageError(f"{item.nodeid} names {', '.join(unknown)}, which the catalogue does not have")
        if not named:
            raise pytest.UsageError(f"{item.nodeid} names no requirement of the catalogue")
    items.sort(key=lambda item: lanes.PROBES in getattr(item, "fixturenames", ()))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a check none of whose requirements this cloud must meet."""
    subject = item.config.stash.get(TARGET, None)
    if subject is None:
        return
    known = catalogue.load()
    if not any(known[id_].applies(subject.kind, subject.level) for id_ in _requirements(item)):
        pytest.skip(f"not asked of this cloud ({subject.kind}, level {subject.level})")


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> EvidenceBook:
    """Return the book that a check notes its evidence in."""
    recorder = request.config.pluginmanager.get_plugin("govcloud-recorder")
    assert isinstance(recorder, Recorder)  # noqa: S101  # registered above
    return recorder.book


@pytest.fixture(scope="session")
def audit_target(request: pytest.FixtureRequest) -> target.Target:
    """Return the cloud that is audited."""
    try:
        return request.config.stash[TARGET]
    except KeyError:
        raise KitError("no target was given, so nothing can be decided", "pytest conformance --target FILE") from None
