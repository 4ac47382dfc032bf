"""The pytest plugin by which several processes share the checks of one run.

``govcloud audit run`` starts pytest several times at once, each with ``--lane K/N``: a lane makes only its own checks,
leaves out what the file of outcomes says is decided, and ends with the run that started it. Without a lane all checks
are made in the one process.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from conformance import lanes, outcomes
from conformance.plugin import describe

_TIDY_SECONDS = 20.0
"""What a lane that lost its run has to tidy up."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a lane."""
    group = parser.getgroup("one process of several of an audit")
    group.addoption("--lane", type=_lane, default=(0, 1), help="K/N: make the checks of lane K (from 0) of N alone")
    group.addoption("--usual", type=Path, help="results.json of an earlier run: how long each check lasts")
    group.addoption("--run-id", help="label value of what this process creates; whoever gives it tidies up the rest")


def _lane(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    return int(number), int(count)


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark, and see to it that no lane outlives its run."""
    config.addinivalue_line("markers", "serial(resource): checks of one resource never run at the same time")
    if config.getoption("--run-id"):
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_TIDY_SECONDS)
    os._exit(1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Write down which checks there are, those of other lanes too, and keep what is to be done here.

    Where a file of checks could not be read nothing is written: a plan with a gap would look whole.
    """
    path: Path | None = config.getoption("--outcomes")
    if session.testsfailed or path is None:
        return
    number, count = config.getoption("--lane")
    decided = outcomes.read(path).found
    usual = config.getoption("--usual")
    place = lanes.share(
        {describe(item).name: _group(item) for item in items}, outcomes.usual_seconds(usual) if usual else {}, count
    )
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        check = describe(item)
        plan = {"check": check.model_dump(mode="json"), "lane": place[check.name], "needs": _needs(item)}
        outcomes.append(path, "plan", plan)
        (kept if place[check.name] == number and check.name not in decided else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = kept


def _needs(item: pytest.Item) -> list[str]:
    """Name the fixtures that a check uses, directly or not, and the types of what they return."""
    fixtures = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    types = {defined[-1].func.__annotations__.get("return") for defined in fixtures.values()}
    return sorted({*fixtures, *(name for name in types if isinstance(name, str))})


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("serial")
    return lanes.group_of(mark.args[0] if mark else None, getattr(item, "fixturenames", ()), item.path.stem)
