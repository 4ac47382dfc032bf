"""The engine that judges: Kubernetes' own, in a program beside this process, asked over a pipe.

The program is policy-judge (toolchain/sources/policy-judge). Whoever starts the kit names it in GOVCLOUD_POLICY_JUDGE;
it is started once a process, when the first rule is loaded, and ends when this process does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Final

from core.errors import KitError
from policies.places import line_of
from policies.rules import Compiled
from policies.unknown import parted

PROGRAM: Final = "GOVCLOUD_POLICY_JUDGE"
_BATCH: Final = 200
"""Objects in one question: enough to keep all processors at work, few enough to hold in memory."""
_BUILD: Final = "build it with `govcloud toolchain build policy-judge`"


@dataclass(frozen=True)
class Verdict:
    """The answer of one validation of one rule that is not 'true'.

    One of the last three says why: what was ``found``, the ``error`` of the evaluation, or the names of the fields on
    whose ``unknown`` values the answer hangs.
    """

    rule: Compiled
    validation: int
    found: str = ""
    error: str = ""
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """The answer for one object. ``error`` says why it could not be read at all, as the API server would."""

    verdicts: tuple[Verdict, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Document:
    """One object of a text, judged; or what is ``wrong`` at a line where there should be one."""

    line: int
    manifest: Mapping[str, Any]
    judged: Judged
    wrong: str = ""
    unknown_kind: str = ""
    """KIND.GROUP of an object that Kubernetes itself does not have, nor a rule judges."""
    defines: str = ""
    """KIND.GROUP that a CustomResourceDefinition defines."""


class Engine:
    """A running program; several threads may ask it."""

    def __init__(self, program: Path) -> None:
        try:
            self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise KitError(f"{program}: the engine of the rules does not start: {error.strerror}", _BUILD) from error
        self._lock = Lock()
        self._numbers: dict[int, int] = {}
        self._loaded: list[Compiled] = []

    def load(self, rules: Iterable[Compiled]) -> None:
        """Compile rules that are not compiled yet.

        Raises KitError that names file, line and expression of everything that the API server would not accept.
        """
        with self._lock:
            fresh = [rule for rule in rules if id(rule) not in self._numbers]
            if not fresh:
                return
            answer = self._ask({"load": [_compiled_parts(rule) for rule in fresh]})
            if answer["mistakes"]:
                told = [_mistake(fresh[it["rule"]], it["where"], it["said"]) for it in answer["mistakes"]]
                raise KitError("; ".join(told), "correct the rule file")
            for number, rule in enumerate(fresh, answer["first"]):
                self._numbers[id(rule)] = number
                self._loaded.append(rule)

    def judge(self, rules: Sequence[Compiled], manifests: Iterable[Mapping[str, Any]]) -> Iterable[Judged]:
        """Judge objects, each by those of the rules that match its kind; the answers come in the objects' order."""
        self.load(rules)
        objects = iter(manifests)
        while batch := list(islice(objects, _BATCH)):
            parts = [parted(manifest) for manifest in batch]
            asked = self._asked(rules, {(str(it.get("apiVersion")), str(it.get("kind"))) for it in batch})
            question = {"rules": asked, "objects": [{"object": it, "unknown": unknown} for it, unknown in parts]}
            for answer in self._answer(question):
                yield self._judged(answer)

    def judge_texts(self, rules: Sequence[Compiled], texts: Iterable[str]) -> Iterable[list[Document]]:
        """Read and judge the objects of texts in YAML or JSON; the answers come in the texts' order."""
        self.load(rules)
        judged = {kind for rule in rules for kind in rule.kinds}
        asked, waiting = self._asked(rules, judged), iter(texts)
        kinds = {f"{kind}.{api.rpartition('/')[0]}" for api, kind in judged}
        questions = ({"rules": asked, "texts": batch} for batch in iter(lambda: list(islice(waiting, _BATCH)), []))
        for answers in self._answers(questions):
            for answer in answers:
                yield [self._document(it, kinds) for it in answer or ()]

    def _asked(self, rules: Iterable[Compiled], kinds: AbstractSet[tuple[str, str]]) -> list[dict[str, Any]]:
        """Name the rules that judge objects of some kinds, each with those of the kinds that it judges."""
        matched = ((self._numbers[id(rule)], rule.kinds & kinds) for rule in rules)
        return [{"number": number, "kinds": sorted(these)} for number, these in matched if these]

    def _document(self, told: Mapping[str, Any], kinds: set[str]) -> Document:
        unknown = told.get("unknownKind", "")
        return Document(
            line=told["line"],
            manifest=told.get("object", {}),
            judged=self._judged(told),
            wrong=told.get("wrong", "") or told.get("error", ""),
            unknown_kind="" if unknown in kinds else unknown,
            defines=told.get("defines", ""),
        )

    def _judged(self, told: Mapping[str, Any]) -> Judged:
        return Judged(tuple(self._verdict(it) for it in told.get("verdicts", ())), told.get("error", ""))

    def _answers(self, questions: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
        """Ask one question ahead, so that the program works while the answer before is read."""
        with ThreadPoolExecutor(1) as asker:
            before: Future[Any] | None = None
            for question in questions:
                asked = asker.submit(self._answer, question)
                if before:
                    yield before.result()
                before = asked
            if before:
                yield before.result()

    def _answer(self, question: Mapping[str, Any]) -> Any:
        with self._lock:
            return self._ask(question)

    def _verdict(self, told: Mapping[str, Any]) -> Verdict:
        rule = self._loaded[told["rule"]]
        unknown = tuple(told.get("unknown", ()))
        return Verdict(rule, told["validation"], told.get("found", ""), told.get("error", ""), unknown)

    def _ask(self, question: Mapping[str, Any]) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("the engine has no pipes")
        try:
            stdin.write(json.dumps(question, default=str).encode() + b"\n")
            stdin.flush()
            answer = stdout.readline()
        except BrokenPipeError:
            answer = b""
        if not answer:
            raise KitError(f"the engine of the rules ended with code {self._process.wait()}", _BUILD)
        return json.loads(answer)


@cache
def engine() -> Engine:
    """Return this process' engine, started by the first who asks. Raises KitError where the program is not built."""
    named = os.environ.get(PROGRAM)
    if not named:
        raise KitError(f"the engine of the rules is not there ({PROGRAM} is not set)", _BUILD)
    return Engine(Path(named))


def _compiled_parts(compiled: Compiled) -> dict[str, Any]:
    return compiled.rule.model_dump(include={"variables": True, "validations": {"__all__": {"expression", "found"}}})


def _mistake(compiled: Compiled, where: Sequence[str | int], said: str) -> str:
    """Say in one line what is wrong with an expression, and where."""
    part, number, field = where
    name, position = f"{part}[{number}].{field}", int(number)
    if part == "variables":  # a rule's own come last, after those that it shares with others
        name, position = f"variable {compiled.rule.variables[position].name}", position - len(compiled.rule.variables)
    reasons = re.findall(r"^ERROR: <input>:\d+:\d+: (.*)\n \| (.*)\n \| (\.*)\^", said, re.MULTILINE)
    shown = [f"{reason}, at `{text[len(dots) :][:40]}`" for reason, text, dots in reasons] or [" ".join(said.split())]
    return f"{compiled.file}:{line_of(compiled.file, (part, position, field))}: {name}: {', '.join(shown)}"
