"""The page of documentation, made from the rules and their fixtures, and what a terminal shows of one rule."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import yaml

from policies.fixtures import Fixture, fixtures
from policies.rules import Compiled, MatchedKind, StackRule, Validation, about, shared

_AREAS: Final[Mapping[str, str]] = {
    "GOV": "Level, owner, inventory",
    "ISO": "Separation, limits and containment of failures",
    "WKL": "Pods and secrets",
    "IAM": "Identity and rights",
    "NET": "Network",
    "IP6": "IPv6 and dual stack",
    "SUP": "Images",
    "CRY": "Encryption",
    "DAT": "Data and where it is",
    "LOG": "Logs",
    "BKP": "Backups",
    "CHG": "Change",
}
"""By the middle of the first requirement of a rule, in the order of the page."""
_HEAD: Final = """\
# The rules

Made from `policies/rules` by `govcloud policies document`; a test keeps it so. A rule is one text that is judged twice:
at `pulumi preview` by the policy pack, and at the API server by an admission policy. A rule over several objects is
judged at preview and on a live cluster. What is refused at a level is refused at every level above it. *Mandatory*
rules refuse; *advisory* ones warn. `govcloud policies coverage` sets the rules against the requirements.

An example shows the way from what is refused (`-`) to what passes (`+`), from the tested fixtures beside each rule.
"""
_LONGEST: Final = 16
"""Lines of an example at most."""


def page(rules: Iterable[Compiled | StackRule], titles: Mapping[str, str]) -> str:
    """Return the page, in Markdown. ``titles`` are those of the requirements by id."""
    by_area: dict[str, list[Compiled | StackRule]] = {}
    for entry in rules:
        by_area.setdefault(about(entry).requirements[0][4:7], []).append(entry)
    known = [area for area in _AREAS if area in by_area]
    parts = [_HEAD, f"## Contents\n\n{_contents(by_area, known)}"]
    for area in known:
        parts.append(f"## {_AREAS[area]}\n")
        parts += ["\n".join(_section(entry, titles)) for entry in by_area[area]]
    return "\n".join(parts)


def explanation(entry: Compiled | StackRule) -> str:
    """Write what a rule asks for, for a person at a terminal."""
    rule = entry if isinstance(entry, StackRule) else entry.rule
    parts = [entry] if isinstance(entry, StackRule) else entry.rule.validations
    judged = [] if isinstance(entry, StackRule) else [f"{kind.kind} ({kind.api_version})" for kind in entry.rule.kinds]
    levels = f"level{'s' if len(rule.levels) > 1 else ''} {', '.join(str(level) for level in rule.levels)}"
    lines = [rule.title, f"{rule.id}: {rule.enforcement}, {rule.severity}, {levels}", "", rule.description, ""]
    lines += [f"Judges: {', '.join(judged) or 'all objects of a stack together'}", ""]
    for part in parts:
        lines += [f"[{', '.join(part.requirements)}]", f"  allowed: {part.allowed}", f"  to mend: {part.mend}"]
    lines += ["", "From:", *(f"  {it.document}, {it.place}" for it in rule.references)]
    return "\n".join(lines)


def _contents(by_area: Mapping[str, list[Compiled | StackRule]], known: Iterable[str]) -> str:
    lines = []
    for area in known:
        lines.append(f"- {_AREAS[area]}")
        lines += [f"  - [{about(entry).title}](#{about(entry).id})" for entry in by_area[area]]
    return "\n".join(lines) + "\n"


def _section(entry: Compiled | StackRule, titles: Mapping[str, str]) -> Iterator[str]:
    rule = about(entry)
    yield f'### <a id="{rule.id}"></a>{rule.title}\n'
    first = rule.levels[0]
    levels = "every level" if first == 1 else f"from level {first}" if first < 5 else "level 5"
    yield f"`{rule.id}` · {rule.enforcement} · {rule.severity} · {levels} · {', '.join(_judged(entry))}\n"
    yield f"{rule.description}\n"
    yield "| asked by | allowed | to mend |\n| --- | --- | --- |"
    checks: Iterable[Validation | StackRule] = [entry] if isinstance(entry, StackRule) else entry.rule.validations
    for check in checks:
        names = "<br>".join(f"{it} {titles[it]}" for it in check.requirements)
        yield f"| {names} | {_cell(check.allowed)} | {_cell(check.mend)} |"
    yield ""
    if example := _example(entry):
        yield f"```diff\n{example}\n```\n"
    yield f"Sources: {'; '.join(f'{it.document}, {it.place}' for it in rule.references)}.\n"


def _judged(entry: Compiled | StackRule) -> Iterator[str]:
    if isinstance(entry, StackRule):
        yield "all objects of a stack together"
        return
    if entry.rule.kinds == _workloads():
        yield "pods and all kinds that make them"
        return
    for kind in entry.rule.kinds:
        yield f"{kind.kind} (where the cluster has it)" if kind.custom else kind.kind


@cache
def _workloads() -> tuple[MatchedKind, ...]:
    return tuple(MatchedKind.model_validate(kind) for kind in shared("workloads")["kinds"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _example(entry: Compiled | StackRule) -> str:
    """Return the shortest way from a bad fixture to a good one, as the lines that change.

    Two of one name were made for each other and come first; after these, any two for an object of one kind and name.
    """
    found = list(fixtures(entry))
    ways = [
        (bad.name != good.name, len(way), way)
        for bad in found
        for good in found
        if not bad.good and good.good and _names(bad) == _names(good)
        if 0 < len(way := _way(_text(bad.objects), _text(good.objects))) <= _LONGEST
    ]
    return "\n".join(min(ways)[2]) if ways else ""


def _names(fixture: Fixture) -> list[tuple[str, str]]:
    return [(it["kind"], it["metadata"]["name"]) for it in fixture.objects]


def _text(objects: Iterable[dict[str, Any]]) -> list[str]:
    return "".join(yaml.safe_dump(it, sort_keys=False, allow_unicode=True, width=100) for it in objects).splitlines()


def _way(bad: list[str], good: list[str]) -> list[str]:
    """Return the lines that differ, each below the fields that it stands in."""
    marked = [line for line in difflib.ndiff(bad, good) if not line.startswith("?")]
    kept: set[int] = set()
    for number, line in enumerate(marked):
        if line[0] != " ":
            kept |= {number, *_parents(marked, number)}
    return [marked[number].rstrip() for number in sorted(kept)]


def _parents(marked: list[str], number: int) -> Iterator[int]:
    """Find the lines that the one with this number stands below and that both sides have."""
    depth = _depth(marked[number])
    for above in range(number - 1, -1, -1):
        if marked[above][0] in {" ", marked[number][0]} and _depth(marked[above]) < depth:
            depth = _depth(marked[above])
            yield above


def _depth(line: str) -> int:
    """Count the columns before the name of a field; a list's dash is before it too."""
    text = line[2:]
    return len(text) - len(text.lstrip(" -"))
