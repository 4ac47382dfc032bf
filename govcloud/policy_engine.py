"""Where the engine of the rules is: the program that the toolchain built, unless the environment names another."""

from __future__ import annotations

import os

from policies.engine import PROGRAM
from toolchain import build


def provide() -> None:
    """Name the engine to this process. Raises KitError where it is not built."""
    if not os.environ.get(PROGRAM):
        os.environ[PROGRAM] = str(build.built("policy-judge"))
