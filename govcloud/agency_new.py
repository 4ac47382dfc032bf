"""`govcloud agency new`: an agency file from a template, from flags or from what a person answers."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from core.console import say
from core.errors import KitError
from core.files import write_atomic
from core.paths import REPOSITORY
from modules import agency_file
from modules.agency import Agency, Kind
from modules.agency.fields import described
from modules.agency.template import Answers, short_of, write
from modules.document import Field
from modules.units import era

SCHEMA = REPOSITORY / "data" / "agency.schema.json"


@dataclass(frozen=True)
class _Question:
    """One thing that has to be known, and where it stands in the file."""

    flag: str
    field: Field
    default: str = ""


def new(
    out: Annotated[Path | None, typer.Argument(help="File to write; else SHORT.yaml in this folder.")] = None,
    *,
    kind: Annotated[str, typer.Option(help=f"Kind of agency: {', '.join(get_args(Kind))}.")] = "",
    code: Annotated[str, typer.Option(help="Code of the unit.")] = "",
    effective: Annotated[str, typer.Option(help="Date from which the code is this unit's.")] = "",
    name_vi: Annotated[str, typer.Option(help="Full name in Vietnamese.")] = "",
    name_en: Annotated[str, typer.Option(help="Full name in English.")] = "",
    short: Annotated[str, typer.Option(help="Short name; else made from the Vietnamese one.")] = "",
    parent: Annotated[str, typer.Option(help="Code of the unit above.")] = "",
    parent_effective: Annotated[str, typer.Option(help="Its date; else the same as the agency's own.")] = "",
    owner: Annotated[str, typer.Option(help="E-mail address of who owns the systems.")] = "",
    operator: Annotated[str, typer.Option(help="E-mail address of who runs them; else the owner's.")] = "",
    security: Annotated[str, typer.Option(help="E-mail address for incidents; else the operator's.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write the file of a new agency: asks for what no flag gives, and takes a template for the kind of agency."""
    given = {
        "kind": kind,
        "code": code,
        "effective": effective,
        "name-vi": name_vi,
        "name-en": name_en,
        "short": short,
        "parent": parent,
        "parent-effective": parent_effective,
        "owner": owner,
        "operator": operator,
        "security": security,
    }
    answers = _answers(_Asked(given, asking=sys.stdin.isatty()))
    file = out or Path(f"{answers.short}.yaml")
    if file.exists() and not force:
        raise KitError(f"{file}: is there already, and was left as it is", "give another name, or --force")
    text = write(answers, os.path.relpath(SCHEMA, file.resolve().parent))
    agency = _check(text)
    write_atomic(file, text)
    say(f"{file}: written, for the stack {agency.slug}. Read it through, then: govcloud agency validate {file}")


class _Asked:
    """Answers from flags, or from the person where there is one."""

    def __init__(self, given: dict[str, str], *, asking: bool) -> None:
        self.given = given
        self.asking = asking

    def get(self, question: _Question) -> str:
        """Return a good answer. Raises KitError where a flag is wrong, or is missing and nobody can be asked."""
        flag = question.flag
        about = described(question.field)
        if answer := self.given[flag]:
            if wrong := agency_file.mistake_in(question.field, answer):
                raise KitError(f"--{flag}: {wrong}", about.description)
            return answer
        if not self.asking:
            if question.default:
                return question.default
            raise KitError(f"--{flag} is missing: {about.description}", f"for example: --{flag} {about.example!r}")
        while True:
            shown = f"{about.description}{f' ({about.allowed})' if about.allowed else ''}"
            answer = str(typer.prompt(shown, default=question.default or None, err=True))
            if not (wrong := agency_file.mistake_in(question.field, answer)):
                return answer
            say(wrong)


def _answers(asked: _Asked) -> Answers:
    kind: Any = asked.get(_Question("kind", ("kind",)))
    code = asked.get(_Question("code", ("code",)))
    newest = era.load(era.names()[0])
    effective = asked.get(_Question("effective", ("effective",), str(newest.effective)))
    vi = asked.get(_Question("name-vi", ("name", "vi")))
    en = asked.get(_Question("name-en", ("name", "en")))
    short = asked.get(_Question("short", ("short",), short_of(vi, kind)))
    above = parent_effective = ""
    rule = era.load(era.names()[0]).rules.get(kind)
    if asked.given["parent"] or kind == "district" or (rule and not rule.top):
        above = asked.get(_Question("parent", ("parent", "code")))
        parent_effective = asked.get(_Question("parent-effective", ("parent", "effective"), effective))
    owner = asked.get(_Question("owner", ("contacts", "owner", "email")))
    operator = asked.get(_Question("operator", ("contacts", "operator", "email"), owner))
    security = asked.get(_Question("security", ("contacts", "security", "email"), operator))
    return Answers(kind, code, effective, short, vi, en, owner, operator, security, above, parent_effective)


def _check(text: str) -> Agency:
    """Read the text as the file that it will be. Raises KitError with what the answers together make wrong."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "agency.yaml"
        trial.write_text(text, encoding="utf-8")
        try:
            return agency_file.load(trial)
        except agency_file.AgencyFileError as error:
            told = "\n".join(str(it).removeprefix(f"{trial}:{it.line}: ") for it in error.mistakes)
            raise KitError(told, "correct these answers; nothing was written") from None
