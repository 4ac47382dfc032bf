"""The Python of a project: which one runs it, what is installed for it, and what installs it."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from toolchain.plugins.language_host import (
    children,
    environment,
    install,
    linking,
    packages,
    plugins,
    programs,
    project,
    prompts,
    run_program,
)
from toolchain.plugins.language_host.environment import PythonEnvironment
from toolchain.plugins.language_host.project import Project, ProjectError


def fake_venv(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    return folder


def read(folder: Path, **options: Any) -> Project:
    return project.read(folder, folder, options)


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """Give an environment with a uv and a poetry; poetry tells where its virtual environment is."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, says in (("uv", ""), ("poetry", str(tmp_path / "poetrys"))):
        (folder / name).write_text(f"#!/bin/sh\necho {says}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


# Which Python


def test_virtualenv_is_found_beside_the_project(tmp_path: Path) -> None:
    """The option counts from the project's folder, wherever the engine was started and wherever the program is."""
    made = fake_venv(tmp_path / "venv")
    root = tmp_path / "stacks" / "one"
    (root / "program").mkdir(parents=True)
    found = environment.find(project.read(root, root / "program", {"virtualenv": "../../venv"}))
    assert found.python.resolve() == Path(sys.executable).resolve()
    assert found.virtualenv == made


def test_missing_virtualenv_is_told(tmp_path: Path) -> None:
    """The message names the folder and the way out."""
    with pytest.raises(ProjectError, match=r"venv does not exist.*pulumi install"):
        environment.find(read(tmp_path, virtualenv="venv"))


def test_uv_keeps_its_environment_beside_its_lock_file(tmp_path: Path) -> None:
    """A project within a uv workspace uses that one's environment, unless it names another."""
    (tmp_path / "uv.lock").touch()
    inner = tmp_path / "stacks" / "one"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").touch()
    assert environment.virtualenv(read(inner, toolchain="uv")) == tmp_path / ".venv"
    assert environment.virtualenv(read(inner, toolchain="uv", virtualenv="mine")) == inner / "mine"


def test_poetry_is_asked_for_its_environment(tmp_path: Path, tools: dict[str, str]) -> None:
    """Poetry keeps environments in a cache of its own; a .venv in the project comes first."""
    asked = read(tmp_path, toolchain="poetry")
    assert environment.virtualenv(asked, tools) == tmp_path / "poetrys"
    fake_venv(tmp_path / ".venv")
    assert environment.virtualenv(asked, {"PATH": ""}) == tmp_path / ".venv"


def test_tool_is_known_from_its_lock_file(tmp_path: Path) -> None:
    """A project that names no tool uses the one that locked its packages."""
    program = tmp_path / "program"
    program.mkdir()
    assert read(program).tool == "pip"
    (tmp_path / "poetry.lock").touch()
    assert read(program).tool == "poetry"
    (tmp_path / "uv.lock").touch()
    assert read(program).tool == "uv"
    assert read(program, toolchain="pip").tool == "pip"


def test_without_an_option_the_python_on_path_runs(tmp_path: Path) -> None:
    """As upstream: PULUMI_PYTHON_CMD, else python3."""
    found = environment.find(read(tmp_path), {"PATH": str(Path(sys.executable).parent)})
    assert found.virtualenv is None
    assert found.python.name == "python3"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"toolchain": "conda"}, "'toolchain' must be pip, uv or poetry, not 'conda'"),
        ({"typechecker": "pytype"}, "'typechecker' must be mypy or pyright, not 'pytype'"),
        ({"virtualenv": True}, "'virtualenv' must be text, not True"),
    ],
)
def test_option_that_is_not_understood_is_told(tmp_path: Path, option: dict[str, Any], message: str) -> None:
    """A mistyped option is not ignored."""
    with pytest.raises(ProjectError, match=message):
        read(tmp_path, **option)


def test_variables_are_those_of_an_activated_environment(tmp_path: Path) -> None:
    """Programs that the program starts find the same environment."""
    venv = fake_venv(tmp_path / "venv")
    variables = PythonEnvironment(venv / "bin" / "python", venv).variables({"PATH": "/bin", "PYTHONHOME": "/x"})
    assert variables == {"PATH": f"{venv}/bin:/bin", "VIRTUAL_ENV": str(venv)}


# What is installed


def write_distribution(folder: Path, name: str, version: str, requires: str = "") -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    needed = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}")


def test_packages_that_need_a_plugin_are_listed(tmp_path: Path) -> None:
    """The engine learns which resource plugins a project needs, with what they are parameterized by."""
    venv = fake_venv(tmp_path / "venv")
    folder = venv / "lib" / "python3.11" / "site-packages"
    for name, described in (
        ("pulumi_one", {"resource": True, "version": "1.2.3"}),
        ("pulumi_two", {"resource": False}),
        (
            "three",
            {
                "resource": True,
                "name": "bridge",
                "version": "2.0.0",
                "parameterization": {"name": "three", "version": "3.0.0", "value": "eA=="},
            },
        ),
    ):
        (folder / name).mkdir()
        (folder / name / "pulumi-plugin.json").write_text(json.dumps(described))
    found = list(packages.required(PythonEnvironment(venv / "bin" / "python", venv)))
    assert [(p.name, p.kind, p.version) for p in found] == [
        ("one", "resource", "1.2.3"),
        ("bridge", "resource", "2.0.0"),
    ]
    assert (found[1].parameterization.name, found[1].parameterization.value) == ("three", b"x")


def test_what_a_project_asked_for_is_told_apart_from_what_that_needs(tmp_path: Path) -> None:
    """``pulumi about`` lists the packages a person chose; with --transitive, all."""
    venv = fake_venv(tmp_path / "venv")
    folder = venv / "lib" / "python3.11" / "site-packages"
    write_distribution(folder, "chosen", "1.0", "Needed_One>=1")
    write_distribution(folder, "needed.one", "1.5")
    write_distribution(folder, "other", "2.0", "chosen; extra == 'never'")
    found = PythonEnvironment(venv / "bin" / "python", venv)
    assert packages.installed(found, transitive=False) == [("chosen", "1.0"), ("other", "2.0")]
    assert [name for name, _ in packages.installed(found, transitive=True)] == ["chosen", "needed-one", "other"]


# Installing


def test_install_makes_what_is_missing(tmp_path: Path) -> None:
    """``pulumi install`` makes the virtual environment once, and installs the requirements into it."""
    (tmp_path / "requirements.txt").touch()
    asked = read(tmp_path, virtualenv="venv")
    first = install.commands(asked)
    fake_venv(tmp_path / "venv")
    second = install.commands(asked)
    assert first[0].words[1:] == ["-m", "venv", str(tmp_path / "venv")]
    assert first[1:] == second
    assert second[0].words[0] == str(tmp_path / "venv" / "bin" / "python")
    assert second[0].words[-2:] == ["-r", "requirements.txt"]


def test_run_installs_only_where_nothing_is_installed(tmp_path: Path, tools: dict[str, str]) -> None:
    """A run makes a missing environment, leaves pip's alone once it stands, and has uv follow its lock file."""
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "pyproject.toml").touch()
    pip, uv = read(tmp_path, virtualenv=".venv"), read(tmp_path, toolchain="uv")
    assert len(install.synchronise(pip)) == 2
    fake_venv(tmp_path / ".venv")
    assert install.synchronise(pip) == []
    assert install.synchronise(read(tmp_path)) == []
    (command,) = install.synchronise(uv, tools)
    assert command.words[1:] == ["sync", "--inexact", "--quiet"]
    assert command.variables == {"UV_PROJECT_ENVIRONMENT": str(tmp_path / ".venv")}


def test_missing_tool_is_told(tmp_path: Path) -> None:
    """The message names the tool."""
    with pytest.raises(ProjectError, match="installed with uv, which is not on PATH"):
        install.commands(read(tmp_path, toolchain="uv"), {"PATH": ""})


@pytest.mark.parametrize("tool", ["uv", "poetry"])
def test_requirements_of_a_template_move_to_the_tools_own_file(tmp_path: Path, tool: str) -> None:
    """Templates list what they need in requirements.txt; uv and poetry want a pyproject.toml."""
    (tmp_path / "requirements.txt").write_text('pulumi>=3,<4  # the SDK\n\n# more\nother; python_version > "3"\n')
    assert "requirements.txt" in install.prepare(read(tmp_path, toolchain=tool), "mine")
    made = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert made["project"]["name"] == "mine"
    assert made["project"]["dependencies"] == ["pulumi>=3,<4", 'other; python_version > "3"']
    assert not (tmp_path / "requirements.txt").exists()
    assert install.prepare(read(tmp_path, toolchain=tool), "mine") == ""


def test_requirements_that_cannot_move_stay(tmp_path: Path) -> None:
    """An option of pip has no place in a pyproject.toml: it is told, and nothing is changed."""
    (tmp_path / "requirements.txt").write_text("-r ../other.txt\n")
    with pytest.raises(ProjectError, match=r"'-r \.\./other\.txt' cannot be moved"):
        install.prepare(read(tmp_path, toolchain="uv"), "mine")
    assert [file.name for file in tmp_path.iterdir()] == ["requirements.txt"]


def test_generated_package_is_required_once(tmp_path: Path, tools: dict[str, str]) -> None:
    """``pulumi package add`` twice adds one line; uv is asked to add it itself."""
    (tmp_path / "requirements.txt").write_text("pulumi")
    for _ in range(2):
        assert linking.commands(read(tmp_path), ["sdks/one"]) == []
    assert (tmp_path / "requirements.txt").read_text() == "pulumi\nsdks/one\n"
    (command,) = linking.commands(read(tmp_path, toolchain="uv"), ["sdks/one"], tools)
    assert command.words[-1] == "sdks/one"


def test_person_is_asked_for_the_tool_then_for_pips_environment(tools: dict[str, str]) -> None:
    """``pulumi new`` asks as upstream does; what is not on PATH is marked and comes last."""
    (tool,) = prompts.of({}, {"PATH": ""})
    assert [choice.displayName for choice in tool.choices] == ["pip", "poetry [not found]", "uv [not found]"]
    (tool,) = prompts.of({}, tools)
    assert [choice.stringValue for choice in tool.choices] == ["pip", "poetry", "uv"]
    Path(tools["PATH"].partition(":")[0], "poetry").unlink()
    (tool,) = prompts.of({}, tools)
    assert [choice.displayName for choice in tool.choices] == ["pip", "uv", "poetry [not found]"]
    assert tool.default.stringValue == "pip"
    (folder,) = prompts.of({"toolchain": "pip"}, tools)
    assert (folder.key, folder.default.stringValue) == ("virtualenv", "venv")
    assert prompts.of({"toolchain": "uv"}, tools) == []
    assert prompts.of({"toolchain": "pip", "virtualenv": "venv"}, tools) == []


# Running


def test_type_checker_that_is_not_installed_is_told(tmp_path: Path) -> None:
    """The message says what to add."""
    venv = fake_venv(tmp_path / "venv")
    with pytest.raises(ProjectError, match="'typechecker' is pyright, which is not installed"):
        programs.check(read(tmp_path, typechecker="pyright"), PythonEnvironment(venv / "bin" / "python", venv))


def test_plugin_never_runs_in_the_machines_python(tmp_path: Path) -> None:
    """A plugin that names no environment has one of its own; a policy pack may do without."""
    (tmp_path / "__main__.py").touch()
    with pytest.raises(ProjectError, match="/venv does not exist"):
        plugins.command(read(tmp_path), "resource", [])
    made = fake_venv(tmp_path / "venv")
    assert plugins.command(read(tmp_path), "resource", ["x"])[1] == [f"{made}/bin/python", "-u", str(tmp_path), "x"]
    assert plugins.command(read(tmp_path), "analyzer", [])[0].virtualenv is None


def test_plugin_that_is_a_package_is_served_by_the_sdk(tmp_path: Path) -> None:
    """Without a __main__.py the components of the package are served; a folder with neither is told."""
    fake_venv(tmp_path / "venv")
    for incomplete in ("", '[project]\nname = "parts"\n', '[build-system]\nbuild-backend = "x"\n'):
        (tmp_path / "pyproject.toml").write_text(incomplete)
        with pytest.raises(ProjectError, match=r"neither a __main__.py nor a pyproject.toml"):
            plugins.command(read(tmp_path), "resource", [])
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "parts"\n[build-system]\nbuild-backend = "x"\n')
    assert plugins.command(read(tmp_path), "resource", ["y"])[1][2:] == ["-m", "pulumi.run.plugin", "parts", "y"]


def test_traceback_begins_in_the_program(tmp_path: Path) -> None:
    """The frames that led to the program are not shown; those in the program all are."""
    program = tmp_path / "__main__.py"
    program.write_text("def inner():\n    raise ValueError('mine')\n\n\ninner()\n")
    with pytest.raises(ValueError, match="mine") as caught:
        runpy.run_path(str(tmp_path), run_name="__main__")
    caught.value.__traceback__ = caught.tb.tb_next  # without this test's own frame
    lines = run_program.own_traceback(caught.value).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "__main__.py" in lines[1]
    assert "in inner" in "".join(lines)
    assert lines[-1] == "ValueError: mine"
    assert not any("runpy" in line for line in lines)


def test_output_of_a_plugin_is_streamed_as_it_comes() -> None:
    """Both streams of a plugin are passed on whole, each under its own name."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    received: dict[str, bytes] = {"stdout": b"", "stderr": b""}
    for name, data in children.stream(child):
        received[name] += data
    child.wait()
    assert received == {"stdout": b"out\n", "stderr": b"err\n"}
