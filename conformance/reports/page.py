"""A run as one page that stands alone, in Vietnamese and English: no script, and nothing loaded from elsewhere."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup, escape

from conformance import catalogue
from conformance.declared import UNDECLARED
from conformance.reports import issuing
from conformance.results import WHOLE_CLOUD, WORST_FIRST, RequirementLine, Run, Verdict
from conformance.verdicts import BY_DOCUMENTS, IN_PART, IN_THE_WAY, counted
from modules.certificate import Certificate, Signed

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = ("vi", "en")
"""The first is the one that a page opens in."""
WAITING = ("undeclared", "in-part", "no-check", "documents")
"""Why a person decides a requirement: what can be mended by another run first."""


def render(run: Run, certificate: Signed[Certificate] | None) -> str:
    """Return the page of a run."""
    by_name = {result.name: result for result in run.results}
    asked = {name for line in run.requirements for name in line.checks}
    areas = catalogue.load().areas
    return (
        environment(TEMPLATES)
        .get_template("report.html.j2")
        .render(
            run=run,
            certificate=certificate.statement if certificate else None,
            why_not=why_not(run),
            waiting=waiting(run.requirements),
            areas=[(key, areas[key], lines) for key, lines in by_area(run.requirements).items()],
            by_name=by_name,
            unasked=[result for result in run.results if result.name not in asked],
            seconds=(run.finished - run.started).total_seconds(),
        )
    )


def by_area(lines: tuple[RequirementLine, ...]) -> dict[str, list[RequirementLine]]:
    """Group requirements by area, in the order in which they come."""
    grouped: dict[str, list[RequirementLine]] = {}
    for line in lines:
        grouped.setdefault(line.area, []).append(line)
    return grouped


def waiting(lines: tuple[RequirementLine, ...]) -> dict[str, dict[str, list[RequirementLine]]]:
    """Group what a person has to decide (MANUAL) by why a machine did not, and by the reason in the run's words."""
    found: dict[str, dict[str, list[RequirementLine]]] = {key: {} for key in WAITING}
    for line in lines:
        if line.verdict is Verdict.MANUAL:
            found[_why(line)].setdefault(line.reason, []).append(line)
    return {key: rows for key, rows in found.items() if rows}


def _why(line: RequirementLine) -> str:
    if line.reason.startswith(UNDECLARED):
        return "undeclared"
    if line.checks:
        return "in-part"
    return "documents" if line.reason.startswith(BY_DOCUMENTS) else "no-check"


def reason(line: RequirementLine) -> Markup:
    """Return why a requirement has its verdict: in each language where the words are the catalogue's, else as found."""
    known = catalogue.load()
    left = known.vietnamese[line.id].left if line.id in known.vietnamese else ""
    if left and line.reason == known.unchecked.get(line.id):
        return both(line.reason, left)
    if left and line.reason == f"{IN_PART}{known.partly.get(line.id)}":
        return both(line.reason, f"{_texts()['in-part']['vi']}{left}")
    return _as_said(line.reason)


def why_not(run: Run) -> list[Markup]:
    """Return why a run yields no certificate: counts of requirements in each language, anything else as it was said."""
    counts = {counted(run.requirements, verdict): verdict for verdict in IN_THE_WAY}
    told = []
    for words in issuing.why_not(run):
        if verdict := counts.get(words):
            ids = [line.id for line in run.requirements if line.verdict is verdict]
            values = {"number": len(ids), "of": len(run.requirements), "ids": ", ".join(ids)}
            told.append(
                both(words, _texts()["requirements-are"]["vi"].format(verdict=_texts()[verdict]["vi"], **values))
            )
        else:
            told.append(_as_said(words))
    return told


def _as_said(words: str) -> Markup:
    return Markup('<span lang="en" class="keep">{}</span>').format(words)


def tally(lines: list[RequirementLine]) -> list[tuple[Verdict, int]]:
    """Count requirements by verdict, the worst first, without those that are none."""
    found = Counter(line.verdict for line in lines)
    return [(verdict, found[verdict]) for verdict in WORST_FIRST if found[verdict]]


def environment(*folders: Path) -> jinja2.Environment:
    """Return what renders pages: everything that is put in is escaped, and every text is there in each language."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(t=text, both=both, reason=reason, scope=scope, tally=tally, verdicts=WORST_FIRST)
    made.filters["day"] = lambda value: f"{value:%d/%m/%Y}"
    made.filters["minute"] = lambda value: f"{value:%d/%m/%Y %H:%M} UTC"
    return made


def text(key: str, **values: Any) -> Markup:
    """Return a text of the pages in each language; a stylesheet shows the one that the reader picked."""
    found = _texts()[key]
    safe = {name: escape(value) for name, value in values.items()}
    return both(*(Markup(found[language]).format(**safe) for language in ("en", "vi")))  # noqa: S704  # our own texts


def scope(given: str) -> Markup:
    """Return the scope of an audit; the usual one in each language."""
    return text("whole-cloud") if given == WHOLE_CLOUD else escape(given)


def both(en: str, vi: str) -> Markup:
    """Return the same in English and Vietnamese, escaped."""
    parts = {"en": en, "vi": vi}
    return Markup("").join(Markup('<span lang="{}">{}</span>').format(code, parts[code]) for code in LANGUAGES)


@cache
def _texts() -> dict[str, dict[str, str]]:
    return dict(yaml.safe_load((TEMPLATES / "texts.yaml").read_text(encoding="utf-8")))
