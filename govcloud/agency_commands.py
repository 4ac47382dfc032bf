"""`govcloud agency`: agency files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.console import say
from core.errors import KitError
from modules import agency_file

app = typer.Typer(help="Check agency files.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Check agency files."""


@app.command()
def validate(files: Annotated[list[Path], typer.Argument(help="Agency files.")]) -> None:
    """Check agency files and print the stack of each; every mistake is shown, and then the exit code is 1."""
    wrong = 0
    for file in files:
        try:
            agency = agency_file.load(file)
        except KitError as error:
            wrong += 1
            say(error.message)
        else:
            typer.echo(f"{agency.slug}\t{agency.key}\t{agency.name.vi}")
    if wrong:
        raise KitError(f"{wrong} of {len(files)} files cannot be used", "docs/agency.md explains every field")
