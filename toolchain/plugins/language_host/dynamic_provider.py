"""The program that the engine starts as ``pulumi-resource-pulumi-python``, for providers written within a program.

The SDK serves them; this finds the program's own Python, for only that can read what the program wrote into its state.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from toolchain.plugins.language_host import environment, project
from toolchain.plugins.language_host.project import ProjectError

_OPTION = "PULUMI_RUNTIME_"


def main() -> None:
    """Become the SDK's program, in the Python of the project in the current folder."""
    here = Path.cwd()
    options = {
        name.removeprefix(_OPTION).lower(): value for name, value in os.environ.items() if name.startswith(_OPTION)
    }
    try:
        found = environment.find(project.read(project.above(here, "Pulumi.yaml") or here, here, options))
    except ProjectError as error:
        sys.exit(str(error))
    words = [str(found.python), "-u", "-m", "pulumi.dynamic", *sys.argv[1:]]
    os.execve(found.python, words, found.variables(os.environ))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
