"""A plan of a reform, as values that a later apply takes up and a person can read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final, Literal, Self

from pydantic import model_validator

from modules.model import Model

Change = Literal["unchanged", "kept", "renamed", "merged", "divided", "merged-and-divided", "not-linked"]
Action = Literal[
    "hand over namespace",
    "hand over addresses",
    "hand over grant",
    "add roles",
    "add name",
    "set quota",
    "close stack",
    "retire roles",
    "retire name",
]
DELETING: Final[frozenset[str]] = frozenset({"close stack", "retire roles", "retire name"})
"""Actions after which something is gone. A stack is closed without its resources: those are the heirs' by then."""


class Step(Model):
    """One thing that an apply does."""

    action: Action
    on: dt.date
    """The first day on which it may be done."""
    unit: str
    """Key of the unit that had it; '' for what is new."""
    heir: str
    """Key of the unit that has it afterwards."""
    target: str
    """What it is done to: a namespace, a stack, a name, a group, a service."""
    bears_data: bool = False
    """Whether what it is done to holds data: a namespace with its volumes."""

    @model_validator(mode="after")
    def _keeps_data(self) -> Self:
        if self.bears_data and self.action in DELETING:
            raise ValueError(f"{self.action}: {self.target} bears data, and is never deleted by a reform")
        return self


class Handover(Model):
    """A namespace that gets another owner. It stays where it is, with its volumes, quota and addresses."""

    namespace: str
    system: str
    heir: str
    """Key of the unit that has it from now on."""


class Grant(Model):
    """The leave to use a service, which goes over with the system that uses it."""

    service: str
    system: str
    heir: str
    provider: str
    """Key of the unit that provided the service."""
    new_provider: str
    """Key of the unit that does from now on."""


class Succession(Model):
    """What becomes of one old unit."""

    unit: str
    """Its key."""
    name: str
    kind: str
    stack: str
    change: Change
    heirs: tuple[str, ...]
    """Keys of the new units that the file names; none for a unit without a link."""
    principal: str
    """Key of the unit that gets all that is not assigned: addresses, names, roles, systems."""
    why: str
    """Why that one."""
    namespaces: tuple[Handover, ...]
    grants: tuple[Grant, ...] = ()
    approvers: tuple[str, ...]
    """Keys of the units whose owners approve, besides the platform team."""

    def steps(self, stacks: Mapping[str, str], effective: dt.date, names_until: dt.date) -> Iterator[Step]:
        """Give what an apply does for this unit. ``stacks`` are the names of the new units' stacks, by key."""
        if self.principal == self.unit:
            return
        for it in self.namespaces:
            yield self._step("hand over namespace", effective, it.namespace, it.heir, bears_data=True)
        for grant in self.grants:
            yield self._step("hand over grant", effective, grant.service, grant.heir)
        yield self._step("hand over addresses", effective, self.unit, self.principal)
        for heir in sorted({self.principal, *(it.heir for it in self.namespaces)}):
            yield self._step("add roles", effective, f"govcloud:agc:{stacks[heir]}", heir)
            yield self._step("add name", effective, stacks[heir], heir)
        yield self._step("close stack", effective, self.stack, self.principal)
        yield self._step("retire roles", names_until, f"govcloud:agc:{self.stack}", self.principal)
        yield self._step("retire name", names_until, self.stack, self.principal)

    def _step(self, action: Action, on: dt.date, target: str, heir: str, *, bears_data: bool = False) -> Step:
        return Step(action=action, on=on, unit=self.unit, heir=heir, target=target, bears_data=bears_data)


class Foundation(Model):
    """What a new unit begins with."""

    unit: str
    """Its key."""
    name: str
    kind: str
    stack: str
    parent: str | None
    forebears: tuple[str, ...]
    """Keys of the old units that the file names; none for a unit without a link, which begins empty."""
    namespaces: int
    """How many it takes over."""
    budget: Mapping[str, str]
    """The budgets that it takes over, together."""


class ReformPlan(Model):
    """A whole reform."""

    effective: dt.date
    names_until: dt.date
    """The day from which the old names no longer answer."""
    successions: tuple[Succession, ...]
    """One for each old unit."""
    foundations: tuple[Foundation, ...]
    """One for each new unit."""
    doubts: tuple[str, ...]
    """Links that may be wrong, one line each: a person looks at them before the plan is applied."""

    @property
    def unlinked_old(self) -> list[Succession]:
        """Old units that the file does not name; a person decides about them."""
        return [it for it in self.successions if it.change == "not-linked"]

    @property
    def unlinked_new(self) -> list[Foundation]:
        """New units that the file does not name."""
        return [it for it in self.foundations if not it.forebears]

    def steps(self) -> Iterator[Step]:
        """Give what an apply does: first for the new units, then for each old one."""
        stacks = {it.unit: it.stack for it in self.foundations}
        for new in self.foundations:
            if new.budget:
                yield Step(action="set quota", on=self.effective, unit="", heir=new.unit, target=new.stack)
        for it in self.successions:
            yield from it.steps(stacks, self.effective, self.names_until)

    def only(self, changes: frozenset[Change]) -> ReformPlan:
        """Return the part of the plan that is about old units with these changes, and their heirs."""
        successions = tuple(it for it in self.successions if it.change in changes)
        heirs = {heir for it in successions for heir in (*it.heirs, it.principal)}
        foundations = tuple(it for it in self.foundations if it.unit in heirs)
        return self.model_copy(update={"successions": successions, "foundations": foundations})
