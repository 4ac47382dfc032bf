"""The engine's protocol without the SDK around it: half of what a plugin's start costs.

The messages are generated modules in ``pulumi.runtime.proto``. Importing them the usual way loads the whole SDK, and
every run of the engine starts three plugins.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def alone() -> None:
    """Make ``pulumi.runtime.proto`` importable in this process without running the SDK's packages above it.

    For a plugin's program, before it imports a message. Nothing else of the SDK can be used afterwards.
    """
    spec = find_spec("pulumi")
    if spec is None or "pulumi" in sys.modules:
        return
    for folder in spec.submodule_search_locations or ():
        for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
            package = ModuleType(name)
            package.__path__ = [str(Path(folder, *name.split(".")[1:]))]
            sys.modules[name] = package
