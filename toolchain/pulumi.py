"""The environment in which plain ``pulumi`` runs the stacks: engine, plugins, state, passphrase, cluster."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from core.errors import KitError
from core.files import write_atomic
from toolchain import build

ENGINE_CHOICE = "GOVCLOUD_PULUMI"
"""Set to ``system`` to use the Pulumi distribution on PATH with its own plugins; otherwise the kit's are used."""

_QUIET = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
    "PULUMI_DIY_BACKEND_IGNORE_DEPRECATION_WARNING": "true",
    "PULUMI_SUPPRESS_NEO_LINK": "true",
}
_CONFINED = {
    "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
}
_JUDGE = "GOVCLOUD_POLICY_JUDGE"
"""Where a policy pack finds the engine of its rules (`policies.engine`) without looking for it."""
_PARALLEL = "64"
"""How many resources are worked on at once: most of the time goes by waiting for the cluster, not for processors."""


def environment(state: Path, kubeconfig: Path | None, stored: Path | None = None) -> dict[str, str]:
    """Return the variables that ``pulumi`` needs beside those of this process; PATH is complete.

    ``state`` is the kit's state folder; in ``state/pulumi`` are the plugins, the passphrase that encrypts secrets
    (readable by this user alone) and the stacks' state, unless ``stored`` names another folder for the latter. Builds
    the engine if it is missing. Raises KitError when the distribution on PATH is asked for and there is none.
    """
    home = state / "pulumi"
    stored = stored or home / "stacks"
    for folder in (home, stored):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    variables = {
        "PULUMI_BACKEND_URL": f"file://{stored}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase(home / "passphrase")),
        **_QUIET,
    }
    if kubeconfig is not None:
        variables["KUBECONFIG"] = str(kubeconfig)
    match os.environ.get(ENGINE_CHOICE, ""):
        case "system":
            if shutil.which("pulumi") is None:
                raise KitError(
                    f"{ENGINE_CHOICE}=system, but there is no pulumi on PATH",
                    f"install the official Pulumi distribution, or unset {ENGINE_CHOICE} to use the kit's own",
                )
        case "":
            folder = home / "engine"
            variables |= {"PULUMI_HOME": str(folder), "PATH": _path_with(folder / "bin"), **_CONFINED}
            variables[_JUDGE] = str(folder / "bin" / "policy-judge")
            variables["PULUMI_PARALLEL"] = os.environ.get("PULUMI_PARALLEL", _PARALLEL)
            _install(folder)
        case other:
            raise KitError(f"{ENGINE_CHOICE}={other} is not understood", "set it to system, or unset it")
    return variables


def _passphrase(path: Path) -> Path:
    """Return the file with the passphrase, made once; whoever comes second takes the first one's."""
    if not path.exists():
        proposal = path.with_name(f".passphrase.{secrets.token_hex(8)}")
        write_atomic(proposal, secrets.token_urlsafe(32) + "\n", mode=0o600)
        with suppress(FileExistsError):
            path.hardlink_to(proposal)
        proposal.unlink()
    return path


def _path_with(folder: Path) -> str:
    rest = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry != str(folder)]
    return os.pathsep.join([str(folder), *rest])


def _install(folder: Path) -> None:
    """Put the engine and the plugins where the engine looks for installed ones; these give no warnings."""
    for name, program in build.ensure(["pulumi", "policy-judge"]).items():
        _link(folder / "bin" / name, program)
    for plugin, module, package in (
        ("language-python", "language_host", "pulumi"),
        ("resource-pulumi-python", "language_host.dynamic_provider", "pulumi"),
        ("resource-kubernetes", "kubernetes_provider", "pulumi-kubernetes"),
    ):
        launcher = folder / "plugins" / f"{plugin}-v{metadata.version(package)}" / f"pulumi-{plugin}"
        command = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -m toolchain.plugins.{module} "$@"\n'
        if not launcher.exists() or launcher.read_text(encoding="utf-8") != command:
            write_atomic(launcher, command, mode=0o755)


def _link(link: Path, program: Path) -> None:
    if not link.is_symlink() or link.readlink() != program:
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh = link.with_name(f".{link.name}.{secrets.token_hex(8)}")
        fresh.symlink_to(program)
        fresh.replace(link)
