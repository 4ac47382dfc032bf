"""What the platform team plans the country with: settings in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from core.paths import REPOSITORY
from modules import configuration
from modules.configuration import Settings
from modules.levels import Level
from modules.model import ShortName
from modules.planning.placement import Rules
from modules.quantities import Amounts, parse

DEFAULT: Final = REPOSITORY / "data" / "planning.yaml"


def _quantity(text: str) -> str:
    parse(text)
    return text


Quantity = Annotated[str, AfterValidator(_quantity)]


class Budget(Settings):
    """The most that a unit and all below it have together, as Kubernetes writes it."""

    cpu: Quantity
    """Cores."""
    memory: Quantity
    storage: Quantity
    pods: Annotated[int, Field(ge=0)]

    def amounts(self) -> Amounts:
        """Return it as whole numbers; what is less than a thousandth of a core or a byte is not granted."""
        return Amounts(int(parse(self.cpu) * 1000), int(parse(self.memory)), int(parse(self.storage)), self.pods)


class Planning(Settings):
    """All settings of a plan but the addresses."""

    systems: Mapping[str, Mapping[ShortName, Level]]
    """Names and levels of the systems that a unit without a file is planned with, by its kind."""
    budgets: Mapping[str, Budget] = {}
    """Budgets by kind of unit."""
    exceptions: Mapping[str, Budget] = {}
    """Budgets of single units, by their keys."""
    old_names_days: Annotated[int, Field(ge=0)] = 730
    """Days for which the names of a unit answer after it was merged, divided or renamed."""
    placement: Rules = Rules()


def load(path: Path = DEFAULT) -> Planning:
    """Read the settings. Raises KitError with every mistake."""
    return configuration.read(path, Planning)
