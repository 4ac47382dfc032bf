"""``govcloud audit register|revoke``: the public register of certificates."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from conformance.register import site
from conformance.signing import revoking
from core.console import print_json, say, stdout
from core.errors import KitError
from core.signatures import read_trust
from govcloud.audit_console import Trusted, undecided
from govcloud.audit_signing import Certificates, Key, Label, Module, Token, opened

Signer = Annotated[str, typer.Option("--signer", help="Common name of the auditor whose signature counts.")]
Runs = Annotated[Path, typer.Argument(help="Folder that holds the folders of signed runs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("register")(write)
    app.command("revoke")(revoke)


def write(
    folder: Runs,
    trust: Trusted,
    signer: Signer,
    out: Annotated[Path, typer.Option(help="Folder of the site.")] = Path("register"),
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the register as JSON.")] = False,
) -> None:
    """Make the register: a static site of all clouds and runs in a folder.

    A run whose signature does not hold is left out, and named with the reason.
    """
    with undecided():
        made = site.write(folder, read_trust(trust, signer), out, dt.datetime.now(dt.UTC).date())
    if json:
        print_json(site.as_data(made))
        return
    table = Table("place", "cloud", "scope", "level", "until", "PASS", box=None, pad_edge=False)
    for ranked in made.ranking:
        held = ranked.best.certificate if ranked.best else None
        table.add_row(
            str(ranked.place),
            escape(ranked.cloud.name),
            escape(ranked.cloud.scope),
            str(held.level) if held else "-",
            str(held.until) if held else "-",
            f"{ranked.passed} of {len(ranked.lines)}",
        )
    stdout.print(table)
    for item in made.left_out:
        say(f"Left out: {item.folder}: {item.reason}")
    if made.revocations is None:
        say("Mind: there is no list of revocations; govcloud audit revoke makes one, and provisioning asks for it.")
    stdout.print(f"Register: {out / 'index.html'}", soft_wrap=True, markup=False)


def revoke(
    folder: Runs,
    trust: Trusted,
    signer: Signer,
    certificate: Annotated[Path | None, typer.Option(help="Certificate to take back; without it, only renew.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is taken back.")] = "",
    key: Key = None,
    certificates: Certificates = None,
    module: Module = None,
    token: Token = "",
    key_label: Label = "",
) -> None:
    """Take a certificate back, or renew the list of those taken back: provisioning relies on it for 30 days."""
    with undecided():
        if bool(certificate) != bool(reason):
            raise KitError("a certificate is taken back with --certificate FILE and --reason TEXT")
        trusted = read_trust(trust, signer)
        with opened(key, certificates, module, token, key_label) as opened_key:
            today = dt.datetime.now(dt.UTC).date()
            made = revoking.write(folder, opened_key, trusted, today, revoke=certificate, reason=reason)
    say(f"{folder / revoking.FILE}: {len(made.revoked)} taken back; relied on until {made.until}.")
