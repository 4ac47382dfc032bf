"""Plugins load the engine's protocol and not the SDK around it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("plugin", ["kubernetes_provider", "language_host"])
def test_plugin_starts_without_the_sdk(plugin: str) -> None:
    """The program of a plugin has the protocol's messages and none of the SDK's own modules."""
    look = (
        f"import sys, toolchain.plugins.{plugin}.__main__; "
        "print(*(m for m in sys.modules if m.startswith('pulumi') and not m.startswith('pulumi.runtime.proto')))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["pulumi", "pulumi.runtime"]
