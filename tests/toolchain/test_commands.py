"""The command `govcloud toolchain`."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from govcloud.toolchain_commands import app
from toolchain import archives
from toolchain.programs import load


def test_status_of_an_empty_cache(cache: Path) -> None:
    """Every program is listed as missing, nothing is made by looking, and the exit code says that work is left."""
    done = CliRunner().invoke(app, ["status", "--json"])
    entries = json.loads(done.stdout)
    programs = {name for family in load().values() for name in family.programs}
    assert {entry["name"] for entry in entries} == programs | archives.load().keys()
    assert {entry["state"] for entry in entries} == {"missing"}
    assert done.exit_code == 1
    assert not cache.exists()
