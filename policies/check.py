"""Judging plain manifests in files, each finding with its file and line. What cannot be read does not stop the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.errors import KitError
from policies.engine import Document, engine
from policies.judge import Finding, finding_of, judge_stack, place
from policies.rules import Compiled, StackRule

STDIN: Final = "-"
_ENDINGS: Final = (".json", ".yaml", ".yml")
_LARGEST: Final = 100_000_000
"""Bytes of a file at most; one object may have 3 MiB, as at the API server."""
SEVERITIES: Final = ("low", "medium", "high", "critical")


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file, counted from 1."""

    file: str
    line: int


@dataclass
class Checked:
    """What was found in the files, in their order."""

    files: int = 0
    objects: int = 0
    findings: list[tuple[Place, Finding]] = field(default_factory=list)
    mistakes: list[tuple[Place, str]] = field(default_factory=list)
    """What could not be read or judged, and where."""

    @property
    def exit_code(self) -> int:
        """0 if all is well, 1 if something could not be read, else 10, 20, 30 or 40 by the worst severity found.

        Findings of advisory rules, and those that only a cluster can decide, are shown and do not count.
        """
        counted = [
            it.rule.severity for _, it in self.findings if it.rule.enforcement == "mandatory" and not it.undecided
        ]
        if counted:
            return 10 * (1 + max(SEVERITIES.index(severity) for severity in counted))
        return 1 if self.mistakes else 0


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


def check(rules: Sequence[Compiled | StackRule], files: Sequence[str], done: Callable[[], object]) -> Checked:
    """Judge the manifests of files; together they are a stack. ``done`` is called after each file."""
    checked = Checked()
    single = [rule for rule in rules if isinstance(rule, Compiled)]
    readable: list[str] = []
    custom: list[tuple[Place, str]] = []
    defined: set[str] = set()
    manifests: list[Document] = []
    places: dict[str, Place] = {}
    for documents in engine().judge_texts(single, _texts(files, readable, checked)):
        name = readable[checked.files]
        checked.files += 1
        for it in documents:
            where = Place(name, it.line)
            if it.wrong:
                checked.mistakes.append((where, it.wrong))
                continue
            checked.objects += 1
            checked.findings += [(where, finding_of(verdict, it.manifest)) for verdict in it.judged.verdicts]
            manifests.append(it)
            places.setdefault(place(it.manifest), where)
            if it.unknown_kind:
                custom.append((where, it.unknown_kind))
            defined.add(it.defines)
        done()
    checked.mistakes += [
        (where, f"Kubernetes has no kind {kind}, and no CustomResourceDefinition among these files defines it")
        for where, kind in custom
        if kind not in defined
    ]
    for rule in rules:
        if isinstance(rule, StackRule):
            found = judge_stack(rule, [it.manifest for it in manifests])
            checked.findings += [(places[finding.place], finding) for finding in found]
    order = {name: number for number, name in enumerate(files)}
    checked.findings.sort(key=lambda it: (order[it[0].file], it[0].line))
    checked.mistakes.sort(key=lambda it: (order[it[0].file], it[0].line))
    return checked


def _texts(files: Iterable[str], readable: list[str], checked: Checked) -> Iterator[str]:
    """Read files, noting which could be read; what is wrong with the others is a mistake at their first line."""
    for name in files:
        try:
            if name != STDIN and Path(name).stat().st_size > _LARGEST:
                checked.mistakes.append((Place(name, 1), f"is larger than {_LARGEST // 1_000_000} MB: split it"))
                continue
            raw = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
            text = raw.decode("utf-8-sig")
        except OSError as error:
            checked.mistakes.append((Place(name, 1), f"cannot be read: {error.strerror}"))
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            checked.mistakes.append((Place(name, line), "is no text in UTF-8"))
        else:
            readable.append(name)
            yield text
