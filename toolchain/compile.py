"""Building one family with `go build`, and reading out what was linked into its programs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import ProgramError
from core.files import sha256
from core.programs import run
from toolchain import golang
from toolchain.programs import Family

Report = Callable[[int, int, str], None]
"""Called with the steps done, the steps in all, and what is being worked on."""

MANIFEST = "manifest.json"
MODULES = "modules.json"

_PACKAGE = re.compile(r"[A-Za-z0-9_.~/-]+")
_COMPILED = "not installed but available in build cache"


def compile_family(family: Family, go: golang.Go, into: Path, report: Report) -> None:
    """Build a family's programs into ``into``/bin, with manifest.json and modules.json beside them.

    Raises ProgramError with the compiler's last line when the build fails.
    """
    work, binaries = into / "work", into / "bin"
    work.mkdir()
    binaries.mkdir()
    program = golang.ready(go)
    packages = [p.package for p in family.programs.values()]
    tags = ["-tags", ",".join(family.tags)] if family.tags else []

    report(0, 0, "reading modules")
    stale = "{{if .Stale}}{{.ImportPath}}\t{{.StaleReason}}{{end}}"
    listed = _go(
        family, [program, "list", "-deps", "-f", stale, *tags, *packages], work, lambda line: _downloading(line, report)
    )
    to_compile = {line.split("\t")[0] for line in listed.splitlines() if not line.endswith(_COMPILED)}
    total = len(to_compile) + len(packages)
    seen: set[str] = set()

    def advance(line: str) -> bool:
        if not _PACKAGE.fullmatch(line):
            return _downloading(line, report)
        seen.add(line)
        report(min(len(seen & to_compile), total), total, line)
        return True

    report(0, total, "compiling" if to_compile else "linking")
    flags = ["-v", *tags, "-ldflags", family.link_flags]
    _go(family, [program, "build", *flags, "-o", f"{binaries}/", *packages], work, advance)
    report(total, total, "done")
    work.rmdir()
    for name, entry in family.programs.items():
        binary = binaries / entry.built_name
        if not binary.is_file():
            raise ProgramError(f"{family.name}: the build made no program {name}", "see toolchain/programs.yaml")
        binary.rename(binaries / name)
    _describe(family, go, program, into)


def _describe(family: Family, go: golang.Go, program: Path, into: Path) -> None:
    """Write manifest.json (what each program is) and modules.json (the Go modules linked into it)."""
    linked = {
        name: linked_modules(run([program, "version", "-m", into / "bin" / name]).stdout) for name in family.programs
    }
    manifest = {
        "schema": 1,
        "family": family.name,
        "version": family.version,
        "go": go.version,
        "platform": f"linux/{golang.architecture()}",
        "programs": {
            name: {
                "version": family.version,
                "licence": family.licence,
                "package": entry.package,
                "size": (into / "bin" / name).stat().st_size,
                "sha256": sha256(into / "bin" / name),
            }
            for name, entry in family.programs.items()
        },
    }
    (into / MANIFEST).write_text(json.dumps(manifest, indent=2))
    (into / MODULES).write_text(json.dumps(linked))


def linked_modules(text: str) -> list[tuple[str, str]]:
    """Path and version of each module that `go version -m` lists; where one is replaced, its replacement."""
    modules: list[tuple[str, str]] = []
    for line in text.splitlines():
        match line.strip().split("\t"):
            case ["dep", path, version, *_]:
                modules.append((path, version))
            case ["=>", path, version, *_]:
                modules[-1] = (path, version)
            case _:
                pass
    return modules


def _downloading(line: str, report: Report) -> bool:
    found = re.fullmatch(r"go: downloading (\S+) (\S+)", line)
    if found:
        report(0, 0, f"downloading {found[1]}")
    return bool(found)


def _go(family: Family, command: Sequence[str | Path], work: Path, consume: Callable[[str], bool]) -> str:
    """Run Go in a family's folder and return what it prints; lines that ``consume`` refuses are the error's text.

    Go gets SIGINT when this process ends in whatever way, and so cleans up after itself.
    """
    said: deque[str] = deque(maxlen=40)
    with tempfile.TemporaryFile("w+", dir=work) as printed:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "INT", *command],
            cwd=family.sources,
            env={**golang.environment(), "GOTMPDIR": str(work)},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            for line in process.stderr or ():
                if not consume(line.rstrip()):
                    said.append(line.rstrip())
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        if code != 0:
            raise ProgramError(
                f"{family.name} {family.version} does not build: {gist(said)}", _way_out(said), "\n".join(said)
            )
        printed.seek(0)
        return printed.read()


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def gist(said: Sequence[str]) -> str:
    """Return the last words of the compiler as one line: two messages at most, none of them twice."""
    messages = [line.strip() for line in said if line.strip() and not line.startswith("#")]
    without_place = {re.sub(r"^\S+:\d+:\d+: |^\S+@v\S+: ", "", message): message for message in messages}
    lines = [text if len(text) <= 200 else f"{text[:199]}…" for text in without_place.values()]
    return "; ".join(lines[-2:]) or "go ended without a word"


def _way_out(said: Sequence[str]) -> str:
    text = "\n".join(said)
    if "no space left" in text:
        return "free some disk space and start again: what was compiled is kept"
    if re.search(r"dial tcp|i/o timeout|proxyconnect|no such host|Get \"|GOPROXY", text):
        return "modules come from the Go module proxy: check GOPROXY and the network"
    return "restore toolchain/sources from the repository; the same command again goes on from what was compiled"
