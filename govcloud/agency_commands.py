"""`govcloud agency`: agency files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from core.console import print_json, say, stdout
from core.errors import KitError
from govcloud import agency_apply, agency_new, agency_offboard, agency_plan, agency_reform, agency_status
from modules import agency_file, agency_folder
from modules.agency import Agency, schema
from modules.mistakes import FileError, Mistake

app = typer.Typer(
    help="Agency files: write, check and apply them; plan for all of them, and reforms.", no_args_is_help=True
)


@app.callback()
def group() -> None:
    """Agency files: write, check and apply them; plan for all of them, and reforms."""


app.command("new")(agency_new.new)
agency_plan.register(app)
agency_reform.register(app)
agency_apply.register(app)
agency_status.register(app)
agency_offboard.register(app)


@app.command("schema")
def show_schema(
    *,
    reference: Annotated[bool, typer.Option("--reference", help="The reference of all fields, in Markdown.")] = False,
) -> None:
    """Print the JSON Schema of agency files, for editors, or the reference of all fields, for readers."""
    if reference:
        stdout.out(schema.reference(), highlight=False, end="")
    else:
        print_json(schema.schema())


@dataclass
class _Judged:
    """What was found in some files."""

    agencies: list[tuple[Path, Agency]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Number of files that cannot be used."""
        return len({mistake.file for mistake in self.mistakes})


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Agency files, or folders of them that form a tree.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check agency files and print the stack of each; every mistake is shown, and then the exit code is 1."""
    judged = _Judged()
    for file in files:
        _judge(file, judged)
    if json:
        print_json({"agencies": [_facts(*it) for it in judged.agencies], "mistakes": list(map(_told, judged.mistakes))})
    else:
        for mistake in judged.mistakes:
            say(str(mistake))
        if judged.agencies:
            _show(judged.agencies)
    if judged.wrong:
        total = judged.wrong + len({file for file, _ in judged.agencies})
        raise KitError(f"{judged.wrong} of {total} files cannot be used", "docs/agency.md explains every field")


def _judge(path: Path, judged: _Judged) -> None:
    if path.is_dir():
        try:
            agencies = agency_folder.load(path)
        except FileError as error:
            judged.mistakes += error.mistakes
            bad = {mistake.file for mistake in error.mistakes}
            agencies = [agency_file.load(file) for file in agency_folder.files(path) if file not in bad]
        good = (file for file in agency_folder.files(path) if file not in {it.file for it in judged.mistakes})
        judged.agencies += zip(good, agencies, strict=True)
        return
    try:
        judged.agencies.append((path, agency_file.load(path)))
    except FileError as error:
        judged.mistakes += error.mistakes
    except KitError as error:
        judged.mistakes.append(Mistake(path, 1, "file", error.message.removeprefix(f"{path}: "), error.hint))


def _facts(file: Path, agency: Agency) -> dict[str, Any]:
    return {"file": str(file), "stack": agency.slug, **agency.model_dump(mode="json", by_alias=True)}


def _told(mistake: Mistake) -> dict[str, Any]:
    return {**mistake.__dict__, "file": str(mistake.file)}


def _show(agencies: list[tuple[Path, Agency]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("stack", "code and date", "kind", "level"):
        table.add_column(column, no_wrap=True)
    for column in ("systems", "cluster", "name"):
        table.add_column(column, overflow="fold")
    for _, agency in agencies:
        systems = ", ".join(f"{system.name} ({system.level})" for system in agency.systems)
        cluster = escape(agency.placement.egc or agency.placement.cluster)
        name = escape(agency.name.vi)
        table.add_row(agency.slug, str(agency.key), agency.kind, str(agency.level), systems, cluster, name)
    stdout.print(table)
