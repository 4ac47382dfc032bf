"""Switching faults on and off: what is on is written down first, so that it ends also after a process was killed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.errors import KitError
from testbed.faults.cloud import Cloud
from testbed.faults.fault import Fault
from testbed.faults.registry import FAULTS, fault
from testbed.state import State, locked
from testbed.topology import Topology


def heal(topology: Topology) -> list[str]:
    """End whatever is on in a testbed whose hosts are up, and return the names."""
    folder = State.of(topology.name).folder / "faults"
    return switch_all_off(Cloud.of(topology)) if any(folder.glob("*.json")) else []


def active(cloud: Cloud) -> list[str]:
    """Names of the faults that are on, whole or half way, as the testbed's state folder says."""
    return sorted(path.stem for path in (cloud.state.folder / "faults").glob("*.json"))


def switch_on(cloud: Cloud, names: Sequence[str]) -> None:
    """Switch faults on, and return when the cloud has them. Those that are on already are switched on once more."""
    chosen = [_at_hand(cloud, fault(name)) for name in names]
    with locked(cloud.topology.name):
        cloud.pending.clear()  # what an attempt that failed had left for later
        for at_hand in chosen:
            at_hand.record.begin()
            FAULTS[at_hand.fault].switch_on(at_hand)
        cloud.take_up()


def switch_off(cloud: Cloud, names: Sequence[str]) -> None:
    """Switch faults off, and return when the cloud is well again; each is tried, also after one that failed.

    Raises KitError with a line for each that could not be mended; its record is kept for another attempt.
    """
    left = [_at_hand(cloud, fault(name)) for name in reversed(names)]
    with locked(cloud.topology.name):
        cloud.pending.clear()
        for _ in range(2):  # what could not be mended is tried again when servers run as they should
            problems = {}
            for at_hand in left:
                try:
                    FAULTS[at_hand.fault].switch_off(at_hand)
                except KitError as error:
                    problems[at_hand.fault] = error.message
            cloud.take_up()
            for at_hand in left:
                if at_hand.fault not in problems:
                    at_hand.record.end()
            left = [at_hand for at_hand in left if at_hand.fault in problems]
    if problems:
        lines = [f"{name}: {reason}" for name, reason in problems.items()]
        raise KitError("\n".join(lines), "bring the testbed up again, which mends its hosts first")


def switch_all_off(cloud: Cloud) -> list[str]:
    """Switch off whatever is on, and return the names."""
    names = active(cloud)
    if unknown := [name for name in names if name not in FAULTS]:
        raise KitError(
            f"testbed {cloud.topology.name}: {', '.join(unknown)} is on, and this version knows no such fault",
            "switch it off with the version that switched it on, or take the testbed down",
        )
    switch_off(cloud, names)
    return names


def _at_hand(cloud: Cloud, one: Fault) -> Cloud:
    """Return the cloud with one fault at hand; what is left for later stays common to all."""
    return replace(cloud, fault=one.name)
