"""`govcloud agency status`: what is applied, when, and whether it is still as the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from core.console import print_json, stdout
from core.errors import KitError
from govcloud import agency_offboard, agency_stacks
from govcloud.address_commands import PrefixesOption, RecordsOption
from govcloud.agency_stacks import AgencyStacks
from govcloud.cluster_identity import cluster_id, namespaces
from govcloud.env_commands import records_folder
from modules import agency_file, labels
from modules.addresses import export, ledger_file, prefixes
from modules.onboarding import register as known
from modules.onboarding.drift import drift
from modules.onboarding.register import Entry
from modules.planning import records
from modules.reforms import heirs


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("status")(status)


def status(
    unit: Annotated[str, typer.Argument(help="Code, key or stack of an agency, or its file.", metavar="AGENCY")] = "",
    *,
    everybody: Annotated[bool, typer.Option("--all", help="A line for each agency that is known.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    folder: RecordsOption = None,
    plan: PrefixesOption = prefixes.DEFAULT,
) -> None:
    """Show what is applied, since when, where, and what the file says otherwise by now.

    For one agency also its addresses, its namespaces as the cluster has them, and the outputs of its stack.
    """
    at = folder or records_folder()
    if bool(unit) == everybody:
        raise KitError("which agency is not clear", "give its code or its file, or --all")
    if everybody:
        entries = list(known.every(at))
        if json:
            print_json({"agencies": [_facts(it) for it in entries]})
        else:
            _show_all(entries)
        return
    path = Path(unit)
    key = str(agency_file.load(path).key) if path.suffix == ".yaml" and path.is_file() else unit
    entry = known.find(at, key)
    told = {
        **_facts(entry),
        **agency_offboard.facts(at, entry.stack),
        **_there(entry, at),
        "addresses": _addresses(entry.key, at, plan),
        "outputs": _outputs(entry),
    }
    if json:
        print_json(told)
    else:
        _show_one(told)


def _facts(entry: Entry) -> dict[str, Any]:
    facts = entry.model_dump(mode="json", include=set(_RECORDED))
    return {**facts, "differs": drift(entry)}


_RECORDED = (
    "key",
    "stack",
    "kind",
    "parent",
    "file",
    "state",
    "why",
    "cluster",
    "kubeconfig",
    "applied",
    "seconds",
    "resources",
    "approved_by",
)


def _addresses(key: str, folder: Path, plan: Path) -> dict[str, Any]:
    ledger = ledger_file.read(records.ledger_of(folder), prefixes.load(plan))
    return export.of_unit(ledger.units[key]) if key in ledger.units else {}


def _there(entry: Entry, folder: Path) -> dict[str, Any]:
    """Compare the namespaces that were made with those that the cluster has."""
    agency = entry.agency()
    made = heirs.namespaces(folder, agency) if agency else []
    if not made:
        return {"namespaces": {}}
    kubeconfig = Path(entry.kubeconfig)
    try:
        if cluster_id(kubeconfig) != entry.cluster_id:
            return {"namespaces": dict.fromkeys(made, "not there: this is another cluster than it was applied on")}
        phases = namespaces(kubeconfig, f"{labels.AGENCY}={entry.stack}")
    except KitError as error:
        return {"namespaces": dict.fromkeys(made, f"not known: {error.message}")}
    return {"namespaces": {name: phases.get(name, "missing") for name in made}}


def _outputs(entry: Entry) -> dict[str, Any]:
    if entry.applied is None:
        return {}
    stacks = AgencyStacks(agency_stacks.environment(Path(entry.kubeconfig)), agency_stacks.PROJECT)
    return stacks.outputs(entry.stack) if stacks.exists(entry.stack) else {}


def _show_all(entries: list[Entry]) -> None:
    table = Table(
        "agency", "state", "applied", "cluster", "resources", "differs from its file", box=None, pad_edge=False
    )
    for it in entries:
        table.add_row(
            it.stack, it.state, _when(it.model_dump(mode="json")), it.cluster, str(it.resources), _differs(it)
        )
    stdout.print(table)
    for it in entries:
        if it.why:
            stdout.print(f"{it.stack}: {it.why}", markup=False, soft_wrap=True)


def _differs(entry: Entry) -> str:
    return escape(", ".join(drift(entry)) or "no")


def _when(facts: dict[str, Any]) -> str:
    return str(facts["applied"] or "never")[:19].replace("T", " ")


def _show_one(told: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "agency": f"{told['stack']} ({told['key']})",
        "state": told["state"] + (f": {told['why']}" if told["why"] else ""),
        "leave": told.get("leaving", ""),
        "applied": f"{_when(told)} UTC, in {told['seconds']} s" if told["applied"] else "never",
        "approved by": ", ".join(told["approved_by"]),
        "file": told["file"],
        "differs from it": ", ".join(told["differs"]) or "no",
        "cluster": f"{told['cluster']} ({told['kubeconfig']})",
        "resources": str(told["resources"]),
        "addresses": ", ".join([*told["addresses"].get("ipv6", ()), *told["addresses"].get("ipv4", ())]),
    }
    for name, text in rows.items():
        if text:
            table.add_row(name, escape(text))
    for name, phase in told["namespaces"].items():
        table.add_row("namespace", escape(f"{name}: {phase}"))
    for name, value in told["outputs"].items():
        table.add_row(f"output {name}", escape(str(value)))
    stdout.print(table)
