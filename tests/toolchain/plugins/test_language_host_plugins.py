"""Policy packs, components and projects in Python, as a person makes and installs them."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import VENV, Project

pytestmark = pytest.mark.toolchain

OPTIONS = "runtime:\n  name: python\n  options:\n    virtualenv: {venv}\n"

PACK = """
from pulumi_policy import EnforcementLevel, PolicyConfigSchema, PolicyPack, ResourceValidationPolicy

def check(args, report):
    if args.name.startswith(args.get_config()["forbidden"]):
        report(f"{args.name} is not a good name")

names = ResourceValidationPolicy(
    "names", "What names may be", check,
    enforcement_level=EnforcementLevel.ADVISORY,
    config_schema=PolicyConfigSchema(properties={"forbidden": {"type": "string", "default": "worst"}}),
)
PolicyPack("names", policies=[names])
"""

COMPONENT = """
from typing import Optional, TypedDict
import pulumi

class GreetingArgs(TypedDict):
    who: pulumi.Input[str]

class Greeting(pulumi.ComponentResource):
    text: pulumi.Output[str]

    def __init__(self, name: str, args: GreetingArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        super().__init__("greetings:index:Greeting", name, {}, opts)
        self.text = pulumi.Output.concat("hello, ", args["who"])
        self.register_outputs({"text": self.text})
"""

HOST = """
from pulumi.provider.experimental import component_provider_host
from greeting import Greeting

component_provider_host(name="greetings", components=[Greeting])
"""

BACKEND = '''
import pathlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    """Build this folder's one module, with nothing from elsewhere."""
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(folder, "tiny-1.0-py3-none-any.whl"), "w") as wheel:
        wheel.write("tiny.py")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "tiny-1.0-py3-none-any.whl"
'''


def test_policy_pack_is_configured_from_a_file(bare: Project) -> None:
    """--policy-pack-config sets a rule's own settings and how strict it is; without it the defaults hold."""
    bare.write("import pulumi\npulumi.ComponentResource('a:b:C', 'bad-name')\n")
    pack = bare.folder / "pack"
    pack.mkdir()
    bare.write(OPTIONS.format(venv=VENV), "pack/PulumiPolicy.yaml")
    bare.write(PACK, "pack/__main__.py")
    bare.preview(policy_pack=pack)
    for settings, expected in (
        ({"forbidden": "bad", "enforcementLevel": "mandatory"}, "bad-name is not a good name"),
        ({"forbidden": 3}, "Expected: string, given: integer"),
    ):
        bare.write(json.dumps({"names": settings}), "settings.json")
        code, said = bare.cli("preview", "--policy-pack", str(pack), "--policy-pack-config", "settings.json")
        assert code == 1
        assert expected in said


def borrow(folder: Path) -> None:
    """Make a virtual environment that sees what is installed for the tests, and so needs no index."""
    venv.create(folder, with_pip=False)
    packages = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    (folder / packages / "borrowed.pth").write_text(f"{VENV / packages}\n")


@pytest.mark.parametrize("form", ["folder", "package"])
def test_components_of_a_folder_are_used_like_a_package(bare: Project, form: str) -> None:
    """``pulumi package add ./folder`` writes an SDK for it, requires and installs that; then the program uses it."""
    parts = bare.folder / "parts"
    parts.mkdir()
    borrow(bare.folder / "venv")
    if form == "folder":
        bare.write(OPTIONS.format(venv=VENV), "parts/PulumiPlugin.yaml")
        bare.write(HOST, "parts/__main__.py")
        bare.write(COMPONENT, "parts/greeting.py")
    else:
        borrow(parts / "venv")
        bare.write("runtime: python\n", "parts/PulumiPlugin.yaml")
        bare.write(COMPONENT, "parts/greetings.py")
        project = '[project]\nname = "greetings"\nversion = "1.0"\n'
        backend = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        bare.write(project + backend + '[tool.setuptools]\npy-modules = ["greetings"]\n', "parts/pyproject.toml")
    bare.write((bare.folder / "Pulumi.yaml").read_text().replace(str(VENV), "venv"), "Pulumi.yaml")
    bare.write("", "requirements.txt")
    bare.environment |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    if form == "package":
        code, said = bare.cli("install", cwd=parts, stack=False)
        assert code == 0, said
    code, said = bare.cli("package", "add", "./parts", stack=False)
    assert code == 0, said
    assert "import pulumi_greetings as greetings" in said
    bare.write(
        """
        import pulumi
        import pulumi_greetings

        pulumi.export("text", pulumi_greetings.Greeting("g", who=pulumi.Output.secret("world")).text)
        """
    )
    assert bare.up().outputs == {"text": "hello, world"}
    assert bare.up().changed == 0
    assert "world" not in json.dumps(bare.resource("Greeting"))


def template(folder: Path, requirement: str) -> None:
    """Write a template for new projects."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(
        "name: ${PROJECT}\ndescription: ${DESCRIPTION}\nruntime: python\n"
        "template:\n  config:\n    greeting:\n      description: what to say\n      default: hello\n"
    )
    (folder / "requirements.txt").write_text(requirement)
    (folder / "__main__.py").write_text(
        "import pulumi, tiny\npulumi.export('said', pulumi.Config().require('greeting') + tiny.NAME)\n"
    )


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Give the source of a package that is built with nothing from elsewhere."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "tiny.py").write_text("NAME = ' tiny'\n")
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "tiny"\nversion = "1.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return folder


def test_new_project_asks_only_for_a_tool_and_installs_with_it(bare: Project, tiny: Path, tmp_path: Path) -> None:
    """``pulumi new`` from a local template makes project, stack, settings and virtual environment: it runs at once."""
    template(tmp_path / "template", f"{tiny}\n")
    made = tmp_path / "made"
    made.mkdir()
    bare.environment |= {"PIP_NO_INDEX": "1"}
    words = ["new", str(tmp_path / "template"), "--yes", "--name", "made", "--stack", "test"]
    code, said = bare.cli(*words, cwd=made, stack=False)
    assert code == 0, said
    settings = (made / "Pulumi.yaml").read_text()
    assert "toolchain: pip\n    virtualenv: venv\n" in settings
    sdk = made / "venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (sdk / "borrowed.pth").write_text(str(VENV / sdk.relative_to(made / "venv")))
    code, said = bare.cli("up", "--yes", "--skip-preview", cwd=made)
    assert code == 0, said
    assert 'said: "hello tiny"' in said


def test_new_project_is_generated_only_if_asked(bare: Project, tmp_path: Path) -> None:
    """--generate-only writes the files and nothing else; uv's own file stands in place of requirements.txt."""
    template(tmp_path / "template", "tiny==1.0\n")
    made = tmp_path / "made"
    made.mkdir()
    words = ["new", str(tmp_path / "template"), "--yes", "--name", "made", "--generate-only"]
    code, said = bare.cli(*words, "--runtime-options=toolchain=uv", cwd=made, stack=False)
    assert code == 0, said
    assert sorted(file.name for file in made.iterdir()) == ["Pulumi.yaml", "__main__.py", "pyproject.toml"]
    assert tomllib.loads((made / "pyproject.toml").read_text())["project"]["dependencies"] == ["tiny==1.0"]


def test_install_fills_the_virtual_environment_of_a_pip_project(bare: Project, tiny: Path) -> None:
    """``pulumi install`` makes what Pulumi.yaml names; a failure says why and fails."""
    bare.write((bare.folder / "Pulumi.yaml").read_text().replace(str(VENV), "own"), "Pulumi.yaml")
    bare.environment |= {"PIP_NO_INDEX": "1"}
    bare.write("not-there\n", "requirements.txt")
    code, said = bare.cli("install", stack=False)
    assert code != 0
    assert "No matching distribution found for not-there" in said
    bare.write(f"{tiny}\n", "requirements.txt")
    code, said = bare.cli("install", stack=False)
    assert code == 0, said
    code, said = bare.cli("about", "--json")
    told = json.loads(said)
    assert told["runtime"]["executable"] == str(bare.folder / "own" / "bin" / "python")
    assert {"name": "tiny", "version": "1.0"} in told["dependencies"]


def test_run_makes_the_environment_that_is_missing(bare: Project, tiny: Path) -> None:
    """A fresh checkout runs without ``pulumi install``, as upstream; what cannot be installed is told."""
    bare.write((bare.folder / "Pulumi.yaml").read_text().replace(str(VENV), "own"), "Pulumi.yaml")
    bare.environment |= {"PIP_NO_INDEX": "1"}
    bare.write("not-there\n", "requirements.txt")
    bare.write("import tiny\n")
    with pytest.raises(KitError, match="No matching distribution found for not-there"):
        bare.preview()
    shutil.rmtree(bare.folder / "own")
    bare.write(f"{tiny}\n", "requirements.txt")
    with pytest.raises(KitError, match="lacks the Pulumi SDK"):
        bare.preview()
    assert (bare.folder / "own" / "bin" / "python").exists()


def test_uv_project_follows_its_lock_file(bare: Project, tiny: Path) -> None:
    """What is added to pyproject.toml is there at the next run, and ``pulumi about`` tells what was chosen."""
    settings = (bare.folder / "Pulumi.yaml").read_text()
    bare.write(settings.replace(f"virtualenv: {VENV}", "toolchain: uv"), "Pulumi.yaml")
    bare.environment |= {"UV_OFFLINE": "1", "UV_PYTHON": sys.executable}
    bare.environment["PATH"] += f":{VENV / 'bin'}"
    wanted = '[project]\nname = "stack"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{}]\n'
    bare.write(wanted.format(""), "pyproject.toml")
    code, said = bare.cli("install", stack=False)
    assert code == 0, said
    assert (bare.folder / "uv.lock").exists()
    sources = f'[tool.uv.sources]\ntiny = {{ path = "{tiny}" }}\n'
    bare.write(wanted.format('"tiny"') + sources, "pyproject.toml")
    packages = bare.folder / ".venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (packages / "borrowed.pth").write_text(str(VENV / packages.relative_to(bare.folder / ".venv")))
    bare.write("import pulumi, tiny\npulumi.export('name', tiny.NAME)\n")
    assert bare.up().outputs == {"name": " tiny"}
    told = json.loads(bare.cli("about", "--json")[1])
    assert told["runtime"]["toolchain"] == "Uv"
    assert told["dependencies"] == [{"name": "tiny", "version": "1.0"}]


def test_types_are_checked_before_a_program_runs(bare: Project) -> None:
    """With a type checker in Pulumi.yaml, a mistake of types stops the run before anything is made."""
    settings = (bare.folder / "Pulumi.yaml").read_text()
    bare.write(settings + "    typechecker: mypy\n", "Pulumi.yaml")
    bare.write("wrong: int = 'text'\nprint('ran')\n")
    code, said = bare.cli("preview")
    assert code != 0
    assert 'Incompatible types in assignment (expression has type "str", variable has type "int")' in said
    assert "mypy found mistakes in the program" in said
    assert "ran" not in said.split()
    bare.write("print('ran')\n")
    code, said = bare.cli("preview")
    assert code == 0, said
    assert "ran" in said.split()
