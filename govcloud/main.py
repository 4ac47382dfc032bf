"""The command's entry: mounts the parts and turns errors into one line for the person."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated

import typer
from rich.traceback import install as show_tracebacks

from core.console import stderr
from core.errors import KitError, ProgramError

INTERRUPTED = 130
"""Exit code of a command that a person ended (128 + SIGINT)."""

app = typer.Typer(
    name="govcloud",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_GROUPS = {
    "toolchain": "govcloud.toolchain_commands",
    "testbed": "govcloud.testbed_commands",
    "hosts": "govcloud.playbooks_commands",
    "audit": "govcloud.audit_commands",
    "agency": "govcloud.agency_commands",
    "address": "govcloud.address_commands",
    "policies": "govcloud.policies_commands",
}
_COMMANDS = {
    "up": "govcloud.up_commands",
    "down": "govcloud.up_commands",
    "env": "govcloud.env_commands",
    "doctor": "govcloud.doctor_commands",
}


@app.callback()
def _program(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and all that programs said.")] = False,
) -> None:
    """Provision, enforce and prove the clouds of a national government."""


def _mount(wanted: str | None) -> None:
    """Mount what is asked for, or everything for the help: an import of a part costs up to a second."""
    everything = wanted not in {**_GROUPS, **_COMMANDS}
    for name, module in _GROUPS.items():
        if everything or wanted == name:
            app.add_typer(importlib.import_module(module).app, name=name)
    for name, module in _COMMANDS.items():
        if everything or wanted == name:
            importlib.import_module(module).register(app)


def main() -> None:
    """Run the command; exit code 0 is success, 1 a mistake that was explained, 2 wrong usage, 130 an interrupt."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments or bool(os.environ.get("GOVCLOUD_DEBUG"))
    arguments = [a for a in arguments if a != "--debug"]
    words = [a for a in arguments if not a.startswith("-")]
    if debug:
        show_tracebacks(console=stderr)
    try:
        _mount(words[0] if words else None)
        app(args=arguments, prog_name="govcloud")
    except KitError as error:
        if debug:
            raise
        stderr.print(f"govcloud: {error.message}", style="bold red", markup=False, soft_wrap=True)
        if error.hint:
            stderr.print(f"  → {error.hint}", markup=False, soft_wrap=True)
        if isinstance(error, ProgramError) and error.output:
            stderr.print("  (--debug shows all that the program said)", markup=False)
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as end:
        code = end.code if isinstance(end, SystemExit) else INTERRUPTED
        if code == INTERRUPTED:
            stderr.print(
                "govcloud: interrupted; the same command again goes on from here, unless another one was named",
                markup=False,
            )
        sys.exit(code)


if __name__ == "__main__":
    main()
