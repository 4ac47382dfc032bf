"""The Python of a project, and what becomes of its program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from toolchain.plugins import install, language_host, python_environment, run_program
from toolchain.plugins.python_environment import PythonEnvironment, PythonNotFoundError


def fake_venv(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    return folder


def test_virtualenv_is_found_beside_the_project(tmp_path: Path) -> None:
    """The option counts from the project's folder, wherever the engine was started."""
    made = fake_venv(tmp_path / "venv")
    (tmp_path / "stacks" / "one").mkdir(parents=True)
    found = python_environment.find(tmp_path / "stacks" / "one", {"virtualenv": "../../venv"})
    assert found.python.resolve() == Path(sys.executable).resolve()
    assert found.virtualenv is not None
    assert found.virtualenv.resolve() == made


def test_missing_virtualenv_is_told(tmp_path: Path) -> None:
    """The message names the folder and the way out."""
    with pytest.raises(PythonNotFoundError, match=r"venv does not exist.*pulumi install"):
        python_environment.find(tmp_path, {"virtualenv": "venv"})


def test_uv_and_poetry_keep_theirs_in_dot_venv(tmp_path: Path) -> None:
    """A project of either tool needs no option for the folder."""
    fake_venv(tmp_path / ".venv")
    for tool in ("uv", "poetry"):
        assert python_environment.find(tmp_path, {"toolchain": tool}).virtualenv == tmp_path / ".venv"


def test_without_an_option_the_python_on_path_runs(tmp_path: Path) -> None:
    """As upstream: PULUMI_PYTHON_CMD, else python3."""
    found = python_environment.find(tmp_path, {}, {"PATH": str(Path(sys.executable).parent)})
    assert found.virtualenv is None
    assert found.python.name == "python3"


def test_unknown_tool_is_told(tmp_path: Path) -> None:
    """A mistyped option is not ignored."""
    with pytest.raises(PythonNotFoundError, match="pip, uv or poetry, not 'conda'"):
        python_environment.find(tmp_path, {"toolchain": "conda"})


def test_variables_are_those_of_an_activated_environment(tmp_path: Path) -> None:
    """Programs that the program starts find the same environment."""
    venv = fake_venv(tmp_path / "venv")
    variables = PythonEnvironment(venv / "bin" / "python", venv).variables({"PATH": "/bin", "PYTHONHOME": "/x"})
    assert variables == {"PATH": f"{venv}/bin:/bin", "VIRTUAL_ENV": str(venv)}


def test_packages_that_need_a_plugin_are_listed(tmp_path: Path) -> None:
    """The engine learns which resource plugins a project needs, from what is installed for it."""
    venv = fake_venv(tmp_path / "venv")
    packages = venv / "lib" / "python3.11" / "site-packages"
    for name, described in (
        ("pulumi_one", {"resource": True, "version": "1.2.3"}),
        ("pulumi_two", {"resource": False}),
    ):
        (packages / name).mkdir()
        (packages / name / "pulumi-plugin.json").write_text(json.dumps(described))
    (packages / "some_package-4.5.dist-info").mkdir()
    environment = PythonEnvironment(venv / "bin" / "python", venv)
    assert list(python_environment.pulumi_packages(environment)) == [
        {"resource": True, "version": "1.2.3", "name": "one"}
    ]
    assert list(python_environment.distributions(environment)) == [("some_package", "4.5")]


def test_install_makes_what_is_missing(tmp_path: Path) -> None:
    """``pulumi install`` makes the virtual environment once, and installs the requirements into it."""
    (tmp_path / "requirements.txt").touch()
    first = install.commands(tmp_path, {"virtualenv": "venv"})
    fake_venv(tmp_path / "venv")
    second = install.commands(tmp_path, {"virtualenv": "venv"})
    assert first[0][1:] == ["-m", "venv", str(tmp_path / "venv")]
    assert first[1:] == second
    assert second[0][0] == str(tmp_path / "venv" / "bin" / "python")
    assert second[0][-2:] == ["-r", "requirements.txt"]


def test_traceback_begins_in_the_program(tmp_path: Path) -> None:
    """The frames that led to the program are not shown; those in the program all are."""
    import runpy

    program = tmp_path / "__main__.py"
    program.write_text("def inner():\n    raise ValueError('mine')\n\n\ninner()\n")
    with pytest.raises(ValueError, match="mine") as caught:
        runpy.run_path(str(tmp_path), run_name="__main__")
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
    for name, data in language_host._stream(child):
        received[name] += data
    child.wait()
    assert received == {"stdout": b"out\n", "stderr": b"err\n"}
