"""Kubernetes' quantities as whole numbers: the one place where they are read, added up and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from typing import Final

from modules.levels import Quota

_QUANTITY: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]{1,2})?")
_BINARY: Final = ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki")
_SCALE: Final[Mapping[str, Fraction]] = {
    "": Fraction(1),
    **{unit: Fraction(1024) ** (6 - power) for power, unit in enumerate(_BINARY)},
    **{unit: Fraction(1000) ** (power + 1) for power, unit in enumerate(("k", "M", "G", "T", "P", "E"))},
    **{unit: Fraction(1, 1000 ** (power + 1)) for power, unit in enumerate(("m", "u", "n"))},
}


@lru_cache(maxsize=4096)
def parse(text: str) -> Fraction:
    """Return the number that a quantity such as ``500m``, ``1.5`` or ``4Gi`` stands for. ValueError if it is none."""
    if not (match := _QUANTITY.fullmatch(text)):
        raise ValueError(f"{text!r} is not a quantity such as 500m, 2 or 4Gi")
    number, unit = match[1], match[2] or ""
    scale = _SCALE[unit] if unit in _SCALE else Fraction(10) ** int(unit[1:])
    return Fraction(number) * scale


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of each resource: whole numbers, so that sums are exact."""

    cpu: int = 0
    """Thousandths of a core."""
    memory: int = 0
    """Bytes."""
    storage: int = 0
    """Bytes."""
    pods: int = 0

    @staticmethod
    def of(quota: Quota) -> Amounts:
        """Return what a quota allows."""
        return _amounts(quota)

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.cpu + other.cpu,
            self.memory + other.memory,
            self.storage + other.storage,
            self.pods + other.pods,
        )

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.cpu - other.cpu,
            self.memory - other.memory,
            self.storage - other.storage,
            self.pods - other.pods,
        )

    def beyond(self, limit: Amounts) -> list[str]:
        """Say for each resource of which this is more than ``limit``: how much is wanted, and how much there is."""
        pairs = ((field.name, getattr(self, field.name), getattr(limit, field.name)) for field in fields(self))
        return [
            f"{name}: {write(name, wanted)} wanted, {write(name, left)} left"
            for name, wanted, left in pairs
            if wanted > left
        ]

    def texts(self) -> dict[str, str]:
        """Return it as Kubernetes writes it, by the name of the resource."""
        return {field.name: write(field.name, getattr(self, field.name)) for field in fields(self)}


@lru_cache(maxsize=4096)
def _amounts(quota: Quota) -> Amounts:
    cpu, memory, storage = parse(quota.cpu) * 1000, parse(quota.memory), parse(quota.storage)
    # the forms that a quota allows are whole thousandths and bytes
    return Amounts(int(cpu), int(memory), int(storage), quota.pods)


def write(resource: str, amount: int) -> str:
    """Write an amount of a resource as Kubernetes does, in the largest unit that needs no fraction."""
    if resource == "cpu":
        return f"{amount // 1000}" if amount % 1000 == 0 else f"{amount}m"
    if resource != "pods":
        for power, unit in enumerate(_BINARY):
            size = 1024 ** (6 - power)
            if amount and amount % size == 0:
                return f"{amount // size}{unit}"
    return str(amount)
