"""One unit more under a budget: only the units above it are asked, however many others there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import KitError
from modules.model import Model
from modules.quantities import Amounts


class Share(Model):
    """What a unit and those below it have of their budget."""

    needs: Amounts = Amounts()
    """What its own systems need."""
    budget: Amounts | None = None
    """The most that it and all below it have together; without one, what they need."""
    below: Mapping[str, Amounts] = {}
    """What the units right below it ask for, by their keys."""

    @property
    def used(self) -> Amounts:
        """What its systems and the units below it have together."""
        return sum(self.below.values(), self.needs)

    @property
    def ask(self) -> Amounts:
        """What it asks of the unit above it."""
        return self.budget or self.used

    def with_below(self, unit: str, ask: Amounts) -> Share:
        """Return it with another figure for one of the units below."""
        return self.model_copy(update={"below": {**self.below, unit: ask}})

    def without(self, unit: str) -> Share:
        """Return it without one of the units below."""
        return self.model_copy(update={"below": {key: it for key, it in self.below.items() if key != unit}})


def charged(unit: str, share: Share, above: Sequence[tuple[str, Share]]) -> dict[str, Share]:
    """Return the shares of the units above, the nearest first in ``above``, as they are once ``unit`` has its own.

    Goes up to the nearest unit with a budget: what that one asks for stays the same. Raises KitError where a budget
    has no room.
    """
    if share.budget is not None and (beyond := share.used.beyond(share.budget)):
        raise KitError(
            f"{unit}: its systems and the units below it need more than its budget: {'; '.join(beyond)}",
            "lower a quota in the file, or raise the budget in the planning settings",
        )
    changed: dict[str, Share] = {}
    asking, ask = unit, share.ask
    for key, held in above:
        changed[key] = held.with_below(asking, ask)
        if held.budget is None:
            asking, ask = key, changed[key].ask
            continue
        left = held.budget - held.with_below(asking, Amounts()).used
        if beyond := ask.beyond(left):
            raise KitError(
                f"{asking}: asks for more than {key} above it has left: {'; '.join(beyond)}",
                "lower a quota in the file, or raise the budget in the planning settings",
            )
        break
    return changed
