"""The ledger's state for people and other programs: YAML and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import yaml

from modules.addresses.blocks import Block
from modules.addresses.ledger import Holding, Ledger

COLUMNS = ("unit", "namespace", "family", "prefix", "state", "until")


def of_unit(holding: Holding) -> dict[str, Any]:
    """Return what one unit has, as plain values."""
    said: dict[str, Any] = {"ipv6": _texts(holding.of(6)), "ipv4": _texts(holding.of(4))}
    if holding.why:
        said["why"] = holding.why
    return {**said, "zones": {zone: _texts(blocks) for zone, blocks in sorted(holding.zones.items())}}


def as_yaml(ledger: Ledger) -> str:
    """Return who has which addresses, and what is in quarantine."""
    units = {unit: of_unit(holding) for unit, holding in sorted(ledger.units.items())}
    quarantined = [
        {"prefix": str(block), "until": kept.until, "unit": kept.unit, **({"zone": kept.zone} if kept.zone else {})}
        for block, kept in _quarantined(ledger)
    ]
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the one in C is faster, where it was built
    return yaml.dump({"units": units, "quarantine": quarantined}, Dumper=dumper, sort_keys=False, allow_unicode=True)


def as_csv(ledger: Ledger) -> str:
    """Return one line for each block and each part of one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for unit, holding in sorted(ledger.units.items()):
        parts = [("", holding.blocks), *sorted(holding.zones.items())]
        writer.writerows((unit, zone, it.family, it, "allocated", "") for zone, blocks in parts for it in blocks)
    writer.writerows(
        (kept.unit, kept.zone, block.family, block, "quarantine", kept.until) for block, kept in _quarantined(ledger)
    )
    return text.getvalue()


def _quarantined(ledger: Ledger) -> Iterator[tuple[Block, Any]]:
    yield from sorted([*ledger.quarantined.items(), *ledger.quarantined_zones.items()])


def _texts(blocks: Iterator[Block] | list[Block] | tuple[Block, ...]) -> list[str]:
    return [str(block) for block in blocks]
