"""``govcloud audit sign|verify``: the auditor's signature over the folder of a run."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conformance.signing import folder as signing
from conformance.signing import keys
from core.console import print_json, say, stdout
from core.errors import KitError
from core.signatures import read_trust
from govcloud.audit_console import Folder, Trusted, TrustedSigner, undecided

if TYPE_CHECKING:
    from pyhanko.sign.signers import Signer

SECRET = "GOVCLOUD_SIGNING_SECRET"  # noqa: S105  # the name of the variable

Key = Annotated[Path | None, typer.Option(help="The auditor's key: PEM, or PKCS#12 (.p12, .pfx).")]
Certificates = Annotated[
    Path | None, typer.Option(help="Certificates in PEM: the auditor's, then its issuers'. In PKCS#12 they are inside.")
]
Module = Annotated[Path | None, typer.Option("--pkcs11", help="PKCS#11 library of the token that holds the key.")]
Token = Annotated[str, typer.Option("--token", help="Label of the token.")]
Label = Annotated[str, typer.Option("--key-label", help="Label of the key in the token.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sign")(sign)
    app.command("verify")(verify)


def sign(
    folder: Folder,
    key: Key = None,
    certificates: Certificates = None,
    module: Module = None,
    token: Token = "",
    key_label: Label = "",
) -> None:
    """Sign the folder of a run, with a key in a file or in a token.

    The passphrase or PIN is read from the variable GOVCLOUD_SIGNING_SECRET, or asked for.
    """
    with undecided(), opened(key, certificates, module, token, key_label) as signer:
        made = signing.sign(folder, signer)
        ends = signer.signing_cert.not_valid_after if signer.signing_cert else None
    if made is None:
        say("Signed. The run yields no certificate: govcloud audit report says why.")
        return
    say(f"Signed. The certificate for {made.cloud}, level {made.level}, holds from {made.start} to {made.until}.")
    if ends and ends.date() < made.until:
        say(f"Mind: the signing certificate ends on {ends:%Y-%m-%d}, and from then on the signature does not hold.")


def verify(
    folder: Folder,
    trust: Trusted,
    signer: TrustedSigner = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print what was verified as JSON.")] = False,
) -> None:
    """Verify the folder of a run, without any network: every byte of every file, the signer, and who vouches for it."""
    with undecided():
        held = signing.verify(folder, read_trust(trust, signer))
    shown = held.certificate
    today = dt.datetime.now(dt.UTC).date()
    worth = "none" if shown is None else "holds" if shown.start <= today <= shown.until else "does not hold today"
    if json:
        certificate = {**shown.model_dump(mode="json", by_alias=True), "digest": shown.digest} if shown else None
        print_json(
            {
                "signer": held.signature.subject,
                "until": held.signature.until.isoformat(),
                "files": held.files,
                "verdict": held.run.verdict,
                "certificate": certificate,
                "certificate-state": worth,
            }
        )
        return
    stdout.print(f"Whole and signed: {held.files} files, by {held.signature.subject}.", markup=False, soft_wrap=True)
    if shown:
        told = f"Certificate: {shown.cloud}, {shown.scope}, level {shown.level}, {shown.start} to {shown.until}"
        stdout.print(f"{told}: {worth}.", markup=False, soft_wrap=True)
    else:
        stdout.print(f"Verdict {held.run.verdict}: there is no certificate.")
    if not signer:
        say("Mind: any signer under these authorities was accepted; --signer NAME asks for one.")


@contextmanager
def opened(
    key: Path | None, certificates: Path | None, module: Path | None, token: str, label: str
) -> Iterator[Signer]:
    """Open the auditor's key. Raises KitError where the options do not name one."""
    if (key is None) == (module is None):
        raise KitError("give the key either by --key FILE or by --pkcs11 MODULE")
    if key:
        yield keys.from_file(key, certificates, _secret(f"Passphrase of {key} (none: press Enter)"))
        return
    if not (token and label and certificates and module):
        raise KitError("--pkcs11 needs --token, --key-label and --certificates as well")
    with keys.from_token(module, token, label, certificates, _secret(f"PIN of {token}")) as signer:
        yield signer


def _secret(prompt: str) -> str | None:
    if SECRET in os.environ:
        return os.environ[SECRET] or None
    if not sys.stdin.isatty():
        return None
    return typer.prompt(prompt, default="", hide_input=True, show_default=False, err=True) or None
