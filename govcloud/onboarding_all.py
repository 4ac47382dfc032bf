"""Onboarding a whole folder of agencies, several at a time: what is done stays done, what fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import KitError
from govcloud import onboarding
from govcloud.onboarding import Candidate, Office
from modules import agency_file, agency_folder
from modules.agency import Agency
from modules.onboarding import register
from toolchain.automation import Summary

Result = Literal["applied", "unchanged", "done before", "failed", "refused", "not tried"]
BAD: frozenset[Result] = frozenset({"failed", "refused", "not tried"})


@dataclass(frozen=True)
class Outcome:
    """What became of one agency."""

    unit: str
    """Its key, or the name of its file where that cannot be read."""
    stack: str
    file: str
    result: Result
    """``refused``: before anything was made; ``not tried``: the one above it was not applied."""
    why: str = ""
    changed: int = 0
    resources: int = 0
    seconds: float = 0


def applied(candidate: Candidate, done: Summary) -> Outcome:
    """Return the outcome of an apply that succeeded."""
    it = candidate.admitted
    result: Result = "applied" if done.changed else "unchanged"
    seconds = round(done.seconds, 1)
    return Outcome(it.key, it.planned.stack, str(it.file), result, "", done.changed, done.resources, seconds)


def read(folder: Path) -> tuple[list[tuple[Path, Agency]], list[Outcome]]:
    """Read the agency files of a folder; files that cannot be used are outcomes, and stop no other."""
    good: dict[str, tuple[Path, Agency]] = {}
    bad: list[Outcome] = []
    for file in agency_folder.files(folder):
        try:
            agency = agency_file.load(file)
        except KitError as error:
            bad.append(Outcome(file.name, "", str(file), "refused", error.message.replace(f"{file}:", "line ")))
            continue
        if (first := good.get(str(agency.key))) is not None:
            why = f"{agency.key} is the key of {first[0].name} too, which comes first"
            bad.append(Outcome(str(agency.key), agency.slug, str(file), "refused", why))
            continue
        good[str(agency.key)] = (file, agency)
    return list(good.values()), bad


def apply_all(
    office: Office,
    folder: Path,
    parallel: int,
    *,
    again: bool = False,
    on_begin: Callable[[int], None] = lambda _count: None,
    on_done: Callable[[Outcome], None] = lambda _outcome: None,
) -> list[Outcome]:
    """Apply every agency of a folder, each after the one above it, and return what became of each.

    What was applied before, and is still as its file says, is not applied again, unless ``again``. ``on_begin`` is told
    how many there are to do, ``on_done`` each outcome as it comes. Raises KitError where the folder or the records
    cannot be read.
    """
    given, outcomes = read(folder)
    candidates, refused = onboarding.examine(office, given)
    by_key = {str(agency.key): (file, agency) for file, agency in given}
    for key, error in refused.items():
        file, agency = by_key[key]
        outcomes.append(Outcome(key, agency.slug, str(file), "refused", error.message))
    todo: list[Candidate] = []
    for it in candidates:
        if it.is_done and not again:
            outcomes.append(_of(it, "done before"))
        else:
            todo.append(it)
    for outcome in outcomes:
        on_done(outcome)
    on_begin(len(todo))
    onboarding.reserve(office, todo)
    return [*outcomes, *_run(office, todo, parallel, on_done)]


def _run(office: Office, todo: Sequence[Candidate], parallel: int, on_done: Callable[[Outcome], None]) -> list[Outcome]:
    """Apply agencies in their order; one waits for the one above it, which began before and so ends without it."""
    futures: dict[str, Future[Outcome]] = {}
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        try:
            for it in todo:
                above = futures.get(it.admitted.planned.parent or "")
                futures[it.admitted.key] = pool.submit(_one, office, it, above, on_done)
            return [future.result() for future in futures.values()]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one(
    office: Office, candidate: Candidate, above: Future[Outcome] | None, on_done: Callable[[Outcome], None]
) -> Outcome:
    parent = candidate.admitted.planned.parent
    if above is not None:
        above.result()
    known = register.read(office.records, parent) if parent else None
    if parent and (known is None or known.applied is None):
        outcome = _of(candidate, "not tried", f"{parent} above it was not applied")
    else:
        try:
            outcome = applied(candidate, onboarding.apply(office, candidate, reserved=True))
        except KitError as error:
            outcome = _of(candidate, "failed", error.message)
    on_done(outcome)
    return outcome


def _of(candidate: Candidate, result: Result, why: str = "") -> Outcome:
    it = candidate.admitted
    resources = it.before.resources if it.before else 0
    return Outcome(it.key, it.planned.stack, str(it.file), result, why, resources=resources)


def counted(outcomes: Sequence[Outcome]) -> Mapping[Result, int]:
    """Return how many there are of each result."""
    results = [it.result for it in outcomes]
    return {result: results.count(result) for result in dict.fromkeys(results)}
