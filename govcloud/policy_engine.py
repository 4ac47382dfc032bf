"""Where the engine of the rules is: the program that the toolchain built, unless the environment names another."""

from __future__ import annotations

import os

from policies.engine import PROGRAM


def provide() -> None:
    """Name the engine to this process. Raises KitError where it is not built."""
    if not os.environ.get(PROGRAM):
        from toolchain import build  # noqa: PLC0415 - takes as long as all else that a policy pack imports

        os.environ[PROGRAM] = str(build.built("policy-judge"))
