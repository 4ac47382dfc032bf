"""The network agent as one file that a host's python3 runs: the same bytes from the same sources."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INTERPRETER = b"#!/usr/bin/python3 -IS\n"
START = """import os

if "CNI_COMMAND" in os.environ:
    from playbooks.agent.plugin import main
else:
    from playbooks.agent.service import main

main()
"""
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def build() -> bytes:
    """Return the agent as a program: a zip archive that Python runs, as a service or, called so, as a CNI plugin."""
    sources = [PACKAGE / "__init__.py", *sorted((PACKAGE / "agent").glob("*.py"))]
    members = {str(path.relative_to(PACKAGE.parent)): path.read_bytes() for path in sources}
    content = io.BytesIO()
    content.write(INTERPRETER)
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in sorted({**members, "__main__.py": START.encode()}.items()):
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()
