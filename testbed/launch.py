"""Started by ``boot``: takes its place, writes down who it is, and becomes the host's supervisor.

Runs alone, with the standard library only: ``python -I launch.py PARENT RECORD LOG JOIN... -- PROGRAM ARGUMENT...``.
The record is written before the program starts and stays true, because a process keeps its id and start time when it
becomes another program: no moment exists in which a host runs and is not on record. Once it has joined its cgroups, the
next command can find it; it gives up when PARENT (0: nobody to mind) was killed before that.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Join the cgroups, send output to the log, write the record, become the program."""
    split = arguments.index("--")
    parent, record, log, *joins = arguments[:split]
    program = arguments[split + 1 :]
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for directory in joins:
        Path(directory, "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
    if int(parent) not in (0, os.getppid()):
        sys.exit(1)
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    temporary = Path(f"{record}.new")
    temporary.write_text(json.dumps({"pid": os.getpid(), "started": int(fields[19])}), encoding="utf-8")
    temporary.replace(record)
    os.execvp(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
