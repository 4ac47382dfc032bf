"""`govcloud address`: who has which addresses."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core.console import print_json, say, stdout
from core.errors import KitError
from core.files import write_atomic
from govcloud.env_commands import records_folder
from modules.addresses import diagram, export, prefixes
from modules.addresses.ledger import Ledger
from modules.planning import records

app = typer.Typer(help="Show and export the addresses of the agencies.", no_args_is_help=True)

RecordsOption = Annotated[
    Path | None,
    typer.Option("--records", help="Folder of the records; else GOVCLOUD_RECORDS, else those of the local clouds."),
]
PrefixesOption = Annotated[Path, typer.Option("--addresses", help="The address plan: national prefixes and sizes.")]


class Format(StrEnum):
    """How addresses are exported."""

    YAML = "yaml"
    CSV = "csv"
    SVG = "svg"


@app.command()
def show(
    unit: Annotated[str, typer.Argument(help="Key of a unit (22.2025-07-01), or its code; none: a summary.")] = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    folder: RecordsOption = None,
    plan: PrefixesOption = prefixes.DEFAULT,
) -> None:
    """Show what one unit has, or how much of each national prefix is given out."""
    ledger = _ledger(folder, plan)
    if unit:
        key = _key(ledger, unit)
        found = {"unit": key, **export.of_unit(ledger.units[key])}
        if json:
            print_json(found)
        else:
            _show_unit(found)
        return
    summary = _summary(ledger)
    if json:
        print_json(summary)
        return
    table = Table("prefix", "units", "given out", "in quarantine", title="National prefixes", title_justify="left")
    for row in summary["prefixes"]:
        table.add_row(row["prefix"], f"{row['units']:,}", f"{row['given_out']:.2%}", f"{row['quarantine']:,}")
    stdout.print(table)
    for why, count in summary["without_ipv4"].items():
        stdout.print(f"{why} ({count:,})", markup=False, soft_wrap=True)


@app.command("export")
def export_all(
    form: Annotated[Format, typer.Option("--format", help="yaml, csv, or svg: a diagram.")] = Format.YAML,
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file, not to standard output.")] = None,
    folder: RecordsOption = None,
    plan: PrefixesOption = prefixes.DEFAULT,
) -> None:
    """Export all addresses: for other programs, or as a diagram to look at."""
    ledger = _ledger(folder, plan)
    writers = {Format.YAML: export.as_yaml, Format.CSV: export.as_csv, Format.SVG: diagram.draw}
    text = writers[form](ledger)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        write_atomic(out, text)
    except OSError as error:
        raise KitError(
            f"{out}: cannot be written: {error.strerror or error}", "name another file with --out"
        ) from error
    say(f"written: {out}")


def _ledger(folder: Path | None, plan: Path) -> Ledger:
    return records.read(folder or records_folder(), prefixes.load(plan)).ledger


def _key(ledger: Ledger, unit: str) -> str:
    """Return the key of a unit that is named by its key or its code."""
    if unit in ledger.units:
        return unit
    found = [key for key in ledger.units if key.partition(".")[0] == unit]
    if len(found) == 1:
        return found[0]
    if found:
        raise KitError(f"{unit} is the code of several units: {', '.join(sorted(found))}", "give one of these keys")
    raise KitError(f"{unit} has no addresses", "govcloud agency plan --write gives addresses to the units of a list")


def _summary(ledger: Ledger) -> dict[str, Any]:
    rows = []
    for family in (6, 4):
        for prefix in ledger.prefixes.of(family):
            inside = [(block, unit) for block, unit in ledger.blocks(family) if prefix.holds(block)]
            kept = [block for block, _ in inside if block in ledger.quarantined]
            rows.append(
                {
                    "prefix": str(prefix),
                    "units": len({unit for block, unit in inside if block not in ledger.quarantined}),
                    "given_out": sum(block.size for block, _ in inside) / prefix.size,
                    "quarantine": len(kept),
                }
            )
    whys = Counter(holding.why for holding in ledger.units.values() if holding.why)
    return {"units": len(ledger.units), "prefixes": rows, "without_ipv4": dict(whys.most_common())}


def _show_unit(found: dict[str, Any]) -> None:
    stdout.print(f"{found['unit']}: {', '.join([*found['ipv6'], *found['ipv4']])}", markup=False, soft_wrap=True)
    if "why" in found:
        stdout.print(found["why"], markup=False, soft_wrap=True)
    table = Table("namespace", "addresses", box=None, pad_edge=False)
    for zone, blocks in found["zones"].items():
        table.add_row(zone, ", ".join(blocks))
    stdout.print(table)
