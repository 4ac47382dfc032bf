"""The list of programs, and what decides where each is cached."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from core.errors import KitError
from toolchain import programs
from toolchain.golang import fits, pinned_version
from toolchain.programs import Family, families_of, load, required_version

FAMILIES = sorted(load())


def a_family(name: str = "pause", **changed: object) -> Family:
    entry = {"name": name, "title": "t", "licence": "Apache-2.0", "version": "v1.2.3"}
    return Family.model_validate(entry | {"programs": {"p": {"package": "x/p", "title": "t"}}} | changed)


def test_the_programs_of_the_kit_are_known() -> None:
    """Everything that nodes, images and stacks need is in programs.yaml."""
    known = {name for family in load().values() for name in family.programs}
    assert known >= {
        "kubeadm",
        "kubelet",
        "kube-apiserver",
        "etcd",
        "containerd",
        "bridge",
        "coredns",
        "crane",
        "pulumi",
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_has_sources_a_version_and_a_licence(name: str) -> None:
    """A family is a Go module with a version, and its linker flags leave nothing to be filled in."""
    family = load()[name]
    assert (family.sources / "go.mod").is_file()
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", family.version)
    assert family.licence == "Apache-2.0"
    assert "{" not in family.link_flags
    assert family.link_flags.startswith("-s -w")


@pytest.mark.parametrize("name", FAMILIES)
def test_the_pinned_go_builds_every_family(name: str) -> None:
    """No go.mod asks for a Go that the wheel is too old for."""
    wanted = re.search(r"^go (\S+)$", (load()[name].sources / "go.mod").read_text(), re.MULTILINE)
    assert wanted
    assert fits(pinned_version(), wanted[1])


def test_the_rules_are_judged_by_the_kubernetes_that_runs() -> None:
    """Each module that the engine of the rules shares with Kubernetes has one version in both."""
    cluster, judge = (_required(load()[name].sources / "go.mod") for name in ("kubernetes", "policy-judge"))
    shared = cluster.keys() & judge.keys()
    assert {"k8s.io/kubernetes", "k8s.io/apiserver", "github.com/google/cel-go"} <= shared
    assert {name: cluster[name] for name in shared} == {name: judge[name] for name in shared}


def _required(go_mod: Path) -> dict[str, str]:
    found = re.findall(r"^(?:require )?\s*(\S+\.\S+/\S+) (v\S+)(?: // indirect)?$", go_mod.read_text(), re.MULTILINE)
    return dict(found)


def test_folders_without_an_entry_do_not_exist() -> None:
    """Every folder under sources/ is a family."""
    assert sorted(p.name for p in programs.SOURCES.iterdir()) == FAMILIES


def test_the_version_is_the_one_that_go_mod_requires(tmp_path: Path) -> None:
    """A version is written down once, in go.mod; a longer module path is another module."""
    (tmp_path / "go.mod").write_text("module m\n\nrequire (\n\tx.org/a/v2 v2.0.0 // indirect\n\tx.org/a v1.4.0\n)\n")
    assert required_version(tmp_path / "go.mod", "x.org/a") == "v1.4.0"
    with pytest.raises(ValueError, match="does not require"):
        required_version(tmp_path / "go.mod", "x.org/b")


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A typing mistake is answered with the names that exist."""
    with pytest.raises(KitError) as caught:
        families_of(["kubelet", "kubelte"])
    assert caught.value.message == "unknown program: kubelte"
    assert "kubelet" in caught.value.hint


def test_names_of_programs_and_of_families_are_understood() -> None:
    """A program stands for its family, in building order; no name means all."""
    assert [family.name for family in families_of(["kubelet", "cni"])] == ["cni", "kubernetes"]
    assert len(families_of([])) == len(FAMILIES)


@pytest.mark.parametrize(
    ("package", "expected"), [("go.etcd.io/etcd/server/v3", "server"), ("k8s.io/kubernetes/cmd/kubelet", "kubelet")]
)
def test_the_name_that_go_gives_to_a_program(package: str, expected: str) -> None:
    """Go leaves a major version at the end of a path out of the program's name."""
    assert programs.Program(package=package, title="").built_name == expected


@pytest.mark.parametrize("file", ["go.mod", "main.go"])
def test_the_digest_changes_with_each_source_file(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change in any file of a family names another folder in the cache."""
    shutil.copytree(programs.SOURCES / "pause", tmp_path / "pause")
    monkeypatch.setattr(programs, "SOURCES", tmp_path)
    before = a_family().digest("1.26.6", "linux/amd64")
    assert before == a_family().digest("1.26.6", "linux/amd64")
    with (tmp_path / "pause" / file).open("a") as source:
        source.write("\n")
    assert a_family().digest("1.26.6", "linux/amd64") != before


def test_the_digest_changes_with_each_other_input() -> None:
    """Flags, tags, version, programs, the compiler and the platform all count."""
    digests = [
        a_family().digest("1.26.6", "linux/amd64"),
        a_family().digest("1.26.7", "linux/amd64"),
        a_family().digest("1.26.6", "linux/arm64"),
        a_family(ldflags="-X a={version}").digest("1.26.6", "linux/amd64"),
        a_family(ldflags="-X a={version}", version="v1.2.4").digest("1.26.6", "linux/amd64"),
        a_family(tags=["t"]).digest("1.26.6", "linux/amd64"),
        a_family(programs={"q": {"package": "x/q", "title": "t"}}).digest("1.26.6", "linux/amd64"),
    ]
    assert len(set(digests)) == len(digests)


def test_a_broken_list_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    """A key that is missing is named, in one line."""
    broken = tmp_path / "programs.yaml"
    broken.write_text("families:\n  pause:\n    title: t\n    version: 1.0.0\n    programs: {}\n")
    with pytest.raises(KitError, match="licence") as caught:
        load(broken)
    assert "\n" not in caught.value.message
