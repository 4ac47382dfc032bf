"""How long it takes to load and plan the whole country, in both eras, and how much memory.

    .venv/bin/python benchmarks/agency_plan.py [FOLDER]

FOLDER holds the real lists of units (units-until-2025-06-30.csv, ...); without it, lists of the same shape are made
up. Every figure is the best of three processes that do one thing each, after what must be there before it: seconds of
one core, seconds on the clock (the same on a machine that does nothing else), and the most memory of the process.
Takes about two minutes.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter

from modules.addresses import diagram, ledger_file, prefixes
from modules.addresses.changes import Need, reserve
from modules.addresses.ledger import Ledger
from modules.planning import estates, national, settings, tree_map
from modules.planning.estates import Estate
from modules.reforms import links, planning
from modules.units import era, listing, sample
from modules.units.tree import Tree

OLD, NEW = "until-2025-06-30", "from-2025-07-01"
REPEAT = 3
DAY = dt.date(2026, 11, 22)
TARGETS = {"load": 5.0, "addresses": 2.0, "plan": 10.0, "reform": 60.0}
"""Seconds of one core; what is not listed has no target of its own."""


def main() -> None:
    """Measure each step of each era in processes of their own, and print one table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as made:
        source = folder or made_up(Path(made))
        steps = [(step, name) for name in (OLD, NEW) for step in STEPS]
        if folder:
            steps.append(("reform", OLD))
        print(
            f"{'step':12} {'era':18} {'core s':>7} {'wall s':>7} {'target':>7} {'of it':>6} {'MiB':>5}  beside loading"
        )
        loading: dict[str, float] = {}
        for step, name in steps:
            runs = [measured(step, name, source) for _ in range(REPEAT)]
            core, wall, memory = (min(run[figure] for run in runs) for figure in ("core", "wall", "memory"))
            loading.setdefault(name, core)
            target = TARGETS.get(step)
            beside = f"{target:7.0f} {core / target:6.2f}" if target else f"{'':14}"
            print(
                f"{step:12} {name:18} {core:7.2f} {wall:7.2f} {beside} {memory:5.0f}  {core / loading[name]:.1f} times",
                flush=True,
            )


def made_up(folder: Path) -> Path:
    """Write lists of the shape of the real ones."""
    for name in (OLD, NEW):
        (folder / f"units-{name}.csv").write_text(sample.listing(era.load(name)), encoding="utf-8")
    return folder


def measured(step: str, name: str, folder: Path) -> dict[str, float]:
    """Run one step in a process of its own."""
    words = [sys.executable, __file__, "--step", step, name, str(folder)]
    found: dict[str, float] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return found


def load(name: str, folder: Path) -> Tree:
    """Read the units of an era."""
    return listing.load(folder / f"units-{name}.csv", era.load(name))


def estates_of(name: str, folder: Path) -> list[Estate]:
    """Return what the units of an era bring."""
    return estates.assumed(load(name, folder), settings.load())


def plan(given: list[Estate]) -> national.NationalPlan:
    """Plan for units from nothing."""
    return national.plan(given, settings.load(), Ledger(prefixes.load()), DAY)


def addresses(name: str, folder: Path) -> Callable[[], object]:
    """Give all units addresses, write the ledger, read it again."""
    needs = [Need(it.key, it.unit.kind, it.zones) for it in estates_of(name, folder)]
    file = Path(tempfile.mkdtemp()) / "addresses.jsonl"

    def work() -> None:
        with ledger_file.changing(file, prefixes.load()) as ledger:
            reserve(ledger, needs, DAY)
        file.unlink()

    return work


def again(name: str, folder: Path) -> Callable[[], object]:
    """Read a ledger with all units, and find that nobody lacks anything."""
    needs = [Need(it.key, it.unit.kind, it.zones) for it in estates_of(name, folder)]
    file = Path(tempfile.mkdtemp()) / "addresses.jsonl"
    with ledger_file.changing(file, prefixes.load()) as ledger:
        reserve(ledger, needs, DAY)

    def work() -> None:
        with ledger_file.changing(file, prefixes.load()) as ledger:
            reserve(ledger, needs, DAY)

    return work


def reform(name: str, folder: Path) -> Callable[[], object]:
    """Replay the reform of 2025, from the lists to the last step of the plan."""

    def work() -> None:
        given, after = estates_of(name, folder), load(NEW, folder)
        before = Tree.of([it.unit for it in given], era.load(name))
        files = [folder / f"reform-2025-{kind}.csv" for kind in ("provinces", "communes")]
        found = [link for file in files for link in links.load(file, before, after)]
        made = planning.plan(given, after, found, era.load(NEW).effective, settings.load())
        sum(1 for _ in made.steps())

    return work


def with_plan(action: Callable[[national.NationalPlan], object]) -> Callable[[str, Path], Callable[[], object]]:
    """Return a step that does something with a plan which is there before."""

    def step(name: str, folder: Path) -> Callable[[], object]:
        made = plan(estates_of(name, folder))
        return lambda: action(made)

    return step


def draw_addresses(name: str, folder: Path) -> Callable[[], object]:
    """Draw the diagram of addresses."""
    ledger = Ledger(prefixes.load())
    reserve(ledger, [Need(it.key, it.unit.kind, it.zones) for it in estates_of(name, folder)], DAY)
    return lambda: diagram.draw(ledger)


STEPS: dict[str, Callable[[str, Path], Callable[[], object]]] = {
    "load": lambda name, folder: lambda: load(name, folder),
    "addresses": addresses,
    "again": again,
    "plan": lambda name, folder: lambda: plan(estates_of(name, folder)),
    "json": with_plan(TypeAdapter(national.NationalPlan).dump_json),
    "map": with_plan(tree_map.html),
    "diagram": draw_addresses,
}


def one_step(step: str, name: str, folder: Path) -> None:
    """Prepare and do one step, and print what it took."""
    work = (STEPS | {"reform": reform})[step](name, folder)
    core, wall = time.process_time(), time.perf_counter()
    work()
    figures = {"core": time.process_time() - core, "wall": time.perf_counter() - wall}
    print(json.dumps({**figures, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        one_step(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        main()
