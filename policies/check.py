"""Judging plain manifests in files, each finding with its file and line. What cannot be read does not stop the rest."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.errors import KitError
from policies.engine import Document, engine
from policies.judge import Finding, Line, finding_of, judge_stack, place
from policies.judgement import Fault, Judgement, judgement
from policies.rules import Compiled, StackRule, about, at_level
from policies.waivers import Waiver

STDIN: Final = "-"
_ENDINGS: Final = (".json", ".yaml", ".yml")
_LARGEST: Final = 100_000_000
"""Bytes of a file at most; one object may have 3 MiB, as at the API server."""


def sources(paths: Iterable[str]) -> list[str]:
    """Return the files that are meant, those of folders by their endings. Raises KitError for one that is not there."""
    found: list[str] = []
    for given in paths:
        if given != STDIN and not Path(given).exists():
            raise KitError(f"{given}: there is no such file or folder", "give files, folders, or - for standard input")
        found += _within(given) if given != STDIN and Path(given).is_dir() else [given]
    return list(dict.fromkeys(found))


def _within(folder: str) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        folders.sort()
        yield from (str(Path(where, name)) for name in sorted(names) if name.lower().endswith(_ENDINGS))


def check(
    level: int, files: Sequence[str], waivers: Sequence[Waiver], today: dt.date, done: Callable[[], object]
) -> Judgement:
    """Judge the manifests of files by the rules of a level; together they are a stack.

    A waiver of a rule of this level has to free something in them. ``done`` is called after each file.
    """
    rules = at_level(level)
    findings: list[Finding] = []
    faults: list[Fault] = []
    readable: list[str] = []
    custom: list[tuple[Line, str]] = []
    defined: set[str] = set()
    manifests: list[Document] = []
    lines: dict[str, Line] = {}
    single = [rule for rule in rules if isinstance(rule, Compiled)]
    for number, documents in enumerate(engine().judge_texts(single, _texts(files, readable, faults))):
        for it in documents:
            at = Line(readable[number], it.line)
            if it.wrong:
                faults.append(Fault(it.wrong, at))
                continue
            findings += [replace(finding_of(verdict, it.manifest), at=at) for verdict in it.judged.verdicts]
            manifests.append(it)
            lines.setdefault(place(it.manifest), at)
            if it.unknown_kind:
                custom.append((at, it.unknown_kind))
            defined.add(it.defines)
        done()
    faults += [
        Fault(f"Kubernetes has no kind {kind}, and no CustomResourceDefinition among these files defines it", at)
        for at, kind in custom
        if kind not in defined
    ]
    for rule in rules:
        if isinstance(rule, StackRule):
            found = judge_stack(rule, [it.manifest for it in manifests])
            findings += [replace(finding, at=lines[finding.place]) for finding in found]
    order = {name: number for number, name in enumerate(files)}

    def standing(it: Finding | Fault) -> tuple[int, int]:
        return (order[it.at.file], it.at.number) if it.at else (len(order), 0)

    judged = {about(rule).id for rule in rules}
    facts = {"level": level, "rules": len(rules), "files": len(readable), "objects": len(manifests)}
    findings.sort(key=standing)
    faults.sort(key=standing)
    return judgement(findings, faults, facts, waivers, today, lambda waiver: waiver.rule in judged)


def _texts(files: Iterable[str], readable: list[str], faults: list[Fault]) -> Iterator[str]:
    """Read files, noting which could be read; what is wrong with the others is a fault at their first line."""
    for name in files:
        try:
            if name != STDIN and Path(name).stat().st_size > _LARGEST:
                faults.append(Fault(f"is larger than {_LARGEST // 1_000_000} MB: split it", Line(name, 1)))
                continue
            raw = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
            text = raw.decode("utf-8-sig")
        except OSError as error:
            faults.append(Fault(f"cannot be read: {error.strerror}", Line(name, 1)))
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            faults.append(Fault("is no text in UTF-8", Line(name, line)))
        else:
            readable.append(name)
            yield text
