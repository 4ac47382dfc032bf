"""The command's entry: mounts the parts and turns errors into one line for the person."""

from __future__ import annotations

import importlib
import os
import sys

import typer
from click.exceptions import Abort, ClickException
from rich.traceback import install as show_tracebacks

from core.console import stderr
from core.errors import KitError, ProgramError

app = typer.Typer(
    name="govcloud",
    help="Provision, enforce and prove the clouds of a national government.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_GROUPS = {
    "toolchain": "govcloud.toolchain_commands",
    "testbed": "govcloud.testbed_commands",
    "hosts": "govcloud.playbooks_commands",
    "audit": "govcloud.audit_commands",
}
_COMMANDS = ("govcloud.up_commands", "govcloud.env_commands", "govcloud.doctor_commands")


def _mount(wanted: str | None) -> None:
    """Mount the group that is asked for, or all of them: an import of a part costs up to a second."""
    for name, module in _GROUPS.items():
        if wanted in (name, None):
            app.add_typer(importlib.import_module(module).app, name=name)
    if wanted not in _GROUPS:
        for module in _COMMANDS:
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
        code = app(args=arguments, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except KitError as error:
        if debug:
            raise
        stderr.print(f"govcloud: {error.message}", style="bold red", markup=False, soft_wrap=True)
        if error.hint:
            stderr.print(f"  → {error.hint}", markup=False, soft_wrap=True)
        if isinstance(error, ProgramError) and error.output:
            stderr.print("  (--debug shows all that the program said)", markup=False)
        sys.exit(1)
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, Abort):
        stderr.print("govcloud: interrupted; the same command again goes on from here", markup=False)
        sys.exit(130)


if __name__ == "__main__":
    main()
