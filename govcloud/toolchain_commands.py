"""`govcloud toolchain`: the upstream programs from source, and what is made of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from core.console import print_json, say, stdout
from core.files import write_atomic
from toolchain import archives, build, media

app = typer.Typer(help="Build the upstream programs from source, and list what is in them.", no_args_is_help=True)

_COLOURS = {"ready": "green", "missing": "yellow", "damaged": "red"}


@app.command("build")
def build_programs(
    names: Annotated[list[str] | None, typer.Argument(help="Programs or families; all when none is named.")] = None,
) -> None:
    """Build the programs that are missing, fetch those that come as archives, and print where each is."""
    fetched = [name for name in archives.load() if not names or name in names]
    built = [name for name in names or () if name not in fetched]
    paths = build.ensure(built) if built or not names else {}
    for name, path in {**paths, **{name: archives.ensure(name) for name in fetched}}.items():
        typer.echo(f"{name}\t{path}")


@app.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read every file anew, however unchanged it looks.")] = False,
) -> None:
    """Show every program with its version and state; exit code 1 when one is missing or damaged."""
    entries = [*build.status(thorough=verify), *archives.status(thorough=verify)]
    if as_json:
        print_json([asdict(entry) for entry in entries])
    else:
        table = Table("program", "version", "licence", "MB", "SHA-256", "state", box=None, pad_edge=False)
        for entry in entries:
            size = f"{entry.size / 1e6:.0f}" if entry.size else ""
            state = f"[{_COLOURS[entry.state]}]{entry.state}[/] {entry.detail}"
            table.add_row(entry.name, entry.version, entry.licence, size, entry.sha256[:12], state)
        stdout.print(table)
    if any(entry.state != "ready" for entry in entries):
        say("What is missing or damaged is built by: govcloud toolchain build")
        raise typer.Exit(1)


@app.command()
def sbom(
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the standard output.")] = None,
) -> None:
    """Write the bill of materials (CycloneDX 1.6 JSON) of the programs that were built."""
    from toolchain.sbom import document  # noqa: PLC0415  the library takes half a second to load

    text = document()
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(out, text)
        say(f"Wrote {out}")


@app.command("media")
def make_media() -> None:
    """Make the installation media (programs and images for bare hosts) and print their folder."""
    typer.echo(media.ensure())
