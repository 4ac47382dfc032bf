"""Network agent, log collector and alerter, each as one file that a host's python3 runs; same sources, same bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INTERPRETER = b"#!/usr/bin/python3 -IS\n"
AGENT = """import os

if "CNI_COMMAND" in os.environ:
    from playbooks.agent.plugin import main
else:
    from playbooks.agent.service import main

main()
"""
COLLECTOR = "from playbooks.collector.service import main\n\nmain()\n"
ALERTER = "from playbooks.alerter.service import main\n\nmain()\n"
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def build() -> bytes:
    """Return the agent as a program: a zip archive that Python runs, as a service or, called so, as a CNI plugin."""
    return _packed("agent", AGENT)


def collector() -> bytes:
    """Return the log collector as a program."""
    return _packed("collector", COLLECTOR)


def alerter() -> bytes:
    """Return the alerter as a program, with the agent's way to the API server."""
    return _packed("alerter", ALERTER, "agent/__init__.py", "agent/client.py")


def _packed(folder: str, start: str, *more: str) -> bytes:
    sources = [PACKAGE / "__init__.py", *sorted((PACKAGE / folder).glob("*.py")), *(PACKAGE / name for name in more)]
    members = {str(path.relative_to(PACKAGE.parent)): path.read_bytes() for path in sources}
    content = io.BytesIO()
    content.write(INTERPRETER)
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in sorted({**members, "__main__.py": start.encode()}.items()):
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()
