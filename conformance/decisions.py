"""What people decide: waivers, and judgements of requirements by documents. Both are files of YAML.

Whoever approves a waiver is not whoever judges, so they are files apart.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from conformance.catalogue import Catalogue
from conformance.results import Evidence, Result, Verdict, Waiver
from core.errors import KitError
from core.files import sha256
from modules import configuration
from modules.model import Date, Model, Title

HINT = "docs/auditor.md shows such a file"
Reason = Annotated[str, Field(min_length=1, max_length=1000)]


class _Waived(Model):
    requirement: str
    reason: Reason
    approver: Title
    until: Date


class _WaiverFile(Model):
    waivers: tuple[_Waived, ...]


class Judgement(Model):
    """What a person says of one requirement, and the documents that it rests on."""

    requirement: str
    verdict: Literal["PASS", "FAIL", "NOT_APPLICABLE"]
    reason: Reason
    by: Title
    """Who judged."""
    date: Date
    """When: lifetimes are counted from here."""
    documents: tuple[Path, ...] = ()
    """Beside the file; their digests go into the report, they themselves do not. A PASS needs one."""


class _JudgementFile(Model):
    judgements: tuple[Judgement, ...]


def read_waivers(path: Path, catalogue: Catalogue) -> list[Waiver]:
    """Read waivers. Raises KitError with a line for each mistake."""
    given = configuration.read(path, _WaiverFile).waivers
    _refuse(path, _ids(catalogue, "waivers", [item.requirement for item in given]))
    return [Waiver(**item.model_dump()) for item in given]


def read_judgements(path: Path, catalogue: Catalogue, today: dt.date) -> list[Result]:
    """Read judgements as results, with the digests of their documents. Raises KitError with a line for each mistake."""
    given = configuration.read(path, _JudgementFile).judgements
    mistakes = list(_ids(catalogue, "judgements", [item.requirement for item in given]))
    for index, item in enumerate(given):
        place = f"judgements.{index}"
        if item.date > today:
            mistakes.append(f"{place}.date: {item.date} is still to come")
        if item.verdict == "PASS" and not item.documents:
            mistakes.append(f"{place}.documents: a PASS rests on a document, and none is named")
        mistakes += [
            f"{place}.documents: {path.parent / document} is not a file"
            for document in item.documents
            if not (path.parent / document).is_file()
        ]
    _refuse(path, mistakes)
    return [_result(path.parent, item, catalogue) for item in given]


def _result(folder: Path, judgement: Judgement, catalogue: Catalogue) -> Result:
    read = [
        Evidence(did=f"read {document}", saw=f"sha256:{sha256(folder / document)}", at=0)
        for document in judgement.documents
    ]
    return Result(
        name=f"judgement.{judgement.requirement}",
        title=f"{catalogue[judgement.requirement].title}: judged by documents",
        requirements=(judgement.requirement,),
        verdict=Verdict(judgement.verdict),
        reason=judgement.reason,
        evidence=(Evidence(did=f"judged on {judgement.date}", saw=f"by {judgement.by}", at=0), *read),
        decided=dt.datetime.combine(judgement.date, dt.time(), dt.UTC),
        by=judgement.by,
    )


def _ids(catalogue: Catalogue, field: str, ids: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with the requirements that a file names."""
    counted = Counter(ids)
    yield from (f"{field}: the catalogue has no requirement {id_!r}" for id_ in counted if id_ not in catalogue)
    yield from (f"{field}: {id_} is there {count} times" for id_, count in counted.items() if count > 1)


def _refuse(path: Path, mistakes: Iterable[str]) -> None:
    if lines := [f"{path}: {mistake}" for mistake in mistakes]:
        raise KitError("\n".join(lines), HINT)
