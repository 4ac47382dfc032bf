"""Approvals of a reform: who said yes to which plan. Each plan has a digest, so that no other one passes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from core.errors import KitError
from modules import configuration
from modules.agency.parts import Email
from modules.configuration import Settings
from modules.model import Date, Model, Title

PLATFORM: Final = "platform"
"""Stands for the platform team among those who approve."""


class Approval(Settings):
    """One person's yes."""

    by: Email
    """Address of the person."""
    name: Title
    date: Date
    unit: Annotated[str, Field(min_length=1)] = PLATFORM
    """Key of the unit that the person speaks for, or ``platform``."""


class Approvals(Settings):
    """A file of approvals."""

    plan: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    """Digest of the plan that was approved, in quotes."""
    approvals: tuple[Approval, ...] = ()


def digest(plan: Model) -> str:
    """Return what a plan is known by: twelve hexadecimal digits over all that it says."""
    return hashlib.sha256(plan.model_dump_json(by_alias=True).encode()).hexdigest()[:12]


def load(path: Path) -> Approvals:
    """Read a file of approvals. Raises KitError with every mistake."""
    return configuration.read(path, Approvals)


def check(given: Approvals | None, plan: str, units: Sequence[str], owners: Mapping[str, str]) -> tuple[Approval, ...]:
    """Return the approvals if each unit is spoken for, and the platform team.

    A unit is spoken for by its owner, where ``owners`` knows the owner's address by the unit's key. Raises KitError
    that names all that is missing.
    """
    if given is None:
        raise KitError(
            f"plan {plan} is not approved: wanted are {', '.join(units)}, and {PLATFORM}", template(plan, units)
        )
    missing: list[str] = []
    if given.plan != plan:
        missing.append(f"the file approves plan {given.plan}, and this is plan {plan}: what it does has changed since")
    for unit in (*units, PLATFORM):
        voices = {it.by.casefold() for it in given.approvals if it.unit == unit}
        owner = owners.get(unit, "")
        if not voices:
            missing.append(f"nobody approves for {unit}{f', whose owner is {owner}' if owner else ''}")
        elif owner and owner.casefold() not in voices:
            missing.append(f"{unit}: {', '.join(sorted(voices))} is not its owner {owner}")
    if missing:
        raise KitError("not approved: " + "; ".join(missing), "show them the plan, and write down who approves it")
    return given.approvals


def template(plan: str, units: Sequence[str]) -> str:
    """Return a file of approvals to be filled in."""
    lines = "".join(f'\n  - {{by: ADDRESS, name: NAME, date: YYYY-MM-DD, unit: "{it}"}}' for it in (*units, PLATFORM))
    return f'--approvals FILE, which holds\nplan: "{plan}"\napprovals:{lines}'
