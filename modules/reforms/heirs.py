"""Who took over from whom, as later applies need it: a file for each new unit, and one for each that is no more."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from core.errors import KitError
from core.files import write_atomic
from modules import inheritance
from modules.agency import Agency
from modules.inheritance import Inheritance
from modules.model import Model
from modules.reforms.approvals import Approval

_INHERITED = TypeAdapter(tuple[Inheritance, ...])


class Ended(Model):
    """A unit that is no more."""

    slug: str
    heirs: tuple[str, ...]
    """Stacks of the units that have what it had."""
    on: dt.date
    plan: str
    """Digest of the plan."""


def folder_of(records: Path) -> Path:
    """Return the folder of all that reforms leave behind, beside the other records."""
    return records / "reforms"


def file_of(records: Path, slug: str) -> Path:
    """Return where the agency file of a unit of old is kept: the one in use may be taken away."""
    return folder_of(records) / "files" / f"{slug}.yaml"


def inherited(records: Path, slug: str) -> tuple[Inheritance, ...]:
    """Return what an agency took over. Raises KitError where the record is damaged."""
    file = _inherited(records, slug)
    try:
        return _INHERITED.validate_json(file.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        raise KitError(f"{file}: not a record that can be read", "restore its last good version") from error


def write_inherited(records: Path, slug: str, found: Sequence[Inheritance]) -> None:
    """Record what an agency took over."""
    write_atomic(_inherited(records, slug), _INHERITED.dump_json(tuple(found), by_alias=True, indent=1) + b"\n")


def namespaces(records: Path, agency: Agency) -> list[str]:
    """Return the namespaces of an agency's systems, those that it took over under their names of old."""
    taken = inheritance.load(inherited(records, agency.slug), agency)
    own = [agency.namespace(it, zone) for it in inheritance.own_systems(agency, taken) for zone in it.places]
    return sorted([*own, *(it.origin.namespace(it.system, zone) for it in taken for zone in it.system.places)])


def configuration(records: Path, slug: str) -> Mapping[str, str]:
    """Return the setting of an agency's stack that follows; nothing for one that took nothing over."""
    found = inherited(records, slug)
    return {"inherited": json.dumps(_INHERITED.dump_python(found, mode="json", by_alias=True))} if found else {}


def write_approved(records: Path, plan: str, people: Sequence[Approval]) -> None:
    """Record who approved a plan."""
    text = json.dumps([it.model_dump(mode="json") for it in people], indent=1, ensure_ascii=False)
    write_atomic(folder_of(records) / "approved" / f"{plan}.json", text + "\n", mode=0o600)


def end(records: Path, ended: Ended) -> None:
    """Record that a unit is no more."""
    write_atomic(_ended(records, ended.slug), ended.model_dump_json(indent=1) + "\n")


def refuse_predecessor(records: Path, slug: str) -> None:
    """Refuse to apply a unit that is no more. Raises KitError naming its heirs."""
    file = _ended(records, slug)
    if not file.exists():
        return
    ended = Ended.model_validate_json(file.read_bytes())
    raise KitError(
        f"{slug} went into {', '.join(ended.heirs)} on {ended.on}", "take its file out of the folder; apply its heirs"
    )


def _inherited(records: Path, slug: str) -> Path:
    return folder_of(records) / "inherited" / f"{slug}.json"


def _ended(records: Path, slug: str) -> Path:
    return folder_of(records) / "ended" / f"{slug}.json"
